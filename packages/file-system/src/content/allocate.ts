/** fallocate(2) and lseek(2) with SEEK_DATA and SEEK_HOLE. */
import { Allocate, failure, FsError, ok, Seek, type Result, type Status } from '../operations.ts';
import { isNoSpace } from '../store/database.ts';
import type { Inode } from '../store/inode.ts';
import { blockAfter, blockOf, type Content, type Span } from './content.ts';
import { blockBytes, BlockState } from './extents.ts';
import { isSlot, noPlace } from './place.ts';

const zeros = new Uint8Array(1 << 20);

/** The part of [offset, offset + length) that turns to zeros. */
export function zeroedSpan(inode: Inode, mode: number, offset: number, length: number): Span {
  if ((mode & (Allocate.punchHole | Allocate.zeroRange)) === 0) return { start: 0, end: 0 };
  return { start: Math.min(offset, inode.size), end: Math.min(offset + length, inode.size) };
}

/**
 * Inside a transaction, with `neededToWrite` of the zeroed span settled; on NoSpace nothing has changed.
 * Space is not set aside: a later write may still find the disk full.
 */
export function allocate(
  content: Content,
  inode: Inode,
  mode: number,
  offset: number,
  length: number,
): Status {
  const { start, end } = zeroedSpan(inode, mode, offset, length);
  try {
    if (end > start) writeZeros(content, inode, start, end);
  } catch (error) {
    if (isNoSpace(error)) return FsError.NoSpace;
    throw error;
  }
  if ((mode & Allocate.keepSize) === 0 && offset + length > inode.size)
    return content.truncate(inode, offset + length);
  return ok;
}

function writeZeros(content: Content, inode: Inode, start: number, end: number): void {
  if (inode.place === noPlace && inode.baseEnd === 0) return;
  if (isSlot(inode.place)) {
    content.slots.write(inode.place, start, zeros, 0, end - start);
    inode.baseEnd = 0;
    return;
  }
  content.toCacheFile(inode);
  const { caches, store } = content;
  const written = Math.min(end, caches.size(inode.ino, inode.place));
  if (end >= inode.size && written > start) caches.truncate(inode.ino, inode.place, start);
  else if (written > start && !caches.punch(inode.ino, inode.place, start, written - start)) {
    for (let at = start; at < written; at += zeros.length)
      caches.write(inode.ino, inode.place, at, zeros, 0, Math.min(zeros.length, written - at));
  }
  // Whole blocks become holes; the bytes at the edges are dirty data.
  const first = blockAfter(start);
  const stop = end >= inode.size ? blockAfter(end) : blockOf(end);
  if (start % blockBytes !== 0) markDirty(blockOf(start));
  if (end % blockBytes !== 0 && end < inode.size) markDirty(blockOf(end));
  if (first < stop) store.setBlocks(inode, first, stop, BlockState.dirtyHole);
  store.touch(inode);

  function markDirty(block: number): void {
    const state = store.extents(inode).stateAt(block);
    if (state !== BlockState.hole && state !== BlockState.dirtyHole)
      store.setBlocks(inode, block, block + 1, BlockState.dirty);
  }
}

export function seek(content: Content, inode: Inode, offset: number, whence: number): Result {
  if (whence !== Seek.data && whence !== Seek.hole) return failure(FsError.Invalid);
  if (offset < 0 || offset >= inode.size) return failure(FsError.NoDevice);
  const dataEnd = isSlot(inode.place) ? inode.size : inode.baseEnd;
  if (isSlot(inode.place) || inode.place === noPlace) {
    if (whence === Seek.data) return offset < dataEnd ? offset : failure(FsError.NoDevice);
    return offset < dataEnd ? Math.min(dataEnd, inode.size) : offset;
  }
  const extents = content.store.extents(inode);
  for (let block = blockOf(offset); ;) {
    const at = Math.max(offset, block * blockBytes);
    if (at >= inode.size) return whence === Seek.hole ? inode.size : failure(FsError.NoDevice);
    const state = extents.stateAt(block);
    const isHole = state === BlockState.hole || state === BlockState.dirtyHole;
    if (isHole === (whence === Seek.hole)) return at;
    block = extents.endOfState(block);
  }
}
