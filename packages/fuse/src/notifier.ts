/**
 * Writes notifications to the kernel, from a thread that serves nothing: the kernel may take locks for them
 * that are held by requests we have yet to answer.
 */
import { errno, errnoName, write } from './system-calls.ts';
import { Errno } from './wire.ts';

/** Writes a batch of notifications (see `EventNotes`). Blocks as long as the kernel does. */
export function writeNotifications(
  fd: number,
  batch: Uint8Array,
  warn: (message: string) => void,
): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let at = 0; at < batch.byteLength;) {
    const length = view.getUint32(at, true);
    const message = batch.subarray(at, at + length);
    if (write(fd, message, length) < 0) {
      const number = errno();
      // Not known to the kernel (any more), or the file system is being unmounted.
      if (number !== Errno.ENOENT && number !== Errno.ENODEV && number !== Errno.ENOTCONN)
        warn(`a cache invalidation was refused by the kernel: ${errnoName(number)}`);
    }
    at += length;
  }
}
