/**
 * What the planner does to the bytes of files: bring in what S3 has, tell what S3 lacks.
 *
 * `baseEnd` is how much of the object the file came from still counts: bytes below it are the object's unless
 * their block is dirty (large files) or the whole file was written (small files, which then have `baseEnd` 0).
 */
import type { Inode } from '../store/inode.ts';
import { blockAfter, blockOf, type Content, type Span } from './content.ts';
import { blockBytes, BlockState } from './extents.ts';
import { isCacheFile, isSlot, noPlace, smallBytesMax } from './place.ts';

/** A copy of a small file's bytes; undefined when they are in a cache file or not here. */
export function smallContent(content: Content, inode: Inode): Uint8Array | undefined {
  if (isCacheFile(inode.place) || inode.size > smallBytesMax) return undefined;
  if (inode.place === noPlace && inode.baseEnd > 0) return undefined;
  const bytes = new Uint8Array(inode.size);
  content.read(inode, 0, inode.size, bytes, 0);
  return bytes;
}

/** The path of its cache file, made when there is none. Inside a transaction; may throw ENOSPC. */
export function cacheFilePath(content: Content, inode: Inode): string {
  content.toCacheFile(inode);
  if (content.caches.size(inode.ino, inode.place) < inode.size)
    content.caches.truncate(inode.ino, inode.place, inode.size);
  return content.caches.path(inode.ino, inode.place);
}

/** Bytes that are only in S3. */
export function missingSpans(content: Content, inode: Inode): Span[] {
  if (isSlot(inode.place) || inode.baseEnd === 0) return [];
  if (inode.place === noPlace) return [{ start: 0, end: inode.baseEnd }];
  return spans(content, inode, (state) => state === BlockState.remote);
}

/** Bytes that are the same as in the object the file came from. */
export function unchangedSpans(content: Content, inode: Inode): Span[] {
  if (inode.baseEnd === 0) return [];
  if (!isCacheFile(inode.place)) return [{ start: 0, end: inode.baseEnd }];
  const changed = spans(
    content,
    inode,
    (state) => state === BlockState.dirty || state === BlockState.dirtyHole,
  );
  const unchanged: Span[] = [];
  let start = 0;
  for (const span of changed) {
    if (span.start > start) unchanged.push({ start, end: span.start });
    start = span.end;
  }
  if (start < inode.baseEnd) unchanged.push({ start, end: inode.baseEnd });
  return unchanged;
}

/** S3 has exactly these bytes now. Inside a transaction. */
export function setExported(content: Content, inode: Inode): void {
  if (isCacheFile(inode.place)) {
    const extents = content.store.extents(inode);
    extents.replaceState(BlockState.dirty, BlockState.clean);
    extents.replaceState(BlockState.dirtyHole, BlockState.hole);
    content.store.replaceExtents(inode, extents);
    inode.baseEnd = inode.size;
  } else if (isSlot(inode.place)) {
    inode.baseEnd = inode.size;
  }
  content.store.touch(inode);
}

/** All bytes of the object of a small file. What was written or cut meanwhile wins. Inside a transaction. */
export function fill(content: Content, inode: Inode, bytes: Uint8Array): void {
  if (inode.baseEnd === 0) return;
  if (inode.place === noPlace && inode.size <= smallBytesMax) {
    const whole = new Uint8Array(inode.size);
    whole.set(bytes.subarray(0, inode.baseEnd));
    const { baseEnd } = inode;
    content.fillSlot(inode, whole);
    content.grownBytes += whole.length;
    // Zeros appended here are not in the object.
    inode.baseEnd = baseEnd;
  } else if (!isSlot(inode.place)) {
    content.toCacheFile(inode);
    for (const span of missingSpans(content, inode)) {
      const { start } = span;
      const end = Math.min(span.end, bytes.length);
      if (end <= start) continue;
      content.caches.write(inode.ino, inode.place, start, bytes, start, end - start);
      markPresent(content, inode, { start, end });
    }
  }
}

/** A span of the object is in the cache file. Inside a transaction. */
export function markPresent(content: Content, inode: Inode, span: Span): void {
  if (!isCacheFile(inode.place)) return;
  const first = blockAfter(span.start);
  const end = span.end >= inode.baseEnd ? blockAfter(inode.baseEnd) : blockOf(span.end);
  const remote: { first: number; end: number }[] = [];
  content.store.extents(inode).each(first, end, (from, to, state) => {
    if (state === BlockState.remote) remote.push({ first: from, end: to });
  });
  for (const run of remote) content.store.setBlocks(inode, run.first, run.end, BlockState.clean);
  content.caches.touched(inode.ino, inode.place);
  content.grownBytes += span.end - span.start;
}

/** Another version of the object, of which nothing is here. Inside a transaction. */
export function replaceBase(content: Content, inode: Inode, size: number): void {
  content.drop(inode);
  inode.size = size;
  inode.baseEnd = size;
}

function spans(content: Content, inode: Inode, wanted: (state: BlockState) => boolean): Span[] {
  const found: Span[] = [];
  content.store.extents(inode).each(0, blockAfter(inode.baseEnd), (first, end, state) => {
    if (!wanted(state)) return;
    const start = first * blockBytes;
    const stop = Math.min(end * blockBytes, inode.baseEnd);
    const last = found[found.length - 1];
    if (last !== undefined && last.end === start) last.end = stop;
    else found.push({ start, end: stop });
  });
  return found;
}
