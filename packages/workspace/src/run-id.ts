/**
 * Run ids: the name of a run's directory. They sort by time as plain strings, say when the run started,
 * are safe as a path component and as an S3 key, and never repeat a repository's name, so two runs of one
 * repository cannot share evidence.
 *
 * Form: `20261121t143406123-k3v9x0a2mq`: UTC to the millisecond, then 50 random bits in Crockford's base 32.
 */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const randomCharacters = 10;
const pattern = /^\d{8}t\d{9}-[0-9a-hjkmnp-tv-z]{10}$/;

export interface RunIdSource {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Fills the array with random bytes, as `crypto.getRandomValues` does. */
  readonly random: (bytes: Uint8Array) => void;
}

export function newRunId({ clock, random }: RunIdSource): string {
  const time = new Date(clock())
    .toISOString()
    .replaceAll(/[-:.Z]/g, '')
    .toLowerCase();
  const bytes = new Uint8Array(randomCharacters);
  random(bytes);
  let suffix = '';
  for (const byte of bytes) suffix += alphabet[byte & 31];
  return `${time}-${suffix}`;
}

/** True for what `newRunId` makes. Anything else is refused before it becomes part of a path. */
export function isRunId(text: string): boolean {
  return pattern.test(text);
}
