/** The one place where the file system's errors become Linux error numbers. */
import { FsError } from '@moorage/file-system';
import { Errno } from './wire.ts';

const byError: Readonly<Record<FsError, number>> = {
  [FsError.NoEntry]: Errno.ENOENT,
  [FsError.Exists]: Errno.EEXIST,
  [FsError.NotDirectory]: Errno.ENOTDIR,
  [FsError.IsDirectory]: Errno.EISDIR,
  [FsError.NotEmpty]: Errno.ENOTEMPTY,
  [FsError.AccessDenied]: Errno.EACCES,
  [FsError.NotPermitted]: Errno.EPERM,
  [FsError.NameTooLong]: Errno.ENAMETOOLONG,
  [FsError.NoSpace]: Errno.ENOSPC,
  [FsError.FileTooBig]: Errno.EFBIG,
  [FsError.ReadOnly]: Errno.EROFS,
  [FsError.Invalid]: Errno.EINVAL,
  [FsError.Stale]: Errno.ESTALE,
  [FsError.NotSupported]: Errno.EOPNOTSUPP,
  [FsError.NoAttribute]: Errno.ENODATA,
  [FsError.Again]: Errno.EAGAIN,
  [FsError.Deadlock]: Errno.EDEADLK,
  [FsError.TooManyLinks]: Errno.EMLINK,
  [FsError.CrossDevice]: Errno.EXDEV,
  [FsError.Busy]: Errno.EBUSY,
  [FsError.Io]: Errno.EIO,
  [FsError.Range]: Errno.ERANGE,
  [FsError.Loop]: Errno.ELOOP,
  [FsError.NoDevice]: Errno.ENXIO,
  [FsError.NoLocks]: Errno.ENOLCK,
  [FsError.TextBusy]: Errno.ETXTBSY,
  [FsError.Interrupted]: Errno.EINTR,
};

const table: Int32Array = Int32Array.from({ length: 64 }, (_, error) =>
  error in byError ? byError[error as FsError] : Errno.EIO,
);

/** The error number of an `FsError`; EIO for a code that is none. */
export function errnoOf(error: number): number {
  return table[error] ?? Errno.EIO;
}
