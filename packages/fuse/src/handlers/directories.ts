/** Requests about open directories: OPENDIR, READDIR, READDIRPLUS, RELEASEDIR. */
import { FsError, errorOf, ok, pending } from '@moorage/file-system';
import type { DirectoryEntry } from '@moorage/file-system';
import { encodeEntry, entryBytes, modeTypeOf } from '../encode-attributes.ts';
import type { Exchange } from '../exchange.ts';
import { OpenReply, replyHeaderBytes, requestHeaderBytes } from '../wire.ts';

const body = requestHeaderBytes;
/** struct fuse_dirent without the name: u64 inode, u64 next cookie, u32 name length, u32 type. */
const direntBytes = 24;

export function opendir(x: Exchange): number {
  const handle = x.fileSystem.opendir(x.caller, x.ino);
  if (handle < 0) return errorOf(handle);
  x.reply.zero(replyHeaderBytes, replyHeaderBytes + 16);
  x.reply.u64(replyHeaderBytes, handle);
  x.reply.u32(replyHeaderBytes + 8, listingReplyFlags(x));
  x.reply.length = 16;
  return ok;
}

/** Whether the kernel may keep the names it is told, and those that it has from before. */
function listingReplyFlags(x: Exchange): number {
  if (x.cacheSeconds === 0 || !x.fileSystem.listsAlike(x.ino)) return 0;
  const stays = x.notes.listings.mayStay(x.caller.view, x.ino, x.now());
  return OpenReply.cacheDirectory | (stays ? OpenReply.keepCache : 0);
}

/** Nothing is kept of an open directory. */
export function releasedir(): number {
  return ok;
}

/** struct fuse_read_in, with the cookie as offset. */
export function readdir(x: Exchange): number {
  const end = replyHeaderBytes + replyBytesMax(x);
  let at = replyHeaderBytes;
  const status = x.fileSystem.readdir(x.caller, x.ino, x.request.u64(body + 8), (entry) => {
    const size = align(direntBytes + entry.name.length);
    if (at + size > end) return false;
    encodeDirent(x, at, entry.ino, entry.cookie, entry.kind, entry.name);
    at += size;
    return true;
  });
  if (status !== ok) return status;
  noteListed(x);
  x.reply.length = at - replyHeaderBytes;
  return ok;
}

function noteListed(x: Exchange): void {
  if (x.request.u64(body + 8) === 0) x.notes.listings.begun(x.caller.view, x.ino, x.now());
}

interface Listed {
  name: string;
  ino: number;
  kind: number;
  cookie: number;
}
/** Names of the reply being built; the objects are reused. */
const listed: Listed[] = [];

/**
 * Entries with their attributes, each referenced as by a LOOKUP. They are looked up after the listing is
 * over, because the file system takes no second operation while one runs.
 */
export function readdirplus(x: Exchange): number {
  const bytesMax = replyBytesMax(x);
  let count = 0;
  let bytes = 0;
  const list = (entry: DirectoryEntry): boolean => {
    bytes += align(entryBytes + direntBytes + entry.name.length);
    if (bytes > bytesMax) return false;
    const slot = (listed[count++] ??= { name: '', ino: 0, kind: 0, cookie: 0 });
    slot.name = entry.name;
    slot.ino = entry.ino;
    slot.kind = entry.kind;
    slot.cookie = entry.cookie;
    return true;
  };
  const status = x.fileSystem.readdir(x.caller, x.ino, x.request.u64(body + 8), list);
  if (status !== ok) return status;
  let at = replyHeaderBytes;
  for (let i = 0; i < count; i++) {
    const slot = listed[i]!;
    const looked = encodeListedEntry(x, at, slot);
    // Nothing is lost by a shorter reply: the kernel asks again from the last cookie.
    if (looked === pending) {
      if (at === replyHeaderBytes) return pending;
      break;
    }
    encodeDirent(x, at + entryBytes, slot.ino, slot.cookie, slot.kind, slot.name);
    at += align(entryBytes + direntBytes + slot.name.length);
  }
  noteListed(x);
  x.reply.length = at - replyHeaderBytes;
  return ok;
}

function encodeListedEntry(x: Exchange, at: number, slot: Listed): number {
  // The kernel has these two already. Node 0: a name without attributes.
  if (slot.name === '.' || slot.name === '..') {
    x.reply.zero(at, at + entryBytes);
    return ok;
  }
  const status = x.fileSystem.lookup(x.caller, x.ino, slot.name, x.attributes);
  if (status === pending) return pending;
  if (status !== ok) {
    x.reply.zero(at, at + entryBytes);
    return status === FsError.NoEntry ? ok : status;
  }
  x.nodes.referenced(x.caller.view, x.attributes.ino);
  encodeEntry(x, at, x.caller.view, x.cacheSeconds);
  return ok;
}

function encodeDirent(
  x: Exchange,
  at: number,
  ino: number,
  cookie: number,
  kind: number,
  name: string,
): void {
  x.reply.u64(at, ino);
  x.reply.u64(at + 8, cookie);
  x.reply.u32(at + 16, name.length);
  x.reply.u32(at + 20, modeTypeOf(kind) >> 12);
  const end = at + direntBytes + name.length;
  x.reply.bytes.write(name, at + direntBytes, 'latin1');
  x.reply.bytes.fill(0, end, at + align(direntBytes + name.length));
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}

function replyBytesMax(x: Exchange): number {
  return Math.min(x.request.u32(body + 16), x.reply.bytes.length - replyHeaderBytes);
}
