// Documentation that runs: the `console` blocks of a Markdown file, as one shell session a section.
//
// A line that starts with `$ ` is a command (`> ` goes on with it); the lines below it are what it prints,
// standard error included. `…` stands for anything within a line, a line that is just `…` for any lines.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Step {
  readonly command: string;
  readonly expected: string;
  /** 1-based, in the document. */
  readonly line: number;
}

export interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** The sections (`## `) that have commands, in order. */
export function consoleSections(markdown: string): Section[] {
  const sections: {
    title: string;
    steps: { command: string; expected: string; line: number }[];
  }[] = [];
  let inside = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (text.startsWith('## ')) sections.push({ title: text.slice(3), steps: [] });
    if (text.startsWith('```')) inside = text === '```console';
    else if (inside) {
      const { steps } = sections.at(-1)!;
      const step = steps.at(-1);
      if (text.startsWith('$ ')) {
        steps.push({ command: text.slice(2), expected: '', line: index + 1 });
      } else if (text.startsWith('> ')) step!.command += `\n${text.slice(2)}`;
      else step!.expected += `${text}\n`;
    }
  }
  return sections.filter(({ steps }) => steps.length > 0);
}

export interface SessionOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Defines what the commands use. */
  readonly prelude: string;
  readonly timeoutMs: number;
}

/** What each step printed; steps that were not reached are missing. */
export async function runSession(
  steps: readonly Step[],
  { cwd, env, prelude, timeoutMs }: SessionOptions,
): Promise<string[]> {
  const mark = '\u0001';
  const script = [prelude, ...steps.flatMap(({ command }) => [`printf '${mark}'`, command])];
  // A file, not a pipe: whatever a session leaves running would hold a pipe open.
  const output = path.join(cwd, 'session.txt');
  const file = openSync(output, 'w');
  const child = spawn('bash', ['-c', script.join('\n')], {
    cwd,
    env,
    stdio: ['ignore', file, file],
    detached: true,
  });
  closeSync(file);
  const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), timeoutMs);
  await once(child, 'exit');
  clearTimeout(late);
  return readFileSync(output, 'utf8').split(mark).slice(1);
}

/** Whether a step printed what the document says it prints. */
export function matches(printed: string, expected: string): boolean {
  const pattern = expected
    .trimEnd()
    .split('\n')
    .map((line) => (line === '…' ? '[^]*?' : line.split('…').map(escaped).join('.*?')))
    .join('\n');
  return new RegExp(`^${pattern}$`).test(printed.trimEnd());
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
