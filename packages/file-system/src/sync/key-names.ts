/**
 * Which name a part of a key (what is between two slashes) has in the tree, and back. Names are binary strings, a
 * character per byte; parts are text.
 *
 * Ordinarily they are the same, and a key with a part that cannot be a name is not visible. With `escape` every part
 * has a name:
 *  - `%=` and percent-encoding, for a part that cannot be a name (empty, `.`, `..`, with a NUL byte, of our own
 *    lost+found) and for one that starts like an escaped one;
 *  - `%@` and the part, for a file that cannot have its name because there is a directory of that name;
 *    `%@` alone is the content of the object whose key is the directory's own (`dir/` with bytes in it);
 *  - `%~`, the beginning and a hash, for what does not fit into 255 bytes. Only here the part is not in the name, and
 *    is therefore on record.
 * No two parts have the same name, and no ordinary part changes its name unless it starts with one of these signs.
 */
import { createHash } from 'node:crypto';
import { Record } from './base.ts';
import { faultOfPath, keyPart, nameBytesMax, nameOfPart } from './keys.ts';
import type { ImportFailure, Tree } from './port.ts';

export const lostAndFoundPrefix = '.s3files-lost+found-';

const escaped = '%=';
const beside = '%@';
const shortened = '%~';
const beginningBytes = 200;

/** The file system was mounted with the other mode and has changes that are not in S3 yet. */
export class KeyNamesFixed extends Error {
  override readonly name = 'KeyNamesFixed';
}

export class KeyNames {
  readonly isEscaping: boolean;
  readonly #tree: Tree;
  /** Parts of shortened names. */
  readonly #parts = new Map<string, string>();

  constructor(tree: Tree, isEscaping: boolean) {
    this.#tree = tree;
    this.isEscaping = isEscaping;
    tree.eachRecord(Record.shortened, (record, part) => {
      this.#parts.set(record.slice(Record.shortened.length), part);
    });
  }

  /** The name of a part. */
  nameOf(part: string): string {
    if (!this.isEscaping) return nameOfPart(part);
    const name = needsEscape(part) ? escaped + encode(part) : part;
    return this.#fitting(name, part);
  }

  /** The name of a file whose own name a directory has; only when escaping. */
  nameBeside(part: string): string {
    return this.#fitting(beside + encode(part), part);
  }

  /** The part of a name; undefined when it can be part of no key. */
  partOf(name: string): string | undefined {
    if (!this.isEscaping || !name.startsWith('%')) return keyPart(name);
    if (name.startsWith(shortened)) return this.#parts.get(name);
    const isCode = name.startsWith(escaped) || name.startsWith(beside);
    return isCode ? decode(name.slice(escaped.length)) : keyPart(name);
  }

  /** Why a key (relative to the mount's prefix, without the slash of a marker) is not visible. */
  faultOf(path: string): ImportFailure['reason'] | undefined {
    if (this.isEscaping) return undefined;
    return path.startsWith(lostAndFoundPrefix) ? 'ReservedName' : faultOfPath(path);
  }

  #fitting(name: string, part: string): string {
    const binary = nameOfPart(name);
    if (binary.length <= nameBytesMax) return binary;
    const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
    const short = `${shortened}${beginningOf(binary)}~${hash}`;
    if (!this.#parts.has(short)) {
      this.#parts.set(short, part);
      this.#tree.setRecord(Record.shortened + short, part);
    }
    return short;
  }
}

/**
 * The mode a file system is mounted with: `wanted`, else that of the last time. A change is possible when everything
 * is in S3: what is here is then forgotten, and listed again under its other names. Inside a transaction.
 */
export function modeOfNames(tree: Tree, wanted: boolean | undefined, forget: () => void): boolean {
  const last = tree.record(Record.escaping);
  const isEscaping = wanted ?? last === 'on';
  if (last === undefined ? !isEscaping : isEscaping === (last === 'on')) return isEscaping;
  let dirty = 0;
  tree.eachDirty(() => void dirty++);
  if (dirty > 0) {
    const was = last === 'on' ? 'with' : 'without';
    throw new KeyNamesFixed(
      `${dirty} changes are not in S3 yet, and names cannot change before. It was mounted ${was} escaped keys the last time: mount it so again, run \`moorage sync\`, then change it.`,
    );
  }
  forget();
  tree.setRecord(Record.escaping, isEscaping ? 'on' : 'off');
  return isEscaping;
}

function needsEscape(part: string): boolean {
  if (part === '' || part === '.' || part === '..' || part.includes('\0')) return true;
  if (part.startsWith(lostAndFoundPrefix)) return true;
  return part.startsWith(escaped) || part.startsWith(beside) || part.startsWith(shortened);
}

function encode(part: string): string {
  if (part === '.' || part === '..') return part.replaceAll('.', '%2E');
  return part.replaceAll('%', '%25').replaceAll('\0', '%00');
}

/** Undefined for what `encode` does not make of anything. */
function decode(name: string): string | undefined {
  const code = keyPart(name);
  if (code === undefined || /%(?!25|00|2E)/.test(code)) return undefined;
  return code.replaceAll('%2E', '.').replaceAll('%00', '\0').replaceAll('%25', '%');
}

/** Not cut within a character: of UTF-8 the bytes after the first one are 10xxxxxx. */
function beginningOf(binary: string): string {
  let end = beginningBytes;
  while (end > 0 && (binary.charCodeAt(end) & 0xc0) === 0x80) end--;
  return binary.slice(0, end);
}
