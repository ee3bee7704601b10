import { mountedAt, removeMount } from '@moorage/stack/mounts';
import { CommandError, EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import { timeoutOf, type ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { exported } from '../mounts/left-over.ts';
import { notMounted, reach } from '../mounts/reach.ts';
import {
  forgetMount,
  mountOf,
  realMountPoint,
  recordedMounts,
  type MountRecord,
} from '../mounts/registry.ts';
import type { Verb } from '../run.ts';
import { stackProblem } from '../stack-problem.ts';

type Option = 'force' | 'timeout' | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'unmount',
    usage: ['DIR [options]'],
    summary:
      'Unmounts a directory once everything changed in it is in the bucket. When that cannot be reached, ' +
      'the mount stays and what is left is listed.',
    positionals: { min: 1, max: 1 },
    options: {
      force: {
        help: 'Do not wait for the bucket. What is left stays in the data directory and is exported by the next mount of the bucket.',
      },
      timeout: { value: 'SECONDS', help: 'How long to wait for the bucket. Default: 60.' },
      'data-dir': { value: 'DIR', help: 'As given to mount.' },
    },
    notes: [
      'Exit codes: 0 unmounted; 2 not a mount of moorage; 3 not everything is in the bucket, still mounted; 4 internal error.',
    ],
  },
  run: unmount,
};

async function unmount(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const [text = ''] = args.positionals;
  const timeoutMs = timeoutOf(args.values.timeout, 60);
  const { data } = directories(process.env, args.values['data-dir']);
  const mounts = recordedMounts(data);
  const directory = realMountPoint(text);
  const mount = mountOf(mounts, directory);
  if (mount?.mountPoint !== directory) throw notMounted(directory, mounts);
  const control = await reach(mount);
  if (control) {
    const stopped = control.stop({ drain: !args.switches.has('force') });
    try {
      await exported(
        control,
        stopped,
        timeoutMs,
        `Still mounted. Make the bucket reachable and repeat, or keep the rest for the next mount: moorage unmount --force ${directory}`,
      );
    } finally {
      // Hanging up takes back what was asked for.
      control.close();
    }
    await gone(mount, data);
  } else await removeDead(mount, data);
  terminal.print(`${directory} is unmounted`);
  terminal.result({ mountPoint: directory, unmounted: true });
  return EXIT.clean;
}

/** The daemon takes its record away as its last act. */
async function gone(mount: MountRecord, dataDir: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (recordedMounts(dataDir).some(({ id }) => id === mount.id)) {
    if (Date.now() > deadline) {
      throw new CommandError(EXIT.internal, `The process ${mount.pid} of the mount does not end.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The daemon died: nobody serves the mount, if it is there at all. */
async function removeDead(mount: MountRecord, dataDir: string): Promise<void> {
  try {
    if (mountedAt(mount.mountPoint)) await removeMount(mount.mountPoint, { lazy: true });
  } catch (error) {
    throw stackProblem(error);
  }
  forgetMount(dataDir, mount);
}
