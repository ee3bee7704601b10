/**
 * Giving up bytes that S3 has as well: never what has been changed here, what has no object, or what is being
 * downloaded.
 */
import { Kind } from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import type { Content } from './content.ts';
import { blockBytes, BlockState } from './extents.ts';
import { isSlot, noPlace, sizeClassOf, slotBytes } from './place.ts';

/** Of larger files only as much goes as is wanted, from the front: that part was read first. */
const wholeBytesMax = 16 * 1024 * 1024;

/** Whether S3 has exactly what the file holds, so that its bytes may go. */
export function isEvictable(content: Content, inode: Inode): boolean {
  if (inode.kind !== Kind.file || inode.place === noPlace || inode.dirty !== 0) return false;
  if (inode.parent === 0 || (inode.flags & InodeFlag.lostAndFound) !== 0) return false;
  if (inode.base === '' || inode.baseEnd !== inode.size) return false;
  if (isSlot(inode.place)) return true;
  return content.store.extents(inode).count([BlockState.dirty, BlockState.dirtyHole]) === 0;
}

/**
 * Gives up about `bytesWanted` of the file; with `keepFile` (parts of it are being downloaded) its cache file stays.
 * Returns about how many bytes went. Inside a transaction; `Content.reclaim` must follow.
 */
export function evict(
  content: Content,
  inode: Inode,
  bytesWanted: number,
  keepFile: boolean,
): number {
  if (!isEvictable(content, inode)) return 0;
  if (isSlot(inode.place)) {
    const bytes = slotBytes[sizeClassOf(inode.place)]!;
    if (keepFile) return 0;
    content.release(inode);
    return bytes;
  }
  const extents = content.store.extents(inode);
  const here = extents.count([BlockState.clean]) * blockBytes;
  if (!keepFile && (here <= wholeBytesMax || here <= bytesWanted)) {
    content.release(inode);
    return here;
  }
  return evictFront(content, inode, Math.max(bytesWanted, wholeBytesMax));
}

function evictFront(content: Content, inode: Inode, bytesWanted: number): number {
  const clean: { first: number; end: number }[] = [];
  let blocksLeft = Math.ceil(bytesWanted / blockBytes);
  content.store.extents(inode).each(0, Infinity, (first, end, state) => {
    if (state !== BlockState.clean || blocksLeft <= 0) return;
    const stop = Math.min(end, first + blocksLeft);
    clean.push({ first, end: stop });
    blocksLeft -= stop - first;
  });
  let bytes = 0;
  for (const { first, end } of clean) {
    content.release(inode, { start: first * blockBytes, end: end * blockBytes });
    bytes += (end - first) * blockBytes;
  }
  return bytes;
}
