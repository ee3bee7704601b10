/**
 * The bytes of a journal segment: an 8-byte magic, then frames of
 * `u32 length, u32 crc32(payload), payload`, little endian; a payload is one JSON record.
 *
 * A frame that is cut short or fails its checksum ends the readable part. Whether that is a torn
 * tail (the last write of a process that died) or corruption is for the reader's caller to decide.
 */
import { crc32 } from 'node:zlib';

export const SEGMENT_MAGIC: Buffer = Buffer.from('MRGJRNL1', 'latin1');
const FRAME_HEADER_BYTES = 8;
/** Larger than any legal record: a length beyond this is damage, not data. */
const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;

/** One record as a frame. */
export function frame(record: unknown): Buffer {
  const text = JSON.stringify(record);
  const bytes = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + bytes);
  out.writeUInt32LE(bytes, 0);
  out.write(text, FRAME_HEADER_BYTES, 'utf8');
  out.writeUInt32LE(crc32(out.subarray(FRAME_HEADER_BYTES)), 4);
  return out;
}

export interface SegmentReading {
  /** Length of the readable part: a new frame may be appended here. */
  goodBytes: number;
  records: number;
  /** Set when bytes follow that are not a whole, valid frame. */
  damage?: { reason: string; bytes: number };
}

/** Hands every valid record of a segment to `each`, in order, as the JSON it is. */
export function readSegment(bytes: Buffer, each: (record: Buffer) => void): SegmentReading {
  if (bytes.length < SEGMENT_MAGIC.length || !bytes.subarray(0, 8).equals(SEGMENT_MAGIC)) {
    return {
      goodBytes: 0,
      records: 0,
      damage: { reason: 'not a journal segment', bytes: bytes.length },
    };
  }
  let offset = SEGMENT_MAGIC.length;
  let records = 0;
  while (offset < bytes.length) {
    const end = frameEnd(bytes, offset);
    if (typeof end === 'string') {
      return {
        goodBytes: offset,
        records,
        damage: { reason: end, bytes: bytes.length - offset },
      };
    }
    each(bytes.subarray(offset + FRAME_HEADER_BYTES, end));
    records++;
    offset = end;
  }
  return { goodBytes: offset, records };
}

/** Whole, valid frames found anywhere in `bytes`: what would be lost by cutting them off. */
export function countFrames(bytes: Buffer): number {
  let found = 0;
  for (let offset = 0; offset + FRAME_HEADER_BYTES < bytes.length;) {
    const end = frameEnd(bytes, offset);
    if (typeof end === 'number' && bytes[offset + FRAME_HEADER_BYTES] === 0x7b) {
      found++;
      offset = end;
    } else {
      offset++;
    }
  }
  return found;
}

/** Where the frame at `offset` ends, or why it is no frame. */
function frameEnd(bytes: Buffer, offset: number): number | string {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return 'a frame header is cut short';
  const length = bytes.readUInt32LE(offset);
  if (length === 0 || length > PAYLOAD_BYTES_MAX) return `a frame length of ${length}`;
  const start = offset + FRAME_HEADER_BYTES;
  const end = start + length;
  if (end > bytes.length) return 'a frame is cut short';
  if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32LE(offset + 4))
    return 'a checksum does not match';
  return end;
}
