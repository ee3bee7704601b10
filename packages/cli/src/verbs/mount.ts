import { readFileSync } from 'node:fs';
import { checkBucket, type BucketLocation } from '@moorage/stack/mounts';
import { checkEndpoint, parseBucketUrl } from '../bucket-url.ts';
import { EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { byteSize } from '../mounts/byte-size.ts';
import { changeSourceOf } from '../mounts/change-source.ts';
import { realMountPoint } from '../mounts/registry.ts';
import type { MountRequest } from '../mounts/serve-mount.ts';
import { readSynchronization } from '../mounts/synchronization-file.ts';
import type { Verb } from '../run.ts';
import { stackProblem } from '../stack-problem.ts';
import { stopSignals } from '../stop-signals.ts';

type Option =
  | 'endpoint'
  | 'read-only'
  | 'fsync'
  | 'owner'
  | 'escape-keys'
  | 'plain-keys'
  | 'events'
  | 'metrics-port'
  | 'foreground'
  | 'data-dir'
  | 'sync-config'
  | 'cache-size';

export const verb: Verb<Option> = {
  declaration: {
    name: 'mount',
    usage: ['s3://bucket[/prefix] DIR [options]'],
    summary:
      'Mounts a bucket, or what is below a prefix of it, as a directory. Returns once it is mounted. The ' +
      'bucket must have versioning enabled; credentials and region come from the usual AWS environment ' +
      'and profiles.',
    positionals: { min: 2, max: 2 },
    options: {
      endpoint: { value: 'URL', help: 'S3 endpoint, if the bucket is not at Amazon.' },
      'read-only': { help: 'Refuse every change.' },
      fsync: {
        value: 'disk|s3',
        help: "When fsync(2) of a file returns: when it is on this machine's disk (default), or when its version is in the bucket. With s3, fsync fails (EIO) when the bucket refuses it, and `moorage status` says why.",
      },
      owner: {
        value: 'UID[:GID]',
        help: 'Owner of objects that do not say whose they are, and of the root directory. Default: 0:0.',
      },
      'sync-config': {
        value: 'FILE',
        help: 'Synchronisation configuration (JSON) to bring into force: import, expiry and export rules; see `moorage sync-config --help`. Default: what the bucket was last mounted with here.',
      },
      'cache-size': {
        value: 'SIZE',
        help: 'What data that is in the bucket too may take on the disk, such as 50GiB; at least 64MiB. What was read the longest ago goes first. Default: half of what the disk has for it.',
      },
      'escape-keys': {
        help: 'Show keys that cannot be paths, too, under other names: a//b as a/%=/b, ./c as %=%2E/c, a file beside a directory of its name as %@name. Remembered until --plain-keys.',
      },
      'plain-keys': { help: 'Undo --escape-keys. Either needs everything exported before.' },
      events: {
        value: 'SOURCE',
        help: "Where changes of others in the bucket are told: sqs:URL, a queue that gets the bucket's notifications and belongs to this mount alone, or webhook:PORT, to which the store posts them on 127.0.0.1. Otherwise directories in use are listed again every few seconds.",
      },
      'metrics-port': {
        value: 'PORT',
        help: 'Serve metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0 is any free port.',
      },
      foreground: { help: 'Stay, and unmount when stopped (Ctrl-C).' },
      'data-dir': {
        value: 'DIR',
        help: 'Names, cache and what is not exported yet. Default: $XDG_DATA_HOME/moorage or ~/.local/share/moorage.',
      },
    },
    notes: [
      'Exit codes: 0 mounted; 2 arguments, bucket or machine must be changed; 4 internal error.',
    ],
  },
  run: mount,
};

/** Ctrl-C of a foreground mount: this long is spent on exports. */
const DRAIN_MS_MAX = 60_000;
/** Less would be read again all the time. */
const CACHE_BYTES_MIN = 64 * 1024 * 1024;
const stdin = (): string => readFileSync(0, 'utf8');

async function mount(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const [address = '', directory = ''] = args.positionals;
  const { bucket, prefix } = parseBucketUrl(address);
  const {
    endpoint,
    events,
    'metrics-port': port,
    'sync-config': syncConfig,
    'cache-size': cacheSize,
  } = args.values;
  const location: BucketLocation = {
    bucket,
    ...(endpoint !== undefined && { endpoint: checkEndpoint(endpoint) }),
  };
  const request: MountRequest = {
    id: crypto.randomUUID(),
    dataDir: directories(process.env, args.values['data-dir']).data,
    bucket: location,
    prefix,
    mountPoint: realMountPoint(directory),
    readOnly: args.switches.has('read-only'),
    fsync: fsyncOf(args.values.fsync),
    owner: ownerOf(args.values.owner),
    ...keysOf(args.switches),
    ...(events !== undefined && { changes: changeSourceOf(events) }),
    ...(port !== undefined && { metricsPort: portOf(port) }),
    ...(syncConfig !== undefined && { synchronization: readSynchronization(syncConfig, stdin) }),
    ...(cacheSize !== undefined && {
      cacheBytesMax: byteSize('--cache-size', cacheSize, CACHE_BYTES_MIN),
    }),
    startedAt: Date.now(),
  };
  const signal = stopSignals(terminal, () => {});
  try {
    await checkBucket(location);
    signal.throwIfAborted();
    if (args.switches.has('foreground')) return await stay(request, signal, terminal);
    const { startDaemon } = await import('../mounts/start-daemon.ts');
    await startDaemon(request, signal);
  } catch (error) {
    throw stackProblem(error);
  }
  announce(request, terminal);
  return EXIT.clean;
}

function fsyncOf(text = 'disk'): MountRequest['fsync'] {
  if (text === 'disk' || text === 's3') return text;
  throw usageError(`--fsync ${JSON.stringify(text)} is neither disk nor s3.`);
}

function ownerOf(text = '0:0'): MountRequest['owner'] {
  const [, uid, gid = uid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  // The last number means "unchanged" in chown(2).
  if (uid !== undefined && Number(uid) < 0xffffffff && Number(gid) < 0xffffffff)
    return { uid: Number(uid), gid: Number(gid) };
  throw usageError(`--owner ${JSON.stringify(text)} is not UID or UID:GID in numbers.`);
}

function keysOf(switches: ReadonlySet<string>): Pick<MountRequest, 'escapeKeys'> {
  const [escape, plain] = [switches.has('escape-keys'), switches.has('plain-keys')];
  if (escape && plain) throw usageError('--escape-keys and --plain-keys exclude each other.');
  return escape || plain ? { escapeKeys: escape } : {};
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw usageError(`--metrics-port ${JSON.stringify(text)} is not a port.`);
}

function announce(request: MountRequest, terminal: Terminal): void {
  const { mountPoint, bucket, prefix, readOnly } = request;
  terminal.print(`s3://${bucket.bucket}/${prefix} is mounted at ${mountPoint}`);
  terminal.result({ mountPoint, bucket: bucket.bucket, prefix, readOnly });
}

async function stay(
  request: MountRequest,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ExitCode> {
  const { serveMount } = await import('../mounts/serve-mount.ts');
  const { server, ended } = await serveMount(request, (level, message) => {
    if (level !== 'debug') terminal.note(`${level} ${message}`);
  });
  announce(request, terminal);
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([stopped, ended]);
  let exitCode: ExitCode = EXIT.clean;
  try {
    await server.stop({ drain: true, signal: AbortSignal.timeout(DRAIN_MS_MAX) });
  } catch (error) {
    terminal.note(`moorage: ${(error as Error).message}`);
    exitCode = EXIT.incomplete;
    await server.stop();
  }
  await ended;
  return exitCode;
}
