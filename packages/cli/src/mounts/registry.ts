// The mounts of this user that outlive the command that made them.
//
//   <data>/mounts/<id>.json          one file a mount, written once it is mounted
//   <data>/mounts/<id>.log           what its daemon has to say
//   <data>/file-systems/<key>/       names and cache of one bucket and prefix: survives unmounting, so that
//                                    what could not be exported is exported by the next mount
// The control socket is elsewhere, because the path of a socket must be short.
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { BucketLocation } from '@moorage/stack/mounts';

export interface MountRecord {
  readonly id: string;
  /** Absolute, without symbolic links. */
  readonly mountPoint: string;
  readonly bucket: BucketLocation;
  readonly prefix: string;
  readonly readOnly: boolean;
  /** Of 127.0.0.1, where its metrics are served. */
  readonly metricsPort?: number;
  /** Of the daemon. */
  readonly pid: number;
  readonly socket: string;
  readonly startedAt: number;
}

export function recordMount(dataDir: string, record: MountRecord): void {
  const file = recordFile(dataDir, record.id);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(record, null, 1), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function forgetMount(dataDir: string, { id, socket }: MountRecord): void {
  rmSync(recordFile(dataDir, id), { force: true });
  rmSync(path.dirname(socket), { recursive: true, force: true });
}

/** All mounts on record, oldest first. Their daemons may have died. */
export function recordedMounts(dataDir: string): MountRecord[] {
  const directory = path.join(dataDir, 'mounts');
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as MountRecord)
    .sort((a, b) => a.startedAt - b.startedAt);
}

/** The mount that holds a path: the one whose mount point is the longest start of it. */
export function mountOf(mounts: readonly MountRecord[], file: string): MountRecord | undefined {
  return mounts
    .filter(({ mountPoint }) => file === mountPoint || file.startsWith(`${mountPoint}/`))
    .sort((a, b) => b.mountPoint.length - a.mountPoint.length)[0];
}

/**
 * Absolute form of what the user typed. The last name is not looked at: it may be a mount whose server is
 * gone, on which every call fails.
 */
export function realMountPoint(text: string): string {
  const absolute = path.resolve(text);
  try {
    return path.join(realpathSync(path.dirname(absolute)), path.basename(absolute));
  } catch {
    return absolute;
  }
}

/** Directory for names and cache of one bucket and prefix. */
export function fileSystemDirectory(
  dataDir: string,
  bucket: BucketLocation,
  prefix: string,
): string {
  const identity = JSON.stringify([bucket.endpoint ?? '', bucket.bucket, prefix]);
  const key = createHash('sha256').update(identity).digest('hex').slice(0, 20);
  return path.join(dataDir, 'file-systems', `${bucket.bucket}-${key}`);
}

function recordFile(dataDir: string, id: string): string {
  return path.join(dataDir, 'mounts', `${id}.json`);
}
