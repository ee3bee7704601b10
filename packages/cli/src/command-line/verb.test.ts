import { describe, expect, test } from 'vitest';
import { CommandError, EXIT } from './outcome.ts';
import { helpText, parseVerb, type VerbDeclaration } from './verb.ts';

const verb: VerbDeclaration<'bucket' | 'tag' | 'read-only'> = {
  name: 'demo',
  usage: ['<target> [options]', '--all'],
  summary: 'Shows how. '.repeat(12).trim(),
  positionals: { min: 1, max: 1 },
  options: {
    bucket: { value: 'URL', help: 'Where the bucket is. '.repeat(8).trim() },
    tag: { value: 'TAG', repeated: true, help: 'One of its tags.' },
    'read-only': { short: 'r', help: 'Change nothing.' },
  },
  notes: ['Exit codes: 0 and 2.'],
};

function mistake(...args: string[]): CommandError {
  try {
    parseVerb(verb, args);
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    return error as CommandError;
  }
  throw new Error('accepted');
}

describe('parsing', () => {
  test('values, switches and positionals in any order', () => {
    const parsed = parseVerb(verb, ['--json', 'x', '--bucket=s3://b', '-r']);
    expect(parsed.positionals).toEqual(['x']);
    expect(parsed.values).toEqual({ bucket: 's3://b' });
    expect([...parsed.switches].sort()).toEqual(['json', 'read-only']);
  });

  test('options that may be repeated, none, once and twice', () => {
    expect(parseVerb(verb, ['x']).lists).toEqual({});
    expect(parseVerb(verb, ['x', '--tag', 'a']).lists).toEqual({ tag: ['a'] });
    expect(parseVerb(verb, ['--tag', 'a', 'x', '--tag=b']).lists).toEqual({ tag: ['a', 'b'] });
  });

  test('what follows -- is never an option', () => {
    expect(parseVerb(verb, ['--', '--bucket']).positionals).toEqual(['--bucket']);
  });

  test.each([
    [['x', '--nonsense', 's3://b'], /Unknown option '--nonsense'/],
    [['x', '--bucket'], /'--bucket <value>' argument missing/],
    [['x', '--bucket', '-r'], /^Option '--bucket' argument is ambiguous$/],
    [['x', '--read-only=yes'], /does not take an argument/],
    [[], /Missing argument: <target>/],
    [['x', 'y'], /Unexpected argument "y"/],
  ])('%j is a usage error', (args, expected) => {
    const error = mistake(...args);
    expect(error.message).toMatch(expected);
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.remedy).toBe('See `moorage demo --help`.');
  });

  test('an option that was misspelt is named', () => {
    const { message, remedy } = mistake('x', '--bukcet', 's3://b');
    expect(message).toBe("Unknown option '--bukcet'");
    expect(remedy).toBe('Did you mean --bucket?');
  });

  test('--help wins over mistakes beside it', () => {
    for (const args of [['--help'], ['-h'], ['--nonsense', '--help']]) {
      expect(parseVerb(verb, args).switches.has('help')).toBe(true);
    }
  });
});

test('help names every form, option and note, within 100 columns', () => {
  const text = helpText(verb);
  for (const part of [
    'moorage demo <target> [options]',
    'moorage demo --all',
    '--bucket URL',
    '-r, --read-only',
    '--json',
    '-h, --help',
    'Exit codes',
  ]) {
    expect(text).toContain(part);
  }
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});
