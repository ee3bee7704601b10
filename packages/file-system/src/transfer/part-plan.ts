/**
 * How a large file is uploaded: which parts are sent and which are copied by the store from the object the file
 * came from. S3's rules: at most 10,000 parts, every part but the last at least 5 MiB, a copied part at most 5 GiB.
 */
import type { ByteSpan, TransferJob } from './jobs.ts';

export interface Part extends ByteSpan {
  copied: boolean;
}

const MiB = 1024 * 1024;
/** Files up to this size are sent with one PUT. */
export const singlePutBytesMax: number = 16 * MiB;
/** Larger objects are copied in parts, in parallel; S3 itself refuses above 5 GiB. */
export const singleCopyBytesMax: number = 256 * MiB;
const partBytesUsual = 16 * MiB;
const partBytesMin = 5 * MiB;
const copyBytesMax = 5 * 1024 * MiB;
const partsMax = 10_000;

/** Whether the job begins an upload in parts. */
export function goesInParts(job: Pick<TransferJob, 'kind'> & { size?: number }): boolean {
  const { kind, size = 0 } = job;
  return (
    (kind === 'upload' && size > singlePutBytesMax) ||
    (kind === 'copy' && size > singleCopyBytesMax)
  );
}

/** `unchanged`: sorted, not overlapping; bytes that the base object has at the same place. */
export function planParts(size: number, unchanged: readonly ByteSpan[]): Part[] {
  const partBytes = Math.max(partBytesUsual, Math.ceil(size / (partsMax / 2) / MiB) * MiB);
  const copies = unchanged
    .map(({ start, end }) => ({ start, end: Math.min(end, size) }))
    .filter(({ start, end }) => end - start >= partBytesMin);
  const parts: Part[] = [];
  let next = 0;
  for (let at = 0; at < size;) {
    while (next < copies.length && (copies[next]?.end ?? 0) - at < partBytesMin) next++;
    const copy = copies[next];
    if (copy !== undefined && copy.start <= at) {
      const end = Math.min(copy.end, at + copyBytesMax);
      parts.push({ start: at, end, copied: true });
      at = end;
      continue;
    }
    // A sent part in the middle that would be too small reaches into the bytes that could have been copied.
    let end = Math.min(at + partBytes, size);
    if (copy !== undefined && copy.start < end && copy.start - at >= partBytesMin) end = copy.start;
    else if (copy !== undefined && copy.start < at + partBytesMin) {
      end = Math.min(at + partBytesMin, size);
    }
    parts.push({ start: at, end, copied: false });
    at = end;
  }
  return parts;
}
