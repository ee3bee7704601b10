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
  /** Children in cookie order; may hold some that are gone. Two arrays: an object a child is five times as large. */
  #order: number[] | undefined;
  #orderedNames: string[] = [];

  constructor(complete: boolean) {
    this.complete = complete;
  }

  set(name: string, packed: number): void {
    if (this.names.get(name) === packed) return;
    this.names.set(name, packed);
    const order = this.#order;
    if (order === undefined) return;
    const last = order[order.length - 1];
    if (last === undefined || last < packed) {
      order.push(packed);
      this.#orderedNames.push(name);
    } else this.#forgetOrder();
  }

  delete(name: string): void {
    this.names.delete(name);
    const order = this.#order;
    if (order !== undefined && order.length > 64 && order.length > this.names.size * 2)
      this.#forgetOrder();
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
      if (this.names.get(name) === packed && !each(name, packed)) return;
    }
  }

  #forgetOrder(): void {
    this.#order = undefined;
    this.#orderedNames = [];
  }

  #sort(): number[] {
    const children = [...this.names].sort(([, a], [, b]) => a - b);
    this.#orderedNames = children.map(([name]) => name);
    return children.map(([, packed]) => packed);
  }
}
