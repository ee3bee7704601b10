/**
 * The part of a directory that is in memory: names, and the order in which `readdir` shows them.
 *
 * Entries are shown in the order of their inode numbers, and an entry's cookie is its inode number: persistent,
 * unique within the directory, and independent of what else comes and goes. A child is kept as one number
 * (inode number and kind), so that looking up a name allocates nothing.
 */
import type { Kind } from '../operations.ts';

export function packChild(ino: number, kind: Kind): number {
  return ino * 8 + kind;
}
export function childIno(packed: number): number {
  return Math.floor(packed / 8);
}
export function childKind(packed: number): Kind {
  return (packed % 8) as Kind;
}

export class Directory {
  readonly names: Map<string, number> = new Map();
  /** Every name the store has is in `names`, so a miss is an answer. */
  complete: boolean;
  /** Children in cookie order. Two arrays: an object a child is five times as large. */
  #order: number[] | undefined;
  #orderedNames: string[] = [];
  /** How many of these are gone. */
  #gone = 0;

  constructor(complete: boolean) {
    this.complete = complete;
  }

  /** False when the name was there. */
  set(name: string, packed: number): boolean {
    const order = this.#order;
    if (order !== undefined && this.names.get(name) === packed) return false;
    const { size } = this.names;
    this.names.set(name, packed);
    const isNew = this.names.size > size;
    if (order === undefined) return isNew;
    const last = order[order.length - 1];
    if (last === undefined || last < packed) {
      order.push(packed);
      this.#orderedNames.push(name);
      if (!isNew) this.#gone++;
    } else this.#forgetOrder();
    return isNew;
  }

  delete(name: string): void {
    if (!this.names.delete(name) || this.#order === undefined) return;
    this.#gone++;
    if (this.#order.length > 64 && this.#order.length > this.names.size * 2) this.#forgetOrder();
  }

  /** Calls `each` for the entries whose inode number is above `after`; only when `complete`. */
  after(after: number, each: (name: string, packed: number) => boolean): void {
    const order = (this.#order ??= this.#sort());
    const names = this.#orderedNames;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (childIno(order[middle]!) <= after) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < order.length; index++) {
      const name = names[index]!;
      const packed = order[index]!;
      const isWhole = this.#gone === 0 && this.#order === order;
      if ((isWhole || this.names.get(name) === packed) && !each(name, packed)) return;
    }
  }

  #forgetOrder(): void {
    this.#order = undefined;
    this.#orderedNames = [];
    this.#gone = 0;
  }

  /** Names were mostly set in this order: children of a listing, or of the database, come so. */
  #sort(): number[] {
    const packed = [...this.names.values()];
    if (packed.every((child, index) => index === 0 || packed[index - 1]! < child)) {
      this.#orderedNames = [...this.names.keys()];
      return packed;
    }
    const children = [...this.names].sort(([, a], [, b]) => a - b);
    this.#orderedNames = children.map(([name]) => name);
    return children.map(([, child]) => child);
  }
}
