// The way from a mount on record to the process that serves it.
import { connectToControl, type FileSystemControl } from '@moorage/stack/control';
import { usageError } from '../command-line/outcome.ts';
import type { MountRecord } from './registry.ts';

/** undefined when the process is gone. */
export async function reach(mount: MountRecord): Promise<FileSystemControl | undefined> {
  try {
    return await connectToControl(mount.socket);
  } catch {
    return undefined;
  }
}

/** Says that a directory is not one of our mounts, and which ones there are. */
export function notMounted(directory: string, mounts: readonly MountRecord[]): Error {
  const known = mounts.map(({ mountPoint }) => mountPoint).join(', ');
  return usageError(
    `${directory} is not mounted by moorage.`,
    known === '' ? 'Nothing is mounted.' : `Mounted: ${known}`,
  );
}
