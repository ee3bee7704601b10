import path from 'node:path';
import {
  FileSystemServerError,
  type FileConflict,
  type FileSystemControl,
} from '@moorage/stack/control';
import { CommandError, EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { compareVersions } from '../mounts/conflict-versions.ts';
import { notMounted, reach } from '../mounts/reach.ts';
import { mountOf, realMountPoint, recordedMounts, type MountRecord } from '../mounts/registry.ts';
import type { Verb } from '../run.ts';

type Option = 'as' | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'conflicts',
    usage: [
      '[list] [PATH] [options]',
      'show PATH|ID',
      'restore PATH|ID [--as PATH]',
      'discard PATH|ID',
    ],
    summary:
      'Files that were changed in a mount and in the bucket: the bucket won, and the local copy is kept.\n' +
      'list shows them, show compares both versions, restore puts the local copy back as a new version,\n' +
      'discard removes it.',
    positionals: { min: 0, max: 2 },
    options: {
      as: { value: 'PATH', help: 'Restore under another name, which must be free.' },
      'data-dir': { value: 'DIR', help: 'As given to mount.' },
    },
    notes: [
      'Exit codes: 0 done; 2 no such conflict, or the copy cannot be put there; 3 the process of a mount is gone; 4 internal error.',
    ],
  },
  run: conflicts,
};

interface Found {
  readonly mount: MountRecord;
  readonly conflict: FileConflict;
}

const ACTIONS = ['list', 'show', 'restore', 'discard'] as const;
type Action = (typeof ACTIONS)[number];

async function conflicts(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const { action, word } = parse(args.positionals);
  const mounts = recordedMounts(directories(process.env, args.values['data-dir']).data);
  const all = await find(mounts);
  if (args.values.as !== undefined && action !== 'restore')
    throw usageError('--as is for restore only.');
  if (action === 'list') return list(word === undefined ? all : below(all, word, mounts), terminal);
  if (word === undefined) throw usageError(`Missing argument: ${action} PATH|ID`);
  const one = single(all, word, mounts);
  if (action === 'show') return show(one, terminal);
  return settle(one, action, args.values.as, terminal);
}

function parse(words: readonly string[]): { action: Action; word: string | undefined } {
  const [first, second] = words;
  const action = ACTIONS.find((name) => name === first);
  if (action !== undefined) return { action, word: second };
  if (second !== undefined)
    throw usageError(`${JSON.stringify(first)} is none of ${ACTIONS.join(', ')}.`);
  return { action: 'list', word: first };
}

async function find(mounts: readonly MountRecord[]): Promise<Found[]> {
  const found = await Promise.all(
    mounts.map(async (mount) => {
      const control = await connected(mount);
      try {
        const status = await control.status();
        return status.conflicts.map((conflict): Found => ({ mount, conflict }));
      } finally {
        control.close();
      }
    }),
  );
  return found.flat();
}

async function connected(mount: MountRecord): Promise<FileSystemControl> {
  const control = await reach(mount);
  if (control) return control;
  throw new CommandError(
    EXIT.incomplete,
    `The process of the mount ${mount.mountPoint} is gone.`,
    `Mount it again: moorage unmount ${mount.mountPoint}, then moorage mount.`,
  );
}

/** A path in a mount, as the file system has it. The file itself may not be there. */
function inside(text: string, mounts: readonly MountRecord[]): { mount: MountRecord; at: string } {
  const file = realMountPoint(text);
  const mount = mountOf(mounts, file);
  if (!mount) throw notMounted(file, mounts);
  return { mount, at: `/${path.relative(mount.mountPoint, file)}` };
}

function below(all: readonly Found[], word: string, mounts: readonly MountRecord[]): Found[] {
  const { mount, at } = inside(word, mounts);
  return all.filter(
    ({ mount: other, conflict }) =>
      other.id === mount.id &&
      (at === '/' || conflict.path === at || conflict.path.startsWith(`${at}/`)),
  );
}

function single(all: readonly Found[], word: string, mounts: readonly MountRecord[]): Found {
  const named = all.filter(({ conflict }) => conflict.id === word);
  const found = named.length > 0 || isId(word) ? named : below(all, word, mounts);
  const [one, other] = found;
  if (one === undefined)
    throw usageError(`There is no conflict of ${word}.`, 'See `moorage conflicts`.');
  if (other === undefined) return one;
  const ids = found.map(({ conflict }) => `${conflict.id} (${conflict.path})`).join(', ');
  throw usageError(`There are ${found.length} conflicts of ${word}.`, `Say which: ${ids}`);
}

function isId(word: string): boolean {
  return /^[0-9a-f]{10}$/.test(word);
}

function list(found: readonly Found[], terminal: Terminal): ExitCode {
  for (const { mount, conflict } of found) {
    const { id, keptAs } = conflict;
    const kept = keptAs === undefined ? 'nothing to keep' : `kept: ${conflict.ours?.size} bytes`;
    terminal.print(`${id}  ${when(conflict)}  ${fullPath(mount, conflict)}  ${kept}`);
  }
  if (found.length === 0) terminal.print('No conflicts.');
  terminal.result({ conflicts: found.map(document) });
  return EXIT.clean;
}

async function show(found: Found, terminal: Terminal): Promise<ExitCode> {
  const { mount, conflict } = found;
  const { ours, theirs, keptAs } = conflict;
  const copy =
    keptAs === undefined ? undefined : path.join(mount.mountPoint, '.moorage-conflicts', keptAs);
  terminal.print(`${fullPath(mount, conflict)}  ${when(conflict)}  ${conflict.id}`);
  terminal.print(`  key        s3://${mount.bucket.bucket}/${conflict.key}`);
  terminal.print(`  in bucket  ${theirs === undefined ? 'deleted' : versionOf(theirs)}`);
  if (ours === undefined || copy === undefined) {
    const what = conflict.what === 'deletion' ? 'it was deleted' : 'mode, owner or times';
    terminal.print(`  here       nothing to keep: ${what}`);
    terminal.result(document(found));
    return EXIT.clean;
  }
  const from = ours.eTag === undefined ? 'it was new' : `made from ${nameOf(ours)}`;
  terminal.print(`  here       ${ours.size} bytes, ${from}: ${copy}`);
  const comparison = await compareVersions(copy, fullPath(mount, conflict));
  terminal.print('');
  for (const line of comparison.lines) terminal.print(line);
  terminal.result({ ...document(found), copy, ...comparison });
  return EXIT.clean;
}

async function settle(
  { mount, conflict }: Found,
  action: 'restore' | 'discard',
  as: string | undefined,
  terminal: Terminal,
): Promise<ExitCode> {
  const target = as === undefined ? undefined : inside(as, [mount]).at;
  const control = await connected(mount);
  try {
    const settlement = await control.settleConflict(conflict.id, action, target);
    const file = path.join(mount.mountPoint, settlement.path);
    terminal.print(
      action === 'restore'
        ? `${file} is the local copy again; it is exported as a new version`
        : `The local copy of ${file} is removed`,
    );
    terminal.result({ id: conflict.id, ...settlement, path: file });
  } catch (error) {
    if (!(error instanceof FileSystemServerError) || error.code !== 'CONFLICT_NOT_SETTLED')
      throw error;
    throw usageError(`${error.message}.`);
  } finally {
    control.close();
  }
  return EXIT.clean;
}

function document({ mount, conflict }: Found): Record<string, unknown> {
  const { atMs, path: _, ...rest } = conflict;
  return {
    mountPoint: mount.mountPoint,
    path: fullPath(mount, conflict),
    at: new Date(atMs).toISOString(),
    ...rest,
  };
}

function fullPath(mount: MountRecord, conflict: FileConflict): string {
  return path.join(mount.mountPoint, conflict.path);
}

function when({ atMs }: FileConflict): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

function versionOf(object: { size: number; eTag: string; versionId?: string }): string {
  return `${object.size} bytes, ${nameOf(object)}`;
}

function nameOf({ eTag, versionId }: { eTag?: string; versionId?: string }): string {
  return versionId === undefined ? `ETag ${eTag}` : `version ${versionId}`;
}
