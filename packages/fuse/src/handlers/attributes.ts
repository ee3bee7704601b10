/** Requests about attributes: GETATTR, STATX, SETATTR, ACCESS, READLINK, STATFS. */
import { Change, ok } from '@moorage/file-system';
import type { AttributeChanges, FileSystemStatistics } from '@moorage/file-system';
import { encodeAttributeReply, encodeStatx } from '../encode-attributes.ts';
import type { Exchange } from '../exchange.ts';
import { replyHeaderBytes, requestHeaderBytes } from '../wire.ts';

const body = requestHeaderBytes;

export function getattr(x: Exchange): number {
  const status = x.fileSystem.getattr(x.caller, x.ino, x.attributes);
  if (status === ok) encodeAttributeReply(x);
  return status;
}

/** Asked when somebody wants the time of birth. */
export function statx(x: Exchange): number {
  const status = x.fileSystem.getattr(x.caller, x.ino, x.attributes);
  if (status === ok) encodeStatx(x);
  return status;
}

const changes: AttributeChanges = {
  valid: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
};
const understood =
  Change.mode |
  Change.uid |
  Change.gid |
  Change.size |
  Change.atime |
  Change.mtime |
  Change.handle |
  Change.atimeNow |
  Change.mtimeNow |
  Change.killPrivileges;

/** struct fuse_setattr_in, whose mask has the values of `Change`. */
export function setattr(x: Exchange): number {
  const r = x.request;
  changes.valid = r.u32(body) & understood;
  // There is one owner only, so that naming it changes nothing.
  if (x.identity.kind === 'single') changes.valid &= ~(Change.uid | Change.gid);
  changes.size = r.u64(body + 16);
  changes.atimeSec = r.i64(body + 32);
  changes.mtimeSec = r.i64(body + 40);
  changes.atimeNsec = r.u32(body + 56);
  changes.mtimeNsec = r.u32(body + 60);
  changes.mode = r.u32(body + 68) & 0o7777;
  changes.uid = r.u32(body + 76);
  changes.gid = r.u32(body + 80);
  const status = x.fileSystem.setattr(x.caller, x.ino, changes, x.attributes);
  if (status === ok) encodeAttributeReply(x);
  return status;
}

/** struct fuse_access_in: u32 mask. */
export function access(x: Exchange): number {
  return x.fileSystem.access(x.caller, x.ino, x.request.u32(body));
}

export function readlink(x: Exchange): number {
  const status = x.fileSystem.readlink(x.caller, x.ino);
  if (status !== ok) return status;
  x.reply.length = x.reply.bytes.write(x.fileSystem.linkTarget, replyHeaderBytes, 'latin1');
  return ok;
}

const statistics: FileSystemStatistics = {
  blockBytes: 0,
  blocks: 0,
  blocksFree: 0,
  blocksAvailable: 0,
  files: 0,
  filesFree: 0,
  nameBytesMax: 0,
};

/** Replies with struct fuse_kstatfs. */
export function statfs(x: Exchange): number {
  const status = x.fileSystem.statfs(x.caller, statistics);
  if (status !== ok) return status;
  const at = replyHeaderBytes;
  x.reply.zero(at, at + 80);
  x.reply.u64(at, statistics.blocks);
  x.reply.u64(at + 8, statistics.blocksFree);
  x.reply.u64(at + 16, statistics.blocksAvailable);
  x.reply.u64(at + 24, statistics.files);
  x.reply.u64(at + 32, statistics.filesFree);
  x.reply.u32(at + 40, statistics.blockBytes);
  x.reply.u32(at + 44, statistics.nameBytesMax);
  x.reply.u32(at + 48, statistics.blockBytes);
  x.reply.length = 80;
  return ok;
}
