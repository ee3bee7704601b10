/**
 * The tree of a commit, screened: which entries become files of the workspace, and which are left out and
 * why. git's own checkout is never used, so nothing of the repository (attributes, filters, hooks, links)
 * takes part; a path that is refused here is never made.
 */
import type { ManifestSkip } from '@moorage/workspace';
import type { ReviewLimits } from '../events.ts';
import { failure } from '../failure.ts';
import type { Git } from './git.ts';

export interface TreeFile {
  readonly path: string;
  readonly object: string;
  readonly bytes: number;
}

export interface ScreenedTree {
  readonly files: readonly TreeFile[];
  readonly skipped: readonly ManifestSkip[];
}

/** An S3 key has at most 1024 bytes; prefix, run id and `source/` need some of them. */
const pathBytesMax = 900;
const nameBytesMax = 255;
const depthMax = 100;

/** Reads and screens the tree. Throws a ReviewFailure when the tree as a whole is over the limits. */
export async function screenTree(
  git: Git,
  gitDirectory: string,
  commit: string,
  limits: Pick<ReviewLimits, 'filesMax' | 'fileBytesMax' | 'totalBytesMax'>,
  signal: AbortSignal,
): Promise<ScreenedTree> {
  const child = git.stream(
    ['--git-dir', gitDirectory, 'ls-tree', '-r', '-z', '-l', '--full-tree', commit],
    signal,
  );
  child.stdin.end();
  const files: TreeFile[] = [];
  const skipped: ManifestSkip[] = [];
  const seen = new Set<string>();
  let totalBytes = 0;
  let entries = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(0); end !== -1; end = bytes.indexOf(0, start)) {
      if (++entries > limits.filesMax) {
        child.kill();
        throw failure(
          'RepositoryTooLarge',
          `The tree has more than ${limits.filesMax} files.`,
          'Review a smaller repository, or raise the limit filesMax.',
        );
      }
      const entry = parseEntry(bytes.subarray(start, end));
      start = end + 1;
      const reason = refuse(entry, limits.fileBytesMax);
      const path = entry.pathBytes.toString();
      if (reason !== null) {
        skipped.push({ path: printable(entry.pathBytes), reason });
      } else if (seen.has(path)) {
        skipped.push({ path: printable(entry.pathBytes), reason: 'the path occurs twice' });
      } else {
        seen.add(path);
        totalBytes += entry.size;
        files.push({ path, object: entry.object, bytes: entry.size });
      }
    }
    rest = bytes.subarray(start);
  }
  const { status, stderr } = await child.ended;
  if (signal.aborted) throw signal.reason;
  if (status !== 0) {
    throw failure(
      'RepositoryUnreachable',
      'The tree of the commit cannot be read: the repository is damaged or hostile.',
      'Run git fsck on it.',
      new Error(stderr.slice(-2000)),
    );
  }
  if (totalBytes > limits.totalBytesMax) {
    throw failure(
      'RepositoryTooLarge',
      `The files of the tree hold ${Math.round(totalBytes / 1024 / 1024)} MiB.`,
      'Review a smaller repository, or raise the limit totalBytesMax.',
    );
  }
  return { files, skipped };
}

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  readonly size: number;
  readonly pathBytes: Buffer;
}

/** `<mode> SP <type> SP <object> SP <size, padded> TAB <path>` */
function parseEntry(bytes: Buffer): TreeEntry {
  const tab = bytes.indexOf(9);
  const [mode = '', , object = '', size = ''] = bytes.toString('latin1', 0, tab).split(/ +/);
  return { mode, object, size: Number(size), pathBytes: bytes.subarray(tab + 1) };
}

/** Why an entry does not become a file; null when it does. */
function refuse(entry: TreeEntry, fileBytesMax: number): string | null {
  if (entry.mode === '120000') return 'symbolic link, not followed';
  if (entry.mode === '160000') return 'submodule, not fetched';
  const path = refusePath(entry.pathBytes);
  if (path !== null) return path;
  if (!Number.isSafeInteger(entry.size)) return 'not a file';
  if (entry.size > fileBytesMax) return `larger than ${fileBytesMax} bytes`;
  return null;
}

/** Why a path of a tree cannot be a path of the workspace; null when it can. */
export function refusePath(bytes: Uint8Array): string | null {
  if (bytes.length > pathBytesMax) return `path longer than ${pathBytesMax} bytes`;
  let path: string;
  try {
    path = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return 'name is not UTF-8';
  }
  // oxlint-disable-next-line no-control-regex -- exactly these characters are refused
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) return 'control character in name';
  const names = path.split('/');
  if (names.length > depthMax) return `deeper than ${depthMax} directories`;
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') return 'path leaves the tree';
    if (Buffer.byteLength(name) > nameBytesMax) return `name longer than ${nameBytesMax} bytes`;
    if (isGitDirectory(name)) return 'name is reserved for git';
  }
  return null;
}

/** `.git` in every spelling that some file system takes for it (case, NTFS short names, ignorable characters). */
function isGitDirectory(name: string): boolean {
  const plain = name
    .replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')
    .replace(/[. ]+$/, '')
    .replace(/:.*$/, '')
    .toLowerCase();
  return plain === '.git' || plain === 'git~1';
}

/** A path for people: bytes that are not UTF-8 and control characters as \xNN. */
export function printable(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    text = Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/[\u0080-\u00ff]/g, escape);
  }
  // oxlint-disable-next-line no-control-regex -- exactly these characters are escaped
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g;
  return text.replaceAll(unsafe, escape).slice(0, 1000);
}

function escape(character: string): string {
  return `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
}
