/**
 * A directory that appears whole or not at all: everything is written below a staging directory beside the
 * target, made durable, and renamed. A reader never sees half a report; a repeated publication replaces the
 * former one.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sha256Hex, syncDirectory, type FileReference } from './atomic-file.ts';

/** Where the files of `target` are gathered before publication. */
export function stagingDirectory(target: string): string {
  return join(dirname(target), `.${basename(target)}.partial`);
}

/** Empties and fills the staging directory. References name the files as they will be after publication. */
export async function stage(
  target: string,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<FileReference[]> {
  const staging = stagingDirectory(target);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o750 });
  const references: FileReference[] = [];
  for (const [name, content] of files) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const file = await open(join(staging, name), 'wx', 0o640);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    references.push({
      path: `${basename(target)}/${name}`,
      sha256: sha256Hex(bytes),
      bytes: bytes.length,
    });
  }
  await syncDirectory(staging);
  return references;
}

/**
 * Makes the staged directory the target. Repeating it after a crash is safe: without a staging directory
 * the target of the earlier call stands.
 */
export async function publish(target: string): Promise<void> {
  const staging = stagingDirectory(target);
  const former = join(dirname(target), `.${basename(target)}.former`);
  await rm(former, { recursive: true, force: true });
  try {
    await rename(staging, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    await rename(target, former);
    await rename(staging, target);
    await rm(former, { recursive: true, force: true });
  }
  await syncDirectory(dirname(target));
}
