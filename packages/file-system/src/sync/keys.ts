/**
 * Paths and keys. Names are binary strings (a character per byte), keys are text; only names that are UTF-8 can
 * be part of a key, and only keys without empty, `.` and `..` components can be a path.
 */
import type { ImportFailure } from './port.ts';

const keyBytesMax = 1024;
export const nameBytesMax: number = 255;
const depthMax = 1000;

/** Names of what a mount writes to find out what a store can do, and removes at once, start so. */
export const probePrefix = '.moorage-probe-';
const probeName = /^\.moorage-probe-[0-9a-f]{32}$/;

export function isProbe(part: string): boolean {
  return probeName.test(part);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name as part of a key, undefined when its bytes are not UTF-8. */
export function keyPart(name: string): string | undefined {
  if (isAscii(name)) return name;
  try {
    return strict.decode(Buffer.from(name, 'latin1'));
  } catch {
    return undefined;
  }
}

/** A part of a key as a name. */
export function nameOfPart(part: string): string {
  return isAscii(part) ? part : Buffer.from(part, 'utf8').toString('latin1');
}

export function isKeyTooLong(key: string): boolean {
  return key.length * 3 > keyBytesMax && Buffer.byteLength(key, 'utf8') > keyBytesMax;
}

/** Why a key (relative to the mount's prefix, without the slash of a marker) cannot be a path. */
export function faultOfPath(path: string): ImportFailure['reason'] | undefined {
  const nul = path.indexOf('\0');
  let depth = 0;
  let fault: ImportFailure['reason'] | undefined;
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    fault ??= faultOfPart(path, start, end, nul);
    if (++depth > depthMax) return 'TooDeep';
    start = end + 1;
  }
  return fault;
}

/** Of what is between two slashes. `nul`: where the first NUL of the path is, -1 = nowhere. */
function faultOfPart(
  path: string,
  start: number,
  end: number,
  nul: number,
): ImportFailure['reason'] | undefined {
  const length = end - start;
  if (length === 0) return 'EmptyComponent';
  if (length <= 2 && '..'.startsWith(path.slice(start, end))) return 'DotComponent';
  if (nul >= start && path.slice(start, end).includes('\0')) return 'NulByte';
  if (length * 3 <= nameBytesMax) return undefined;
  return Buffer.byteLength(path.slice(start, end), 'utf8') > nameBytesMax
    ? 'NameTooLong'
    : undefined;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
