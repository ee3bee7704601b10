// A verb's arguments: declared once, and both parsed and explained (`--help`) from that declaration.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { closest } from './closest.ts';
import { usageError } from './outcome.ts';

export interface OptionDeclaration {
  /** Name of the value in `--help`; without it the option is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** It takes a value and may be given more than once: its values are in `lists`. */
  readonly repeated?: true;
  readonly help: string;
}

export interface VerbDeclaration<Name extends string = string> {
  /** As typed: `review`, `executions list`. */
  readonly name: string;
  /** What follows the name, such as `<url|path>`; one line a form. */
  readonly usage: readonly string[];
  /** One line. */
  readonly summary: string;
  /** Sentences after the options. */
  readonly notes?: readonly string[];
  /** How many arguments that are not options. */
  readonly positionals: { readonly min: number; readonly max: number };
  readonly options: Readonly<Record<Name, OptionDeclaration>>;
}

export interface ParsedArguments<Name extends string> {
  readonly positionals: readonly string[];
  /** Values of options that take one. */
  readonly values: Partial<Record<Name, string>>;
  /** Values of options that may be given more than once. */
  readonly lists: Partial<Record<Name, readonly string[]>>;
  /** Switches that were given. */
  readonly switches: ReadonlySet<Name | 'json' | 'help'>;
}

const EVERYWHERE: Readonly<Record<'json' | 'help', OptionDeclaration>> = {
  json: { help: 'Print one JSON document instead of text.' },
  help: { short: 'h', help: 'Show this help.' },
};

/** Throws a usage error for whatever was not declared. With `--help` nothing else is checked. */
export function parseVerb<Name extends string>(
  verb: VerbDeclaration<Name>,
  args: readonly string[],
): ParsedArguments<Name> {
  const declared = optionsOf(verb);
  const options: ParseArgsOptionsConfig = {};
  for (const [name, option] of Object.entries(declared)) {
    options[name] = {
      type: option.value === undefined ? 'boolean' : 'string',
      ...(option.short !== undefined && { short: option.short }),
      ...(option.repeated && { multiple: true }),
    };
  }
  const remedy = `See \`moorage ${verb.name} --help\`.`;
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (asksForHelp(args)) {
      return { positionals: [], values: {}, lists: {}, switches: new Set(['help']) };
    }
    throw usageError(firstSentence((error as Error).message), meant(error, declared) ?? remedy);
  }
  const values: Partial<Record<Name, string>> = {};
  const lists: Partial<Record<Name, readonly string[]>> = {};
  const switches = new Set<Name | 'json' | 'help'>();
  for (const [name, value] of Object.entries(parsed.values)) {
    if (typeof value === 'string') values[name as Name] = value;
    else if (Array.isArray(value)) lists[name as Name] = value as string[];
    else if (value === true) switches.add(name as Name);
  }
  const { positionals } = parsed;
  if (!switches.has('help')) {
    const { min, max } = verb.positionals;
    if (positionals.length < min) throw usageError(`Missing argument: ${verb.usage[0]}`, remedy);
    const extra = positionals[max];
    if (extra !== undefined)
      throw usageError(`Unexpected argument ${JSON.stringify(extra)}`, remedy);
  }
  return { positionals, values, lists, switches };
}

/** Value of `--timeout` in milliseconds. Throws a usage error. */
export function timeoutOf(text: string | undefined, defaultSeconds: number): number {
  const seconds = text === undefined ? defaultSeconds : Number(text);
  if (text?.trim() === '' || !(seconds > 0) || seconds > 86_400) {
    throw usageError(`--timeout ${JSON.stringify(text)} is not a number of seconds up to 86400.`);
  }
  return seconds * 1000;
}

/** The text of `--help`, at most 100 columns wide. */
export function helpText(verb: VerbDeclaration): string {
  const lines = verb.usage.map((form, index) => {
    const lead = index === 0 ? 'Usage: ' : '       ';
    return `${lead}moorage ${verb.name}${form === '' ? '' : ` ${form}`}`;
  });
  lines.push('', ...wrap(verb.summary, 100), '', 'Options:');
  for (const [name, option] of Object.entries(optionsOf(verb))) {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.value === undefined ? '' : ` ${option.value}`;
    const head = `  ${short}--${name}${value}`;
    const [first = '', ...rest] = wrap(option.help, 68);
    const indent = ' '.repeat(32);
    if (head.length > 30) lines.push(head, indent + first);
    else lines.push(head.padEnd(32) + first);
    for (const line of rest) lines.push(indent + line);
  }
  for (const note of verb.notes ?? []) lines.push('', ...wrap(note, 100));
  return `${lines.join('\n')}\n`;
}

function optionsOf(verb: VerbDeclaration): Record<string, OptionDeclaration> {
  return { ...verb.options, ...EVERYWHERE };
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

/** For an option that was misspelt. */
function meant(error: unknown, declared: Record<string, OptionDeclaration>): string | undefined {
  const word = /^Unknown option '--([^']+)'/.exec((error as Error).message)?.[1] ?? '';
  const name = closest(word, Object.keys(declared));
  return name === undefined ? undefined : `Did you mean --${name}?`;
}

/** Node's own advice about `--` is longer than what a person wants to read. */
function firstSentence(message: string): string {
  return message.split(/\. (?=[A-Z])|\n/)[0]?.replace(/\.$/, '') ?? message;
}

/** Breaks at blanks; explicit line breaks are kept. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > columns) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
