/**
 * Files that are replaced whole: a reader sees the old or the new content, never a part, and once the call
 * has returned the content survives a power cut. The order is fixed: write a temporary file beside the
 * target, fsync it, rename it over the target, fsync the directory.
 */
import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A file as it travels through checkpoints. `path` is relative to the run directory, with forward slashes. */
export interface FileReference {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Puts `content` at `path` by write, fsync and rename. Leaves nothing behind when it throws. */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  mode = 0o640,
): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Writes a file below `runDirectory` atomically and returns its reference. */
export async function writeReferenced(
  runDirectory: string,
  path: string,
  content: Uint8Array | string,
): Promise<FileReference> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  await writeFileAtomic(join(runDirectory, path), bytes);
  return { path, sha256: sha256Hex(bytes), bytes: bytes.length };
}
