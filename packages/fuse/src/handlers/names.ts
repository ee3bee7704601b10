/** Requests about names in directories: LOOKUP, MKNOD, MKDIR, SYMLINK, UNLINK, RMDIR, RENAME, LINK, CREATE, FORGET. */
import { FsError, Kind, errorOf, ok } from '@moorage/file-system';
import { viewRootSeconds } from '../cache-lifetimes.ts';
import { encodeEntry, entryBytes } from '../encode-attributes.ts';
import { noReply } from '../exchange.ts';
import type { Exchange } from '../exchange.ts';
import { ModeType, replyHeaderBytes, requestHeaderBytes, rootNode } from '../wire.ts';
import { openReplyFlags } from './open-reply.ts';

const body = requestHeaderBytes;
const permissionBits = 0o7777;

export function lookup(x: Exchange): number {
  const name = x.request.name(body);
  if (x.caller.view === 0 && x.ino === rootNode) {
    const view = x.viewNames.find(name);
    if (view !== undefined) return lookupView(x, view);
  }
  const status = x.fileSystem.lookup(x.caller, x.ino, name, x.attributes);
  if (status === FsError.NoEntry) return replyAbsent(x);
  return status === ok ? replyEntry(x) : status;
}

function lookupView(x: Exchange, view: number): number {
  const root = x.fileSystem.viewRoot(view);
  x.caller.view = view;
  const status = x.fileSystem.getattr(x.caller, root, x.attributes);
  if (status !== ok) return status;
  encodeEntry(x, replyHeaderBytes, view, viewRootSeconds);
  x.reply.length = entryBytes;
  return ok;
}

/** Node 0 with a lifetime: the kernel remembers that there is no such name. */
function replyAbsent(x: Exchange): number {
  x.reply.zero(replyHeaderBytes, replyHeaderBytes + entryBytes);
  x.reply.u64(replyHeaderBytes + 16, x.cacheSeconds);
  x.reply.length = entryBytes;
  return ok;
}

/** The entry in `x.attributes`, which the file system has counted as referenced. */
export function replyEntry(x: Exchange): number {
  x.nodes.referenced(x.caller.view, x.attributes.ino);
  encodeEntry(x, replyHeaderBytes, x.caller.view, x.cacheSeconds);
  x.reply.length = entryBytes;
  return ok;
}

/** struct fuse_mknod_in: u32 mode, rdev, umask, padding. The kernel has applied the umask. */
export function mknod(x: Exchange): number {
  const mode = x.request.u32(body);
  const kind = nodeKind(mode);
  if (kind === undefined) return FsError.NotPermitted;
  const name = x.request.name(body + 16);
  const permissions = mode & permissionBits;
  const status = x.fileSystem.mknod(x.caller, x.ino, name, kind, permissions, x.attributes);
  return status === ok ? replyEntry(x) : status;
}

/** What MKNOD can make; device nodes have no place in a bucket. */
function nodeKind(mode: number): Kind | undefined {
  switch (mode & ModeType.mask) {
    case 0:
    case ModeType.regular:
      return Kind.file;
    case ModeType.fifo:
      return Kind.fifo;
    case ModeType.socket:
      return Kind.socket;
    default:
      return undefined;
  }
}

/** struct fuse_mkdir_in: u32 mode, umask. */
export function mkdir(x: Exchange): number {
  const mode = x.request.u32(body) & permissionBits;
  const name = x.request.name(body + 8);
  const status = x.fileSystem.mkdir(x.caller, x.ino, name, mode, x.attributes);
  return status === ok ? replyEntry(x) : status;
}

/** The name, then the target. */
export function symlink(x: Exchange): number {
  const name = x.request.name(body);
  const target = x.request.name(x.request.nameEnd);
  const status = x.fileSystem.symlink(x.caller, x.ino, name, target, x.attributes);
  return status === ok ? replyEntry(x) : status;
}

export function unlink(x: Exchange): number {
  return x.fileSystem.unlink(x.caller, x.ino, x.request.name(body));
}

export function rmdir(x: Exchange): number {
  return x.fileSystem.rmdir(x.caller, x.ino, x.request.name(body));
}

/** struct fuse_rename_in: u64 new directory; then both names. */
export function rename(x: Exchange): number {
  return renameTo(x, 0, body + 8);
}

/** struct fuse_rename2_in: u64 new directory, u32 flags, padding; then both names. */
export function rename2(x: Exchange): number {
  return renameTo(x, x.request.u32(body + 8), body + 16);
}

function renameTo(x: Exchange, flags: number, namesAt: number): number {
  if (x.request.view(body) !== x.caller.view) return FsError.CrossDevice;
  const newParent = x.request.inode(body);
  const name = x.request.name(namesAt);
  const newName = x.request.name(x.request.nameEnd);
  return x.fileSystem.rename(x.caller, x.ino, name, newParent, newName, flags);
}

/** struct fuse_link_in: u64 node; then the new name. */
export function link(x: Exchange): number {
  if (x.request.view(body) !== x.caller.view) return FsError.CrossDevice;
  return x.fileSystem.link(x.caller, x.request.inode(body), x.ino, x.request.name(body + 8));
}

/** struct fuse_create_in: u32 flags, mode, umask, open flags. Replies with an entry and an open file. */
export function create(x: Exchange): number {
  const flags = x.request.u32(body);
  const mode = x.request.u32(body + 4) & permissionBits;
  const name = x.request.name(body + 16);
  const handle = x.fileSystem.create(x.caller, x.ino, name, mode, flags, x.attributes);
  return handle < 0 ? errorOf(handle) : replyCreated(x, handle);
}

export function replyCreated(x: Exchange, handle: number): number {
  replyEntry(x);
  x.notes.takeStale(x.caller.view, x.attributes.ino);
  const at = replyHeaderBytes + entryBytes;
  x.reply.u64(at, handle);
  x.reply.u32(at + 8, openReplyFlags(x, x.request.u32(body), true));
  x.reply.u32(at + 12, 0);
  x.reply.length = entryBytes + 16;
  return ok;
}

/** struct fuse_forget_in: u64 references. */
export function forget(x: Exchange): number {
  forgetOne(x, x.caller.view, x.ino, x.request.u64(body));
  return noReply;
}

/** struct fuse_batch_forget_in: u32 count, padding; then pairs of u64 node and u64 references. */
export function batchForget(x: Exchange): number {
  const count = x.request.u32(body);
  for (let i = 0; i < count; i++) {
    const at = body + 8 + i * 16;
    forgetOne(x, x.request.view(at), x.request.inode(at), x.request.u64(at + 8));
  }
  return noReply;
}

function forgetOne(x: Exchange, view: number, ino: number, references: number): void {
  x.notes.forgotten(view, ino);
  if (x.nodes.forgotten(view, ino, references)) x.fileSystem.forgotten(ino);
}
