/**
 * A file's bytes as memory, shared with whoever reads the file: mmap(2), which Node has no function for. What is
 * stored there is in the kernel's page cache at once, as by write(2) but without a system call: it survives kill -9
 * of this process, and fdatasync(2) of the file makes it survive a power failure.
 *
 * The file's blocks must be there (no holes) and the file must not get shorter: the kernel ends a process that
 * stores where it finds no room.
 */
import koffi from 'koffi';

const libc = koffi.load(null);
const mmap: (
  at: null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint = libc.func(
  'void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const munmap: (at: bigint, length: number) => number = libc.func(
  'int munmap(void *at, size_t length)',
);

const readAndWrite = 1 | 2;
const shared = 1;
const failed = 0xffff_ffff_ffff_ffffn;

export interface MappedFile {
  readonly bytes: Buffer;
  /** `bytes` must not be touched afterwards. */
  unmap(): void;
}

/** The first `length` bytes of an open file. Throws when its file system cannot do that. */
export function mapFile(fd: number, length: number, path: string): MappedFile {
  const at = mmap(null, length, readAndWrite, shared, fd, 0);
  if (at === failed)
    throw new Error(
      `${path} cannot be mapped into memory (errno ${koffi.errno()}): choose a directory on a local disk`,
    );
  return {
    bytes: Buffer.from(koffi.view(at, length)),
    unmap: () => void munmap(at, length),
  };
}
