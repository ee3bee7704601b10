/**
 * Extended attributes: one, `user.s3files.status`, optionally with `;suffix` to get past a client's cache. It is
 * never listed, so that tools that copy attributes do not try to; setting anything is refused with ENOTSUP, which
 * they take for what it is.
 *
 * Attributes of users are refused as well, as S3 Files does: an object has 2 KB for all its metadata, of which the
 * POSIX attributes need some, and what does not fit could be set here and never get to S3.
 */
import { FsError, ok, type Caller, type Status } from '../operations.ts';
import type { Core } from './core.ts';

const statusName = 'user.s3files.status';

function isStatus(name: string): boolean {
  return name === statusName || name.startsWith(`${statusName};`);
}

/** The text in `value.text` after OK. */
export function getxattr(
  core: Core,
  c: Caller,
  ino: number,
  name: string,
  value: { bytes: Uint8Array },
): Status {
  // The kernel asks for security.capability before every write: answer without looking further.
  if (!name.startsWith('user.')) return FsError.NoAttribute;
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  if (!isStatus(name)) return FsError.NoAttribute;
  const status = core.know(inode);
  if (status !== ok) return status;
  value.bytes = Buffer.from(core.planner.statusText(ino), 'utf8');
  return ok;
}

export function setxattr(core: Core, c: Caller, ino: number): Status {
  return core.enter(c, ino) === undefined ? core.refusal : FsError.NotSupported;
}

export function removexattr(core: Core, c: Caller, ino: number, name: string): Status {
  if (core.enter(c, ino) === undefined) return core.refusal;
  return isStatus(name) ? FsError.NotSupported : FsError.NoAttribute;
}
