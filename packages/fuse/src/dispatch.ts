/** Which function handles which opcode, and how a change that was already carried out is answered. */
import { FsError, errorOf, ok } from '@moorage/file-system';
import type { Result } from '@moorage/file-system';
import { encodeAttributeReply } from './encode-attributes.ts';
import type { Exchange, Handler } from './exchange.ts';
import * as attributes from './handlers/attributes.ts';
import * as directories from './handlers/directories.ts';
import * as extended from './handlers/extended-attributes.ts';
import * as files from './handlers/files.ts';
import * as locks from './handlers/locks.ts';
import * as names from './handlers/names.ts';
import { Opcode, opcodeMax } from './wire.ts';

/** By opcode; undefined = ENOSYS. INIT, INTERRUPT and DESTROY are the loop's own. */
export const handlers: readonly (Handler | undefined)[] = table();

function table(): (Handler | undefined)[] {
  const t: (Handler | undefined)[] = Array.from({ length: opcodeMax + 1 });
  t[Opcode.lookup] = names.lookup;
  t[Opcode.forget] = names.forget;
  t[Opcode.batchForget] = names.batchForget;
  t[Opcode.mknod] = names.mknod;
  t[Opcode.mkdir] = names.mkdir;
  t[Opcode.symlink] = names.symlink;
  t[Opcode.unlink] = names.unlink;
  t[Opcode.rmdir] = names.rmdir;
  t[Opcode.rename] = names.rename;
  t[Opcode.rename2] = names.rename2;
  t[Opcode.link] = names.link;
  t[Opcode.create] = names.create;
  t[Opcode.getattr] = attributes.getattr;
  t[Opcode.statx] = attributes.statx;
  t[Opcode.setattr] = attributes.setattr;
  t[Opcode.access] = attributes.access;
  t[Opcode.readlink] = attributes.readlink;
  t[Opcode.statfs] = attributes.statfs;
  t[Opcode.open] = files.open;
  t[Opcode.read] = files.read;
  t[Opcode.write] = files.write;
  t[Opcode.flush] = files.flush;
  t[Opcode.release] = files.release;
  t[Opcode.fsync] = files.fsync;
  t[Opcode.fsyncdir] = files.fsync;
  t[Opcode.fallocate] = files.fallocate;
  t[Opcode.lseek] = files.lseek;
  t[Opcode.opendir] = directories.opendir;
  t[Opcode.readdir] = directories.readdir;
  t[Opcode.readdirplus] = directories.readdirplus;
  t[Opcode.releasedir] = directories.releasedir;
  t[Opcode.getlk] = locks.getlk;
  t[Opcode.setlk] = locks.setlk;
  t[Opcode.setlkw] = locks.setlkw;
  t[Opcode.getxattr] = extended.getxattr;
  t[Opcode.listxattr] = extended.listxattr;
  t[Opcode.setxattr] = extended.setxattr;
  t[Opcode.removexattr] = extended.removexattr;
  return t;
}

/** Requests for whose answer, if there is one, no process waits. */
export function isUnawaited(opcode: number): boolean {
  return (
    opcode === Opcode.forget ||
    opcode === Opcode.batchForget ||
    opcode === Opcode.release ||
    opcode === Opcode.releasedir
  );
}

/**
 * Answers a request that the kernel sent again after a restart and that the process before had carried out:
 * `done` is what it did. Repeating it would fail (EEXIST, ENOENT) or do it twice (append).
 */
export function answerCarriedOut(
  x: Exchange,
  opcode: number,
  done: { ino: number; result: Result },
): number {
  if (done.result < 0) return errorOf(done.result);
  switch (opcode) {
    case Opcode.mknod:
    case Opcode.mkdir:
    case Opcode.symlink: {
      const status = x.fileSystem.getattr(x.caller, done.ino, x.attributes);
      return status === ok ? names.replyEntry(x) : status;
    }
    case Opcode.create: {
      const status = x.fileSystem.getattr(x.caller, done.ino, x.attributes);
      return status === ok ? names.replyCreated(x, done.result) : status;
    }
    case Opcode.setattr: {
      const status = x.fileSystem.getattr(x.caller, x.ino, x.attributes);
      if (status === ok) encodeAttributeReply(x);
      return status;
    }
    case Opcode.write:
      return files.replyWritten(x, done.result);
    case Opcode.unlink:
    case Opcode.rmdir:
    case Opcode.rename:
    case Opcode.rename2:
    case Opcode.fallocate:
    case Opcode.setxattr:
    case Opcode.removexattr:
      return ok;
    default: {
      // Everything else may be done twice without harm.
      const handler = handlers[opcode];
      return handler === undefined ? FsError.NotSupported : handler(x);
    }
  }
}
