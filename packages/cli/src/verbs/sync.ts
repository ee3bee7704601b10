import { realpathSync } from 'node:fs';
import path from 'node:path';
import { CommandError, EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import { timeoutOf, type ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { exported } from '../mounts/left-over.ts';
import { notMounted, reach } from '../mounts/reach.ts';
import { mountOf, realMountPoint, recordedMounts, type MountRecord } from '../mounts/registry.ts';
import type { Verb } from '../run.ts';

type Option = 'wait' | 'timeout' | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'sync',
    usage: ['[--wait] [PATH]'],
    summary:
      'Exports what was changed at and below a path of a mount at once, and returns when it is in the bucket. ' +
      'Without a path: all mounts.',
    positionals: { min: 0, max: 1 },
    options: {
      wait: { help: 'Wait until it is done. sync always does; the option says so in scripts.' },
      timeout: { value: 'SECONDS', help: 'How long to wait. Default: 600.' },
      'data-dir': { value: 'DIR', help: 'As given to mount.' },
    },
    notes: [
      'What is changed after the command began is not waited for. Deleted and renamed files count: name the path they had, or the directory above it. A change that lost against one in the bucket is not in the bucket: see moorage conflicts.',
      'Exit codes: 0 all of it is in the bucket; 2 no such path in a mount; 3 not all of it, and what; 4 internal error.',
    ],
  },
  run: sync,
};

async function sync(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const timeoutMs = timeoutOf(args.values.timeout, 600);
  const { data } = directories(process.env, args.values['data-dir']);
  const mounts = recordedMounts(data);
  const [text] = args.positionals;
  const wanted =
    text === undefined ? mounts.map((mount) => ({ mount, inside: '/' })) : [find(text, mounts)];
  await Promise.all(wanted.map((one) => syncOne(one, timeoutMs, terminal)));
  const paths = wanted.map(({ mount, inside }) => path.join(mount.mountPoint, inside));
  for (const done of paths) terminal.print(`${done.replace(/\/$/, '')} is in the bucket`);
  if (paths.length === 0) terminal.print('Nothing is mounted.');
  terminal.result({ synced: paths });
  return EXIT.clean;
}

function find(text: string, mounts: readonly MountRecord[]): Wanted {
  let file: string;
  try {
    file = realpathSync(path.resolve(text));
  } catch {
    // Deleted, and the deletion is what is to be exported.
    file = realMountPoint(text);
  }
  const mount = mountOf(mounts, file);
  if (!mount) throw notMounted(file, mounts);
  return { mount, inside: `/${path.relative(mount.mountPoint, file)}` };
}

interface Wanted {
  readonly mount: MountRecord;
  readonly inside: string;
}

/** Whoever waits longer than this is told how far it is. */
const PROGRESS_MS = 1_000;

async function syncOne(
  { mount, inside }: Wanted,
  timeoutMs: number,
  terminal: Terminal,
): Promise<void> {
  const control = await reach(mount);
  if (!control) {
    throw new CommandError(
      EXIT.incomplete,
      `The process of the mount ${mount.mountPoint} is gone.`,
      `Mount it again: moorage unmount ${mount.mountPoint}, then moorage mount.`,
    );
  }
  const remedy = 'It is tried again by itself; `moorage status` shows how far it is.';
  const progress = setInterval(() => {
    void control.pending(inside, 0).then(
      ({ total }) =>
        terminal.note(`${path.resolve(mount.mountPoint, `.${inside}`)}: ${total} to export`),
      () => {},
    );
  }, PROGRESS_MS);
  try {
    await exported(control, control.sync(inside), timeoutMs, remedy);
  } finally {
    clearInterval(progress);
    control.close();
  }
}
