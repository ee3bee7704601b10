import { appendFileSync } from 'node:fs';

/** Level and text of one line. Never throws: a mount goes on when its log cannot. */
export type Log = (level: string, text: string) => void;

/** Appends to `path`, which may be on the very disk that is full. What it could not take is counted there later. */
export function logFile(path: string, now: () => Date = () => new Date()): Log {
  let lost = 0;
  return (level, text) => {
    const at = now().toISOString();
    const before = lost === 0 ? '' : `${at} warn ${lost} lines could not be written\n`;
    try {
      appendFileSync(path, `${before}${at} ${level} ${text}\n`);
      lost = 0;
    } catch {
      lost++;
    }
  };
}
