/** GETLK, SETLK, SETLKW: struct fuse_lk_in = u64 handle, u64 owner, {u64 start, u64 end, u32 type, u32 pid}, u32 flags. */
import { FsError, LockKind, LockType, ok } from '@moorage/file-system';
import type { Lock } from '@moorage/file-system';
import type { Exchange } from '../exchange.ts';
import type { RequestBuffer } from '../request.ts';
import { LockFlag, Opcode, replyHeaderBytes, requestHeaderBytes } from '../wire.ts';

const body = requestHeaderBytes;

const lock: Lock = {
  kind: LockKind.posix,
  type: LockType.unlock,
  start: 0n,
  end: 0n,
  owner: 0n,
  pid: 0,
  handle: 0,
};

/** Whether it is SETLK or SETLKW of a lock, not of its end. */
export function isLockTaken(opcode: number, r: RequestBuffer): boolean {
  return (
    (opcode === Opcode.setlk || opcode === Opcode.setlkw) && r.u32(body + 32) !== LockType.unlock
  );
}

/** F_RDLCK, F_WRLCK and F_UNLCK have the values of `LockType`. */
function decode(x: Exchange): boolean {
  const r = x.request;
  lock.kind = (r.u32(body + 40) & LockFlag.flock) !== 0 ? LockKind.flock : LockKind.posix;
  const type = r.u32(body + 32);
  if (type !== LockType.read && type !== LockType.write && type !== LockType.unlock) return false;
  lock.type = type;
  lock.start = r.bigU64(body + 16);
  lock.end = r.bigU64(body + 24);
  lock.owner = r.bigU64(body + 8);
  lock.pid = r.u32(body + 36);
  lock.handle = r.u64(body);
  return true;
}

export function getlk(x: Exchange): number {
  if (!decode(x)) return FsError.Invalid;
  const status = x.fileSystem.getlk(x.caller, x.ino, lock);
  if (status !== ok) return status;
  const at = replyHeaderBytes;
  x.reply.bytes.writeBigUInt64LE(lock.start, at);
  x.reply.bytes.writeBigUInt64LE(lock.end, at + 8);
  x.reply.u32(at + 16, lock.type);
  x.reply.u32(at + 20, lock.pid);
  x.reply.length = 24;
  return ok;
}

export function setlk(x: Exchange): number {
  return decode(x) ? x.fileSystem.setlk(x.caller, x.ino, lock, false) : FsError.Invalid;
}

export function setlkw(x: Exchange): number {
  return decode(x) ? x.fileSystem.setlk(x.caller, x.ino, lock, true) : FsError.Invalid;
}
