/** GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR. */
import { FsError, ok } from '@moorage/file-system';
import type { Exchange } from '../exchange.ts';
import { replyHeaderBytes, requestHeaderBytes } from '../wire.ts';

const body = requestHeaderBytes;

/** struct fuse_getxattr_in: u32 size, padding; the name. */
export function getxattr(x: Exchange): number {
  const status = x.fileSystem.getxattr(x.caller, x.ino, x.request.name(body + 8));
  return status === ok ? replyValue(x) : status;
}

export function listxattr(x: Exchange): number {
  const status = x.fileSystem.listxattr(x.caller, x.ino);
  return status === ok ? replyValue(x) : status;
}

/** Size 0 asks how long the value is. */
function replyValue(x: Exchange): number {
  const room = x.request.u32(body);
  const value = x.fileSystem.attributeValue;
  if (room === 0) {
    x.reply.u32(replyHeaderBytes, value.length);
    x.reply.u32(replyHeaderBytes + 4, 0);
    x.reply.length = 8;
    return ok;
  }
  if (value.length > room) return FsError.Range;
  x.reply.bytes.set(value, replyHeaderBytes);
  x.reply.length = value.length;
  return ok;
}

/** struct fuse_setxattr_in (the short form): u32 size, u32 flags; the name, the value. */
export function setxattr(x: Exchange): number {
  const size = x.request.u32(body);
  const flags = x.request.u32(body + 4);
  const name = x.request.name(body + 8);
  const value = x.request.bytes.subarray(x.request.nameEnd, x.request.nameEnd + size);
  return x.fileSystem.setxattr(x.caller, x.ino, name, value, flags);
}

export function removexattr(x: Exchange): number {
  return x.fileSystem.removexattr(x.caller, x.ino, x.request.name(body));
}
