/**
 * The data directory of a file system: one server at a time (a lock that ends with its holder, however it
 * ends), one bucket and prefix for ever, and the file system's own id.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Session } from '@moorage/fuse';
import { tryLock } from '@moorage/fuse';
import { FileSystemServerError } from './file-system-server.ts';

interface Owner {
  /** `fs-` and 17 hexadecimal digits: names the lost+found directory. */
  id: string;
  bucket: string;
  prefix: string;
}

/** An orphaned server may need this long to let go. */
const lockMsMax = 5_000;
const lockLookMs = 50;

/** Takes the directory for this process, waiting for an orphan that still has it. Returns the file system's id. */
export function claimDataDirectory(dir: string, of: { bucket: string; prefix: string }): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Never closed: the lock is held as long as the process lives.
  const fd = openSync(join(dir, 'lock'), 'a', 0o600);
  for (let waitedMs = 0; !tryLock(fd); waitedMs += lockLookMs) {
    if (waitedMs >= lockMsMax)
      throw new FileSystemServerError(
        'DATA_DIRECTORY_UNUSABLE',
        `another file system server uses ${dir}: unmount that one first (moorage status lists mounts)`,
      );
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockLookMs);
  }
  const file = join(dir, 'file-system.json');
  const known = readJson<Owner>(file);
  if (known === undefined) {
    const id = `fs-${randomBytes(9).toString('hex').slice(0, 17)}`;
    writeJson(file, { id, ...of } satisfies Owner);
    return id;
  }
  if (known.bucket !== of.bucket || known.prefix !== of.prefix)
    throw new FileSystemServerError(
      'DATA_DIRECTORY_UNUSABLE',
      `${dir} holds the state of s3://${known.bucket}/${known.prefix}: use another directory for s3://${of.bucket}/${of.prefix}`,
    );
  return known.id;
}

interface KeptSession {
  mountId: string;
  session: Session;
}

/** What an earlier server agreed with the kernel on this very mount. */
export function keptSession(dir: string, mountId: string): Session | undefined {
  const kept = readJson<KeptSession>(join(dir, 'session.json'));
  return kept?.mountId === mountId ? kept.session : undefined;
}

export function keepSession(dir: string, mountId: string, session: Session): void {
  writeJson(join(dir, 'session.json'), { mountId, session } satisfies KeptSession);
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, after a power failure too. */
function writeJson(file: string, value: unknown): void {
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(fd, JSON.stringify(value));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
}
