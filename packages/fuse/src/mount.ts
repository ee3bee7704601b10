/**
 * Making a mount: open /dev/fuse, then mount(2) where that is allowed (root, also root of a user namespace of
 * its own), else the set-user-id helper fusermount3. The descriptor is what the server serves; whoever holds
 * it keeps the mount answering, and when the last holder is gone the kernel fails every call with ENOTCONN.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { identityOf } from './identity.ts';
import type { Identity } from './identity.ts';
import { MountError } from './mount-error.ts';
import { mountedAt } from './mount-table.ts';
import {
  errno,
  errnoName,
  mount,
  openSocketPair,
  receiveDescriptor,
  unmountElsewhere,
} from './system-calls.ts';
import { Errno } from './wire.ts';

export interface MountOptions {
  /** An existing, empty directory. */
  dir: string;
  /** What mount(8) and df(1) show as the source, e.g. `s3://bucket/prefix`. */
  fsName: string;
  readOnly?: boolean;
}

export interface KernelMount {
  /** The open /dev/fuse: close-on-exec, to be passed to the server. */
  fd: number;
  /** The mount point without symbolic links. */
  dir: string;
  identity: Identity;
  /** Names the connection under /sys/fs/fuse/connections. */
  device: string;
}

const device = '/dev/fuse';
export const fileSystemType = 'fuse.moorage';

const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;

/** Opens /dev/fuse and mounts it. Throws `MountError`. Nobody may touch the mount until it is served. */
export async function openAndMount(options: MountOptions): Promise<KernelMount> {
  const dir = await checkMountPoint(options.dir);
  const uid = process.getuid!();
  const gid = process.getgid!();
  const fd = openDevice();
  if (mountHere(fd, dir, options, uid, gid)) {
    const identity = identityOf(uid, gid, readFileSync('/proc/self/uid_map', 'utf8'));
    return { fd, dir, identity, device: mountedAt(dir)?.device ?? '' };
  }
  closeSync(fd);
  const passed = mountByHelper(dir, options);
  const identity: Identity = { kind: 'single', uid, gid };
  return { fd: passed, dir, identity, device: mountedAt(dir)?.device ?? '' };
}

async function checkMountPoint(path: string): Promise<string> {
  let dir: string;
  try {
    // Not of the mount point itself: when it is mounted already, its server might never answer.
    dir = join(realpathSync(dirname(resolve(path))), basename(resolve(path)));
    await clearStaleMount(dir);
    if (mountedAt(dir) === undefined) dir = realpathSync(dir);
  } catch (error) {
    if (error instanceof MountError) throw error;
    throw new MountError(
      'MOUNT_POINT_MISSING',
      `${path} does not exist: create the directory first`,
    );
  }
  const mounted = mountedAt(dir);
  if (mounted?.type.startsWith('fuse') === true)
    throw new MountError(
      'ALREADY_MOUNTED',
      `${dir} is already a mount of ${mounted.source}: unmount it first, or choose another directory`,
    );
  if (!statSync(dir).isDirectory())
    throw new MountError('MOUNT_POINT_NOT_DIRECTORY', `${dir} is not a directory`);
  if (readdirSync(dir).length > 0)
    throw new MountError(
      'MOUNT_POINT_NOT_EMPTY',
      `${dir} is not empty: its files would be hidden. Choose an empty directory`,
    );
  return dir;
}

/** A mount whose server is gone answers ENOTCONN to everything: it is in the way and of no use. */
async function clearStaleMount(dir: string): Promise<void> {
  if (mountedAt(dir)?.type.startsWith('fuse') !== true) return;
  // By another process: one that serves nothing would keep a thread of ours waiting.
  const { promise, resolve: resolved } = Promise.withResolvers<string>();
  execFile(
    'stat',
    ['--', dir],
    { timeout: staleLookMs, env: { ...process.env, LC_ALL: 'C' } },
    (error, _, stderr) => resolved(error === null ? '' : stderr),
  );
  if (/not connected/.test(await promise)) await unmount(dir, { lazy: true });
}

const staleLookMs = 2_000;

function openDevice(): number {
  const readWrite = 'r+';
  try {
    return openSync(device, readWrite);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENXIO' || code === 'ENODEV')
      throw new MountError(
        'NO_FUSE_DEVICE',
        `${device} is missing: load the kernel module (modprobe fuse); in a container start it with --device ${device} --cap-add SYS_ADMIN`,
      );
    throw new MountError(
      'FUSE_DEVICE_CLOSED',
      `${device} cannot be opened (${code}): allow it with chmod 0666 ${device}; in a container start it with --device ${device} --cap-add SYS_ADMIN`,
    );
  }
}

/** By mount(2). False when this process may not mount; other failures throw. */
function mountHere(
  fd: number,
  dir: string,
  options: MountOptions,
  uid: number,
  gid: number,
): boolean {
  const data = `fd=${fd},rootmode=40000,user_id=${uid},group_id=${gid},default_permissions,allow_other`;
  const flags = MS_NOSUID | MS_NODEV | (options.readOnly === true ? MS_RDONLY : 0);
  if (mount(options.fsName, dir, fileSystemType, flags, data) === 0) return true;
  const number = errno();
  if (number === Errno.EPERM) return false;
  closeSync(fd);
  if (number === Errno.ENODEV)
    throw new MountError(
      'NO_FUSE_DEVICE',
      'the kernel has no FUSE: load the kernel module (modprobe fuse)',
    );
  throw new MountError('MOUNT_FAILED', `mounting ${dir} failed: ${errnoName(number)}`);
}

/** By fusermount3, which mounts and passes the descriptor back over a socket. */
function mountByHelper(dir: string, options: MountOptions): number {
  const [ours, theirs] = openSocketPair();
  try {
    const ro = options.readOnly === true ? ',ro' : '';
    const source = options.fsName.replace(/[\\,]/g, (c) => `\\${c}`);
    const result = spawnSync(
      'fusermount3',
      ['-o', `default_permissions,nosuid,nodev,subtype=moorage,fsname=${source}${ro}`, '--', dir],
      {
        stdio: ['ignore', 'ignore', 'pipe', theirs],
        env: { ...process.env, _FUSE_COMMFD: '3' },
        encoding: 'utf8',
      },
    );
    if (result.error !== undefined)
      throw new MountError(
        'MOUNTING_NOT_ALLOWED',
        'this user may not mount: run in a user namespace (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or install the package fuse3, which brings fusermount3',
      );
    const fd = result.status === 0 ? receiveDescriptor(ours) : undefined;
    if (fd === undefined)
      throw new MountError(
        'MOUNT_FAILED',
        `fusermount3 could not mount ${dir}: ${result.stderr.trim() || `status ${result.status}`}`,
      );
    return fd;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

const MNT_FORCE = 1;
const MNT_DETACH = 2;

/**
 * Takes a mount away. `lazy`: at once from the tree, finally when nobody uses it any more. `abort`: every
 * call that waits for the server fails, because it will not come back. Throws `MountError` BUSY or NOT_MOUNTED.
 */
export async function unmount(
  dir: string,
  o: { lazy?: boolean; abort?: boolean } = {},
): Promise<void> {
  if (o.abort === true) abortConnection(dir);
  const flags = (o.lazy === true ? MNT_DETACH : 0) | (o.abort === true ? MNT_FORCE : 0);
  const number = await unmountElsewhere(dir, flags);
  if (number === 0) return;
  if (number === Errno.EPERM) return unmountByHelper(dir, o.lazy === true);
  if (number === Errno.EBUSY) throw busy(dir);
  throw new MountError('NOT_MOUNTED', `${dir} is not mounted (${errnoName(number)})`);
}

/** Whoever mounted may do this, where the kernel's control file system is mounted; root does not need it. */
function abortConnection(dir: string): void {
  const minor = mountedAt(dir)?.device.split(':')[1];
  try {
    writeFileSync(`/sys/fs/fuse/connections/${minor}/abort`, '1');
  } catch {
    // MNT_FORCE does it for root, and the last descriptor that is closed for everybody.
  }
}

function busy(dir: string): MountError {
  return new MountError(
    'BUSY',
    `${dir} is in use: close what works in it (fuser -vm ${dir} lists it)`,
  );
}

async function unmountByHelper(dir: string, lazy: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const child = spawn('fusermount3', ['-u', ...(lazy ? ['-z'] : []), '--', dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.on('error', (error) => resolve(error.message));
  child.on('close', (code) => resolve(code === 0 ? undefined : said.trim()));
  const failed = await promise;
  if (failed === undefined) return;
  if (/busy/i.test(failed)) throw busy(dir);
  throw new MountError('NOT_MOUNTED', `unmounting ${dir}: ${failed}`);
}
