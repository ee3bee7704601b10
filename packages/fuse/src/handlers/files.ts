/** Requests about open files: OPEN, READ, WRITE, FLUSH, RELEASE, FSYNC, FALLOCATE, LSEEK. */
import { Change, FsError, Open, Write, errorOf, ok } from '@moorage/file-system';
import type { AttributeChanges } from '@moorage/file-system';
import { noSuchCall } from '../exchange.ts';
import type { Exchange } from '../exchange.ts';
import { OpenFlag, ReleaseFlag, WriteFlag, replyHeaderBytes, requestHeaderBytes } from '../wire.ts';
import { openReplyFlags } from './open-reply.ts';

const body = requestHeaderBytes;
const setIdBits = 0o6000;

/** struct fuse_open_in: u32 flags, open flags. */
export function open(x: Exchange): number {
  if (x.kernelKeepsFiles) return noSuchCall;
  const flags = x.request.u32(body);
  const handle = x.fileSystem.open(x.caller, x.ino, flags);
  if (handle < 0) return errorOf(handle);
  const truncates = (flags & Open.truncate) !== 0;
  if (truncates && (x.request.u32(body + 4) & OpenFlag.killPrivileges) !== 0) clearSetId(x);
  replyOpened(x, handle, flags);
  return ok;
}

function replyOpened(x: Exchange, handle: number, flags: number): void {
  const isKept = !x.notes.takeStale(x.caller.view, x.ino);
  x.reply.u64(replyHeaderBytes, handle);
  x.reply.u32(replyHeaderBytes + 8, openReplyFlags(x, flags, isKept));
  x.reply.u32(replyHeaderBytes + 12, 0);
  x.reply.length = 16;
}

const killPrivileges: AttributeChanges = {
  valid: Change.killPrivileges | Change.handle,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
};

/** Truncation by somebody unprivileged takes the set-id bits away, as a write does. */
function clearSetId(x: Exchange): void {
  if (x.fileSystem.getattr(x.caller, x.ino, x.attributes) !== ok) return;
  if ((x.attributes.mode & setIdBits) === 0) return;
  x.fileSystem.setattr(x.caller, x.ino, killPrivileges, x.attributes);
  x.notes.inodeChanged(x.ino, 0, 0, -1);
}

/** struct fuse_read_in: u64 handle, u64 offset, u32 size, … */
export function read(x: Exchange): number {
  const offset = x.request.u64(body + 8);
  const length = Math.min(x.request.u32(body + 16), x.reply.bytes.length - replyHeaderBytes);
  const n = x.fileSystem.read(x.caller, x.ino, offset, length, x.reply.bytes, replyHeaderBytes);
  if (n < 0) return errorOf(n);
  x.reply.length = n;
  return ok;
}

/** struct fuse_write_in: u64 handle, u64 offset, u32 size, u32 write flags, u64 owner, u32 open flags, u32; bytes. */
export function write(x: Exchange): number {
  const r = x.request;
  const length = r.u32(body + 16);
  if (body + 40 + length > r.bytes.length) return FsError.Invalid;
  const writeFlags = r.u32(body + 20);
  // What comes from the page cache (mmap) belongs at its offset, however the file was opened.
  const append = (r.u32(body + 32) & Open.append) !== 0 && (writeFlags & WriteFlag.fromCache) === 0;
  const flags =
    (append ? Write.append : 0) |
    ((writeFlags & WriteFlag.killPrivileges) !== 0 ? Write.killPrivileges : 0);
  const offset = r.u64(body + 8);
  const n = x.fileSystem.write(x.caller, x.ino, offset, r.bytes, body + 40, length, flags);
  if (n < 0) return errorOf(n);
  // The disk has become full. For its cache the kernel takes "some of it" for all of it.
  if (n < length && (writeFlags & WriteFlag.fromCache) !== 0) return FsError.NoSpace;
  return replyWritten(x, n);
}

/** struct fuse_write_out: u32 size, padding. */
export function replyWritten(x: Exchange, bytes: number): number {
  x.reply.u32(replyHeaderBytes, bytes);
  x.reply.u32(replyHeaderBytes + 4, 0);
  x.reply.length = 8;
  return ok;
}

/** struct fuse_flush_in: u64 handle, u32 and padding, u64 lock owner. */
export function flush(x: Exchange): number {
  if (x.kernelKeepsFiles) return noSuchCall;
  return x.fileSystem.flush(x.caller, x.ino, x.request.bigU64(body + 16));
}

/** struct fuse_release_in: u64 handle, u32 flags, u32 release flags, u64 lock owner. */
export function release(x: Exchange): number {
  const flock = (x.request.u32(body + 12) & ReleaseFlag.flockUnlock) !== 0;
  const owner = flock ? x.request.bigU64(body + 16) : 0n;
  x.fileSystem.release(x.ino, x.request.u64(body), owner);
  return ok;
}

/** FSYNC and FSYNCDIR: both stores become durable at once, whatever was asked for. */
export function fsync(x: Exchange): number {
  return x.fileSystem.fsync(x.caller, x.ino);
}

/** struct fuse_fallocate_in: u64 handle, u64 offset, u64 length, u32 mode, padding. */
export function fallocate(x: Exchange): number {
  const r = x.request;
  const offset = r.u64(body + 8);
  const length = r.u64(body + 16);
  return x.fileSystem.fallocate(x.caller, x.ino, r.u32(body + 24), offset, length);
}

/** struct fuse_lseek_in: u64 handle, u64 offset, u32 whence, padding. */
export function lseek(x: Exchange): number {
  const offset = x.fileSystem.lseek(x.ino, x.request.u64(body + 8), x.request.u32(body + 16));
  if (offset < 0) return errorOf(offset);
  x.reply.u64(replyHeaderBytes, offset);
  x.reply.length = 8;
  return ok;
}
