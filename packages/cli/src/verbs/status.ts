import type { FailureList, FileSystemStatus, PendingList } from '@moorage/stack/control';
import { EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { shownBytes } from '../mounts/byte-size.ts';
import { reach } from '../mounts/reach.ts';
import { exposition, type MeasuredMount } from '../mounts/prometheus.ts';
import { recordedMounts, type MountRecord } from '../mounts/registry.ts';
import type { Verb } from '../run.ts';
import { PAGE_MAX, firstOf, nextOf, printFailures } from './status-failures.ts';

type Option = 'pending' | 'failures' | 'from' | 'prometheus' | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'status',
    usage: ['[options]'],
    summary:
      'Shows the mounts of this user: what is not in the bucket yet, failures and conflicts.',
    positionals: { min: 0, max: 0 },
    options: {
      pending: { help: 'List what is not in the bucket yet, the oldest first.' },
      failures: {
        help: 'List what could not be exported and which keys are not visible, why, and what to do.',
      },
      from: { value: 'N', help: 'Of --failures: go on with the page that starts with this one.' },
      prometheus: { help: 'Print metrics for Prometheus instead.' },
      'data-dir': { value: 'DIR', help: 'As given to mount.' },
    },
    notes: [
      'Exit codes: 0; 2 wrong arguments; 3 the process of a mount is gone; 4 internal error.',
    ],
  },
  run: status,
};

/** What is asked for beside the status. */
interface Wanted {
  readonly pending: boolean;
  /** Number of the first one. */
  readonly failuresFrom: number | undefined;
}

interface Shown {
  readonly mount: MountRecord;
  /** undefined: its process is gone. */
  readonly status: FileSystemStatus | undefined;
  /** With --pending. */
  readonly pending: PendingList | undefined;
  /** With --failures. */
  readonly failures: FailureList | undefined;
}

const SHOWN_MAX = 10;
/** Of --pending; all of it is in the JSON up to ten thousand. */
const PENDING_SHOWN_MAX = 50;
const PENDING_MAX = 10_000;

async function status(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const mounts = recordedMounts(directories(process.env, args.values['data-dir']).data);
  if (args.values.from !== undefined && !args.switches.has('failures')) {
    throw usageError('--from is a page of the failures.', 'Add --failures.');
  }
  if (args.switches.has('prometheus')) return prometheus(mounts, terminal);
  const wanted: Wanted = {
    pending: args.switches.has('pending'),
    failuresFrom: args.switches.has('failures') ? firstOf(args.values.from) : undefined,
  };
  const shown = await Promise.all(mounts.map((mount) => ask(mount, wanted)));
  for (const one of shown) print(one, wanted, terminal);
  if (shown.length === 0) terminal.print('Nothing is mounted.');
  terminal.result({
    mounts: shown.map(({ mount, status: now, pending, failures }) => ({
      mountPoint: mount.mountPoint,
      bucket: mount.bucket.bucket,
      ...(mount.bucket.endpoint !== undefined && { endpoint: mount.bucket.endpoint }),
      prefix: mount.prefix,
      readOnly: mount.readOnly,
      ...(mount.metricsPort !== undefined && { metricsPort: mount.metricsPort }),
      daemonPid: mount.pid,
      startedAt: new Date(mount.startedAt).toISOString(),
      state: now ? 'mounted' : 'gone',
      ...(now && { fileSystem: now }),
      ...(pending && { pending }),
      ...(failures && {
        failures: { ...failures, next: nextOf(failures, wanted.failuresFrom ?? 0) },
      }),
    })),
  });
  return shown.every((one) => one.status) ? EXIT.clean : EXIT.incomplete;
}

async function ask(mount: MountRecord, wanted: Wanted): Promise<Shown> {
  const control = await reach(mount);
  try {
    const status = await control?.status();
    const pending = wanted.pending ? await control?.pending('/', PENDING_MAX) : undefined;
    const from = wanted.failuresFrom;
    const failures = from === undefined ? undefined : await control?.failures(from, PAGE_MAX);
    return { mount, status, pending, failures };
  } catch {
    return { mount, status: undefined, pending: undefined, failures: undefined };
  } finally {
    control?.close();
  }
}

async function prometheus(mounts: readonly MountRecord[], terminal: Terminal): Promise<ExitCode> {
  const measured: MeasuredMount[] = [];
  for (const mount of mounts) {
    const control = await reach(mount);
    try {
      const metrics = await control?.metrics();
      const { mountPoint, prefix } = mount;
      if (metrics) measured.push({ mountPoint, bucket: mount.bucket.bucket, prefix, metrics });
    } catch {
      // It has just ended.
    } finally {
      control?.close();
    }
  }
  terminal.print(exposition(measured).trimEnd());
  terminal.result({ mounts: measured });
  return measured.length === mounts.length ? EXIT.clean : EXIT.incomplete;
}

function print(
  { mount, status: now, pending, failures }: Shown,
  wanted: Wanted,
  terminal: Terminal,
): void {
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
  if (now.changesFrom === 'listing') terminal.print('  changes of others are found by listing');

  if (pending) printPending(pending, terminal);
  terminal.print(`  cache: ${shownBytes(now.cacheBytes)} of ${shownBytes(now.cacheBytesMax)}`);
  if (now.lastError) terminal.print(`  last error of S3: ${now.lastError.message}`);
  list(
    'promises of S3 that this store does not keep',
    now.store?.lacks.map(({ text }) => text) ?? [],
    terminal,
  );
  if (now.store?.note !== undefined) terminal.print(`  about the store: ${now.store.note}`);
  if (failures) printFailures(failures, wanted.failuresFrom ?? 0, terminal);
  else printFailed(now, terminal);
  list(
    'conflicts (the bucket won; see moorage conflicts)',
    now.conflicts.map(
      ({ path, keptAs }) => `${path}${keptAs === undefined ? '' : `, kept as ${keptAs}`}`,
    ),
    terminal,
  );
}

function printFailed(now: FileSystemStatus, terminal: Terminal): void {
  const { failed, failedCount, importFailures, importFailureCount } = now;
  list(
    'not exported',
    failed.map(({ path, error }) => `${path}: ${error}`),
    terminal,
    failedCount,
  );
  list(
    'keys that are not visible',
    importFailures.map(({ key, reason }) => `${JSON.stringify(key)}: ${reason}`),
    terminal,
    importFailureCount,
  );
  if (failedCount + importFailureCount > 0) {
    terminal.print('  moorage status --failures says why and what to do');
  }
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

function list(
  title: string,
  items: readonly string[],
  terminal: Terminal,
  count: number = items.length,
): void {
  if (items.length === 0) return;
  terminal.print(`  ${title}:`);
  for (const item of items.slice(0, SHOWN_MAX)) terminal.print(`    ${item}`);
  if (count > SHOWN_MAX) terminal.print(`    … and ${count - SHOWN_MAX} more`);
}
