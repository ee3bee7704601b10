// Finds the verb, runs it, and turns however it ends into one message and an exit code.
import { readFileSync } from 'node:fs';
import { closest } from './command-line/closest.ts';
import { CommandError, EXIT, usageError, type ExitCode } from './command-line/outcome.ts';
import { systemTerminal, type Terminal } from './command-line/terminal.ts';
import {
  helpText,
  parseVerb,
  type ParsedArguments,
  type VerbDeclaration,
} from './command-line/verb.ts';

/** What each file of `verbs/` exports as `verb`. */
export interface Verb<Name extends string = string> {
  readonly declaration: VerbDeclaration<Name>;
  run(args: ParsedArguments<Name>, terminal: Terminal): Promise<ExitCode>;
}

interface VerbEntry {
  readonly summary: string;
  load(): Promise<Verb>;
}

const VERBS: Readonly<Record<string, VerbEntry>> = {
  review: {
    summary: 'Review a git repository',
    load: async () => (await import('./verbs/review.ts')).verb,
  },
  mount: {
    summary: 'Mount a bucket as a directory',
    load: async () => (await import('./verbs/mount.ts')).verb,
  },
  unmount: {
    summary: 'Unmount it, once everything is in the bucket',
    load: async () => (await import('./verbs/unmount.ts')).verb,
  },
  sync: {
    summary: 'Export changes now and wait',
    load: async () => (await import('./verbs/sync.ts')).verb,
  },
  status: {
    summary: 'Show mounts and what is not in the bucket yet',
    load: async () => (await import('./verbs/status.ts')).verb,
  },
  conflicts: {
    summary: 'Show, restore and discard files that lost against the bucket',
    load: async () => (await import('./verbs/conflicts.ts')).verb,
  },
  'sync-config': {
    summary: 'Show and change what a mount brings in, keeps and exports, and when',
    load: async () => (await import('./verbs/sync-config.ts')).verb,
  },
  executions: {
    summary: 'Show, stop, answer, retry and fork durable executions',
    load: async () => (await import('./verbs/executions.ts')).verb,
  },
  'local-s3': {
    summary: 'Serve a directory as an S3 endpoint',
    load: async () => (await import('./verbs/local-s3.ts')).verb,
  },
};

/** Runs `moorage <args>`. Never rejects. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  const terminal = systemTerminal(args.includes('--json'));
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    return report(error, terminal);
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args;
  const [subject] = rest;
  if (name === 'help' && subject !== undefined) return dispatch([subject, '--help'], terminal);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(overview());
    return name === undefined ? EXIT.usage : EXIT.clean;
  }
  if (name === '--version') {
    const version = ownVersion();
    terminal.print(version);
    terminal.result({ version });
    return EXIT.clean;
  }
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!entry) throw noSuchCommand(name);
  const verb = await entry.load();
  const parsed = parseVerb(verb.declaration, rest);
  if (parsed.switches.has('help')) {
    process.stdout.write(helpText(verb.declaration));
    return EXIT.clean;
  }
  return verb.run(parsed, terminal);
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function noSuchCommand(name: string): CommandError {
  const names = Object.keys(VERBS);
  if (name.startsWith('-')) {
    return usageError(`The command comes first, then ${name}.`, `Commands: ${names.join(', ')}.`);
  }
  const meant = closest(name, names);
  return usageError(
    `There is no command ${JSON.stringify(name)}.`,
    meant === undefined ? `Commands: ${names.join(', ')}.` : `Did you mean ${meant}?`,
  );
}

function report(error: unknown, terminal: Terminal): ExitCode {
  const known = error instanceof CommandError;
  const exitCode = known ? error.exitCode : EXIT.internal;
  const message = error instanceof Error ? error.message : String(error);
  const remedy = known ? error.remedy : undefined;
  terminal.note(`moorage: ${message}${remedy === undefined ? '' : `\n  ${remedy}`}`);
  if (!known && error instanceof Error && error.stack) {
    terminal.note(error.stack);
    terminal.note('This is a defect of Moorage. Please report it with the lines above.');
  }
  terminal.result({ error: { message, ...(remedy !== undefined && { remedy }) }, exitCode });
  return exitCode;
}

function overview(): string {
  const lines = ['Usage: moorage <command> [options]', '', 'Commands:'];
  for (const [name, { summary }] of Object.entries(VERBS)) {
    lines.push(`  ${name.padEnd(12)}${summary}`);
  }
  lines.push(
    '',
    '`moorage <command> --help` explains each; `moorage --version` says which this is.',
  );
  return `${lines.join('\n')}\n`;
}
