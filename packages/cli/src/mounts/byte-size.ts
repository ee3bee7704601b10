// Sizes as users write them: bytes, or a number and a unit (10GiB, 1.5TB).
import { usageError } from '../command-line/outcome.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** Whole bytes. Throws a usage error that names the option. */
export function byteSize(option: string, text: string, min: number): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number === '' || factor === undefined)
    throw usageError(`${option} ${JSON.stringify(text)} is not a size such as 10GiB or 500000000.`);
  const bytes = Math.floor(Number(number) * factor);
  if (bytes < min || bytes > Number.MAX_SAFE_INTEGER)
    throw usageError(
      `${option} ${JSON.stringify(text)} is less than ${shownBytes(min)}, or too much.`,
    );
  return bytes;
}

/** For people: three digits are enough. */
export function shownBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return `${Number(value.toPrecision(3))} ${unit}`;
    value /= 1024;
  }
  return `${Number(value.toPrecision(3))} TiB`;
}
