/** `Attributes` as struct fuse_attr (88 bytes), fuse_attr_out, fuse_entry_out and fuse_statx. */
import { Kind } from '@moorage/file-system';
import type { Attributes } from '@moorage/file-system';
import type { Exchange } from './exchange.ts';
import type { Identity } from './identity.ts';
import type { ReplyBuffer } from './reply.ts';
import { ModeType, replyHeaderBytes } from './wire.ts';

/** What read-ahead and `cp` should use at once. */
const preferredBytes = 128 * 1024;
const typeByKind: readonly number[] = kinds();

function kinds(): number[] {
  const types: number[] = [];
  types[Kind.file] = ModeType.regular;
  types[Kind.directory] = ModeType.directory;
  types[Kind.symlink] = ModeType.symlink;
  types[Kind.fifo] = ModeType.fifo;
  types[Kind.socket] = ModeType.socket;
  return types;
}

/** The S_IFMT bits of a kind. */
export function modeTypeOf(kind: number): number {
  return typeByKind[kind] ?? ModeType.regular;
}

/** struct fuse_attr at `at`. */
export function encodeAttributes(
  reply: ReplyBuffer,
  at: number,
  a: Attributes,
  identity: Identity,
): void {
  reply.u64(at, a.ino);
  reply.u64(at + 8, a.size);
  reply.u64(at + 16, a.blocks);
  reply.u64(at + 24, a.atimeSec);
  reply.u64(at + 32, a.mtimeSec);
  reply.u64(at + 40, a.ctimeSec);
  reply.u32(at + 48, a.atimeNsec);
  reply.u32(at + 52, a.mtimeNsec);
  reply.u32(at + 56, a.ctimeNsec);
  reply.u32(at + 60, modeTypeOf(a.kind) | a.mode);
  reply.u32(at + 64, a.nlink);
  reply.u32(at + 68, identity.kind === 'own' ? a.uid : identity.uid);
  reply.u32(at + 72, identity.kind === 'own' ? a.gid : identity.gid);
  reply.u32(at + 76, a.rdev);
  reply.u32(at + 80, preferredBytes);
  reply.u32(at + 84, 0);
}

/** struct fuse_attr_out as the whole body. */
export function encodeAttributeReply(x: Exchange): void {
  const { reply, attributes } = x;
  const at = replyHeaderBytes;
  reply.u64(at, x.cacheSeconds);
  reply.u64(at + 8, 0);
  encodeAttributes(reply, at + 16, attributes, x.identity);
  reply.length = 104;
}

export const entryBytes = 128;

/** struct fuse_entry_out at `at`; `seconds`: how long the name may be kept. */
export function encodeEntry(x: Exchange, at: number, view: number, seconds: number): void {
  const { reply, attributes } = x;
  reply.node(at, view, attributes.ino);
  reply.u64(at + 8, 0);
  reply.u64(at + 16, seconds);
  reply.u64(at + 24, x.cacheSeconds);
  reply.u64(at + 32, 0);
  encodeAttributes(reply, at + 40, attributes, x.identity);
}

/** struct fuse_statx_out as the whole body; adds the time of birth to what GETATTR says. */
export function encodeStatx(x: Exchange): void {
  const { reply, attributes: a, identity } = x;
  const basicAndBirth = 0xfff;
  const at = replyHeaderBytes;
  reply.zero(at, at + 288);
  reply.u64(at, x.cacheSeconds);
  const stat = at + 32;
  reply.u32(stat, basicAndBirth);
  reply.u32(stat + 4, preferredBytes);
  reply.u32(stat + 16, a.nlink);
  reply.u32(stat + 20, identity.kind === 'own' ? a.uid : identity.uid);
  reply.u32(stat + 24, identity.kind === 'own' ? a.gid : identity.gid);
  reply.u32(stat + 28, modeTypeOf(a.kind) | a.mode);
  reply.u64(stat + 32, a.ino);
  reply.u64(stat + 40, a.size);
  reply.u64(stat + 48, a.blocks);
  encodeTime(reply, stat + 64, a.atimeSec, a.atimeNsec);
  encodeTime(reply, stat + 80, a.btimeSec, a.btimeNsec);
  encodeTime(reply, stat + 96, a.ctimeSec, a.ctimeNsec);
  encodeTime(reply, stat + 112, a.mtimeSec, a.mtimeNsec);
  reply.length = 288;
}

function encodeTime(reply: ReplyBuffer, at: number, seconds: number, nanoseconds: number): void {
  reply.u64(at, seconds);
  reply.u32(at + 8, nanoseconds);
}
