/** sync_file_range(2), which Node has no function for: bytes begin their way from the page cache to the disk. */
import koffi from 'koffi';

const syncFileRange: (fd: number, offset: number, length: number, flags: number) => number = koffi
  .load(null)
  .func('int sync_file_range(int fd, int64_t offset, int64_t length, unsigned int flags)');

const startOnly = 2;

/**
 * Does not wait until they are there, but may wait until the disk takes more. A hint: nothing is promised by it, and
 * where it is not possible nothing happens.
 */
export function startWriteBack(fd: number, offset: number, length: number): void {
  syncFileRange(fd, offset, length, startOnly);
}
