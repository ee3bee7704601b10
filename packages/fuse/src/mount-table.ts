/** The mounts this process can see, from /proc/self/mountinfo: read without touching any of them. */
import { readFileSync } from 'node:fs';

export interface MountedFileSystem {
  mountPoint: string;
  /** E.g. `fuse.moorage`. */
  type: string;
  source: string;
  /** Device number as `major:minor`; for FUSE the minor number names the connection. */
  device: string;
  readOnly: boolean;
}

/** All mounts, in the order in which they were made: the last one on a directory is the visible one. */
export function readMounts(
  text: string = readFileSync('/proc/self/mountinfo', 'utf8'),
): MountedFileSystem[] {
  const mounts: MountedFileSystem[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ');
    if (before === undefined || after === undefined) continue;
    const fields = before.split(' ');
    const [type, source] = after.split(' ');
    mounts.push({
      mountPoint: unescape(fields[4]!),
      type: type!,
      source: unescape(source ?? ''),
      device: fields[2]!,
      readOnly: fields[5]!.split(',').includes('ro'),
    });
  }
  return mounts;
}

/** What is mounted on exactly this directory. */
export function mountedAt(directory: string): MountedFileSystem | undefined {
  return readMounts().findLast((mount) => mount.mountPoint === directory);
}

/** Blanks, tabs, newlines and backslashes are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
