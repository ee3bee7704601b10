import { readFileSync } from 'node:fs';
import { FileSystemServerError, type SynchronizationConfiguration } from '@moorage/stack/control';
import { CommandError, EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { notMounted, reach } from '../mounts/reach.ts';
import { mountOf, realMountPoint, recordedMounts, type MountRecord } from '../mounts/registry.ts';
import { readSynchronization } from '../mounts/synchronization-file.ts';
import type { Verb } from '../run.ts';

type Option = 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'sync-config',
    usage: ['get DIR', 'put DIR FILE|-'],
    summary:
      'The synchronisation configuration of a mount: which data is brought in and when, how long data that\n' +
      'nobody reads stays on this machine, and when changes are exported. get prints it as JSON, put reads\n' +
      'it from a file (- is standard input) and brings it into force at once; it is kept with the file system.',
    positionals: { min: 2, max: 3 },
    options: { 'data-dir': { value: 'DIR', help: 'As given to mount.' } },
    notes: [
      'Fields, limits and defaults are those of S3 Files:',
      'importDataRules: 1 to 10 of {prefix, trigger, sizeLessThan}; the longest prefix counts, one must be "". Files smaller than sizeLessThan bytes are kept here whole: with ON_DIRECTORY_FIRST_ACCESS from when their directory is first looked into, with ON_FILE_ACCESS from when they are read. Others are read by range.',
      'expirationDataRules: one {daysAfterLastAccess}, 1 to 365. What is not exported yet stays.',
      'latestVersionNumber: of what was got; put is refused when it is not the one in force.',
      "and one of Moorage's own, which may be left out:",
      'moorageExportDataRules: 1 to 10 of {prefix, quietMs, maxAgeMs}; a file is exported once it was not changed for quietMs, at the latest maxAgeMs after its first change.',
      'Exit codes: 0 done; 2 not a mount of moorage, or refused; 3 the process of the mount is gone; 4 internal error.',
    ],
  },
  run: syncConfig,
};

async function syncConfig(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const [action, directory = '', file] = args.positionals;
  if (action !== 'get' && action !== 'put')
    throw usageError(`${JSON.stringify(action)} is neither get nor put.`);
  if (action === 'put' && file === undefined) throw usageError('Missing argument: put DIR FILE|-');
  if (action === 'get' && file !== undefined)
    throw usageError(`Unexpected argument ${JSON.stringify(file)}`);
  const mounts = recordedMounts(directories(process.env, args.values['data-dir']).data);
  const path = realMountPoint(directory);
  const mount = mountOf(mounts, path);
  if (mount === undefined) throw notMounted(path, mounts);
  if (action === 'get') {
    const configuration = await ask(mount, undefined);
    terminal.print(JSON.stringify(configuration, null, 2));
    terminal.result(configuration);
    return EXIT.clean;
  }
  const document = readSynchronization(file!, () => readFileSync(0, 'utf8'));
  const configuration = await ask(mount, { document });
  terminal.print(`In force, as version ${configuration.latestVersionNumber}.`);
  terminal.result(configuration);
  return EXIT.clean;
}

/** What is in force, after `put` was put. */
async function ask(
  mount: MountRecord,
  put: { document: unknown } | undefined,
): Promise<SynchronizationConfiguration> {
  const control = await reach(mount);
  if (control === undefined)
    throw new CommandError(
      EXIT.incomplete,
      `The process of the mount ${mount.mountPoint} is gone.`,
      `Mount it again: moorage unmount ${mount.mountPoint}, then moorage mount.`,
    );
  try {
    return await (put === undefined
      ? control.synchronization()
      : control.putSynchronization(put.document));
  } catch (error) {
    if (!(error instanceof FileSystemServerError)) throw error;
    throw new CommandError(
      error.code === 'SERVER_GONE' ? EXIT.incomplete : EXIT.usage,
      `${error.code}: ${error.message}`,
      error.code === 'ConflictException'
        ? `Somebody has changed it: moorage sync-config get ${mount.mountPoint}`
        : undefined,
      { cause: error },
    );
  } finally {
    control.close();
  }
}
