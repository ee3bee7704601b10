/** fallocate(2), which Node has no function for: gives the disk space of a range back. */
import koffi from 'koffi';

const fallocate: (fd: number, mode: number, offset: number, length: number) => number = koffi
  .load(null)
  .func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');

/** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE. */
const punchHoleKeepSize = 2 | 1;

/** The bytes read as zeros afterwards and take no space. False: this disk's file system cannot do that. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  return length <= 0 || fallocate(fd, punchHoleKeepSize, offset, length) === 0;
}
