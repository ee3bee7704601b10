/**
 * Writes the screened files of a commit into source/ and hashes them on the way, so that the manifest costs
 * no second reading. Contents come from one `git cat-file --batch`; files are made exclusively and only by
 * us, so a path can neither pass through a link nor replace anything.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ManifestFile, ManifestSkip } from '@moorage/workspace';
import { failure } from '../failure.ts';
import type { Git } from './git.ts';
import type { ScreenedTree } from './tree.ts';

export interface Snapshot {
  readonly files: readonly ManifestFile[];
  readonly skipped: readonly ManifestSkip[];
}

/** Files and directories are readable by the group and writable by nobody but the owner's directories. */
const fileMode = 0o440;
const directoryMode = 0o750;

/** `source` is an existing empty directory. */
export async function writeSnapshot(
  git: Git,
  gitDirectory: string,
  tree: ScreenedTree,
  source: string,
  signal: AbortSignal,
): Promise<Snapshot> {
  const files: ManifestFile[] = [];
  const skipped: ManifestSkip[] = [...tree.skipped];
  const directories = new Set<string>([source]);
  const child = git.stream(['--git-dir', gitDirectory, 'cat-file', '--batch', '--buffer'], signal);
  child.stdin.end(tree.files.map((file) => `${file.object}\n`).join(''));
  const blobs = batchContents(child.stdout as AsyncIterable<Buffer>);
  for (const file of tree.files) {
    const next = await blobs.next();
    if (next.done) break;
    if (next.value === null) {
      skipped.push({ path: file.path, reason: 'content is missing in the repository' });
      continue;
    }
    const reason = writeFile(source, file.path, next.value, directories);
    if (reason !== null) {
      skipped.push({ path: file.path, reason });
      continue;
    }
    files.push({
      path: file.path,
      bytes: next.value.length,
      sha256: createHash('sha256').update(next.value).digest('hex'),
    });
  }
  const { status, stderr } = await child.ended;
  if (signal.aborted) throw signal.reason;
  if (status !== 0) {
    throw failure(
      'RepositoryUnreachable',
      'The files of the commit cannot be read: the repository is damaged or hostile.',
      'Run git fsck on it.',
      new Error(stderr.slice(-2000)),
    );
  }
  return { files, skipped };
}

/** Null when written; a reason when the tree contradicts itself (a file and a directory of one name). */
function writeFile(
  source: string,
  path: string,
  content: Buffer,
  directories: Set<string>,
): string | null {
  const absolute = join(source, path);
  try {
    makeDirectory(dirname(absolute), directories);
    const descriptor = openSync(absolute, 'wx', fileMode);
    try {
      let written = 0;
      while (written < content.length) written += writeSync(descriptor, content, written);
    } finally {
      closeSync(descriptor);
    }
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR') return 'the path occurs twice';
    if (code === 'ENAMETOOLONG' || code === 'EILSEQ' || code === 'EINVAL') {
      return 'the file system refuses the name';
    }
    throw error;
  }
}

function makeDirectory(path: string, directories: Set<string>): void {
  if (directories.has(path)) return;
  makeDirectory(dirname(path), directories);
  mkdirSync(path, { mode: directoryMode });
  directories.add(path);
}

/** The contents in the order asked for; null for a missing object. Header: `<object> <type> <size>`. */
async function* batchContents(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer | null, void, undefined> {
  const pending: Buffer[] = [];
  let available = 0;
  let wanted: number | null = null;
  for await (const chunk of chunks) {
    pending.push(chunk);
    available += chunk.length;
    for (;;) {
      if (wanted === null) {
        if (!pending.some((part) => part.includes(10))) break;
        const bytes = Buffer.concat(pending);
        const end = bytes.indexOf(10);
        const header = bytes.toString('latin1', 0, end);
        const rest = bytes.subarray(end + 1);
        pending.splice(0, pending.length, rest);
        available = rest.length;
        if (header.endsWith(' missing')) {
          yield null;
          continue;
        }
        wanted = Number(header.slice(header.lastIndexOf(' ') + 1));
      }
      // One byte more than the content: the line feed that ends it.
      if (available < wanted + 1) break;
      const bytes = pending.length === 1 && pending[0] ? pending[0] : Buffer.concat(pending);
      yield bytes.subarray(0, wanted);
      const rest = bytes.subarray(wanted + 1);
      pending.splice(0, pending.length, rest);
      available = rest.length;
      wanted = null;
    }
  }
}
