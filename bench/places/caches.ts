import { writeFile } from 'node:fs/promises';
import { timed } from '../pinned.ts';

/** Pages, names and inodes that the kernel holds and can do without. Root only. */
export async function dropKernelCaches(): Promise<void> {
  await timed([], 'sync');
  await writeFile('/proc/sys/vm/drop_caches', '3');
}
