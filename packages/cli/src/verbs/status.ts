import type { FileSystemStatus, PendingList } from '@moorage/stack/mounts';
import { EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { shownBytes } from '../mounts/byte-size.ts';
import { reach } from '../mounts/reach.ts';
import { recordedMounts, type MountRecord } from '../mounts/registry.ts';
import type { Verb } from '../run.ts';

type Option = 'pending' | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'status',
    usage: ['[options]'],
    summary:
      'Shows the mounts of this user: what is not in the bucket yet, failures and conflicts.',
    positionals: { min: 0, max: 0 },
    options: {
      pending: { help: 'List what is not in the bucket yet, the oldest first.' },
      'data-dir': { value: 'DIR', help: 'As given to mount.' },
    },
    notes: ['Exit codes: 0; 3 the process of a mount is gone; 4 internal error.'],
  },
  run: status,
};

interface Shown {
  readonly mount: MountRecord;
  /** undefined: its process is gone. */
  readonly status: FileSystemStatus | undefined;
  /** With --pending. */
  readonly pending: PendingList | undefined;
}

const SHOWN_MAX = 10;
/** Of --pending; all of it is in the JSON up to ten thousand. */
const PENDING_SHOWN_MAX = 50;
const PENDING_MAX = 10_000;

async function status(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const mounts = recordedMounts(directories(process.env, args.values['data-dir']).data);
  const shown = await Promise.all(mounts.map((mount) => ask(mount, args.switches.has('pending'))));
  for (const one of shown) print(one, terminal);
  if (shown.length === 0) terminal.print('Nothing is mounted.');
  terminal.result({
    mounts: shown.map(({ mount, status: now, pending }) => ({
      mountPoint: mount.mountPoint,
      bucket: mount.bucket.bucket,
      ...(mount.bucket.endpoint !== undefined && { endpoint: mount.bucket.endpoint }),
      prefix: mount.prefix,
      readOnly: mount.readOnly,
      daemonPid: mount.pid,
      startedAt: new Date(mount.startedAt).toISOString(),
      state: now ? 'mounted' : 'gone',
      ...(now && { fileSystem: now }),
      ...(pending && { pending }),
    })),
  });
  return shown.every((one) => one.status) ? EXIT.clean : EXIT.incomplete;
}

async function ask(mount: MountRecord, withPending: boolean): Promise<Shown> {
  const control = await reach(mount);
  try {
    const status = await control?.status();
    const pending = withPending ? await control?.pending('/', PENDING_MAX) : undefined;
    return { mount, status, pending };
  } catch {
    return { mount, status: undefined, pending: undefined };
  } finally {
    control?.close();
  }
}

function print({ mount, status: now, pending }: Shown, terminal: Terminal): void {
  const readOnly = mount.readOnly ? ' (read-only)' : '';
  terminal.print(`${mount.mountPoint}  s3://${mount.bucket.bucket}/${mount.prefix}${readOnly}`);
  if (!now) {
    terminal.print(
      `  its process is gone: moorage unmount ${mount.mountPoint}, then mount it again`,
    );
    return;
  }
  const age = now.pending > 0 ? `, the oldest for ${(now.exportAgeMs / 1000).toFixed(0)} s` : '';
  terminal.print(
    `  ${now.pending} to export${age}; ${now.exported} exported, ${now.imported} imported`,
  );
  if (pending) printPending(pending, terminal);
  terminal.print(`  cache: ${shownBytes(now.cacheBytes)} of ${shownBytes(now.cacheBytesMax)}`);
  if (now.lastError) terminal.print(`  last error of S3: ${now.lastError.message}`);
  list(
    'promises of S3 that this store does not keep',
    now.store?.lacks.map(({ text }) => text) ?? [],
    terminal,
  );
  if (now.store?.note !== undefined) terminal.print(`  about the store: ${now.store.note}`);
  list(
    'not exported',
    now.failed.map(({ path, message }) => `${path}: ${message}`),
    terminal,
  );
  list(
    'conflicts (the bucket won; see moorage conflicts)',
    now.conflicts.map(
      ({ path, keptAs }) => `${path}${keptAs === undefined ? '' : `, kept as ${keptAs}`}`,
    ),
    terminal,
  );
  list(
    'keys that cannot be files',
    now.importFailures.map(({ key, reason }) => `${key}: ${reason}`),
    terminal,
  );
}

function printPending({ total, changes }: PendingList, terminal: Terminal): void {
  for (const { path, kind, state, ageMs, size } of changes.slice(0, PENDING_SHOWN_MAX)) {
    const what = size === undefined ? kind : `${size} bytes`;
    terminal.print(`    ${path}  ${what}, ${state}, for ${(ageMs / 1000).toFixed(0)} s`);
  }
  if (total > PENDING_SHOWN_MAX)
    terminal.print(
      `    … and ${total - PENDING_SHOWN_MAX} more (--json shows up to ${PENDING_MAX})`,
    );
}

function list(title: string, items: readonly string[], terminal: Terminal): void {
  if (items.length === 0) return;
  terminal.print(`  ${title}:`);
  for (const item of items.slice(0, SHOWN_MAX)) terminal.print(`    ${item}`);
  if (items.length > SHOWN_MAX)
    terminal.print(`    … and ${items.length - SHOWN_MAX} more (--json shows all)`);
}
