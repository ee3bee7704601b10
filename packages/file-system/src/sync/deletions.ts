/**
 * Keys whose object no name stands for any more: unlinked, replaced or moved away from. Each is a record that is
 * written in the same commit as the change, and goes away when the object is deleted or another one is put there.
 *
 * A key from which an inode was moved is deleted only after that inode has been exported to its new key.
 */
import { hasMark } from '../transfer/own-mark.ts';
import type { OwnMark, RemoteHead } from '../transfer/jobs.ts';
import { Record } from './base.ts';
import type { Base, Deletion } from './base.ts';
import type { Context } from './context.ts';

/** Of one key. */
const marksMax = 64;

const none: readonly OwnMark[] = [];

export class Deletions {
  readonly #context: Context;
  readonly #byKey = new Map<string, Deletion>();
  /** When each of them was noted (or its quiet time starts again). */
  readonly since: Map<string, number> = new Map();
  readonly #dropped: (key: string) => void;

  /** `dropped` hears of every key that needs no deletion any more. */
  constructor(context: Context, dropped: (key: string) => void) {
    this.#context = context;
    this.#dropped = dropped;
    context.tree.eachRecord(Record.deletion, (record, text) => {
      const key = record.slice(Record.deletion.length);
      this.#byKey.set(key, JSON.parse(text) as Deletion);
      this.since.set(key, context.now());
    });
  }

  get size(): number {
    return this.#byKey.size;
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  get(key: string): Deletion | undefined {
    return this.#byKey.get(key);
  }

  /** Notes what the key holds, added to what was noted before. */
  note(
    key: string,
    base: Base | undefined,
    more: { ino?: number; marks?: readonly OwnMark[] } = {},
  ): void {
    const old = this.#byKey.get(key);
    const deletion: Deletion = { marks: joined(old?.marks, more.marks) };
    const known = base ?? old;
    if (known?.eTag !== undefined) deletion.eTag = known.eTag;
    if (known?.versionId !== undefined) deletion.versionId = known.versionId;
    if (known?.foreign !== undefined) deletion.foreign = known.foreign;
    const ino = more.ino ?? (base === undefined ? old?.ino : undefined);
    if (ino !== undefined) deletion.ino = ino;
    this.#set(key, deletion);
  }

  /** The inode does not need the object at this key any more. */
  release(key: string, ino: number): void {
    const deletion = this.#byKey.get(key);
    if (deletion?.ino !== ino) return;
    const { ino: _, ...rest } = deletion;
    this.#set(key, rest);
  }

  /** What the key holds is what this HEAD says, and it is ours. */
  learn(key: string, head: { eTag: string; versionId?: string | undefined }): void {
    const deletion: Deletion = { marks: [], ...this.#byKey.get(key), eTag: head.eTag };
    if (head.versionId !== undefined) deletion.versionId = head.versionId;
    this.#set(key, deletion);
  }

  drop(key: string): void {
    if (!this.#byKey.delete(key)) return;
    this.since.delete(key);
    this.#context.tree.setRecord(Record.deletion + key, undefined);
    this.#dropped(key);
  }

  markOf(key: string, head: RemoteHead): OwnMark | undefined {
    return this.#byKey.get(key)?.marks.find((mark) => hasMark(head, mark));
  }

  #set(key: string, deletion: Deletion): void {
    this.#byKey.set(key, deletion);
    if (!this.since.has(key)) this.since.set(key, this.#context.now());
    this.#context.tree.setRecord(Record.deletion + key, JSON.stringify(deletion));
  }
}

function joined(old: readonly OwnMark[] = none, more: readonly OwnMark[] = none): OwnMark[] {
  // Mostly there are none.
  return old.length + more.length === 0 ? [] : distinct([...old, ...more]);
}

/**
 * A write that is tried again leaves the same mark. Those that differ are all kept: the object may be any of them,
 * and one whose mark is forgotten would be taken for somebody else's.
 */
function distinct(marks: readonly OwnMark[]): OwnMark[] {
  const seen = new Map(marks.map((mark) => [JSON.stringify(mark), mark]));
  return [...seen.values()].slice(-marksMax);
}

/** Writes to keys whose outcome is not known: kept until a definite answer, over restarts. */
export class Attempts {
  readonly #context: Context;
  /** Those there are; few, as a write is mostly answered. */
  readonly #byKey = new Map<string, readonly OwnMark[]>();

  constructor(context: Context) {
    this.#context = context;
    context.tree.eachRecord(Record.attempts, (record, text) => {
      this.#byKey.set(record.slice(Record.attempts.length), JSON.parse(text) as OwnMark[]);
    });
  }

  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  of(key: string): readonly OwnMark[] {
    return this.#byKey.get(key) ?? none;
  }

  begin(key: string, mark: OwnMark): void {
    this.#set(key, [...distinct(this.of(key)), mark]);
  }

  /** The last write has certainly not been made. */
  withdraw(key: string): void {
    this.#set(key, this.of(key).slice(0, -1));
  }

  settle(key: string): void {
    this.#set(key, none);
  }

  #set(key: string, marks: readonly OwnMark[]): void {
    if (marks.length > 0) this.#byKey.set(key, marks);
    else if (!this.#byKey.delete(key)) return;
    const text = marks.length === 0 ? undefined : JSON.stringify(marks);
    this.#context.tree.setRecord(Record.attempts + key, text);
  }

  /** The mark this object carries. */
  markOf(key: string, head: RemoteHead): OwnMark | undefined {
    return this.of(key).find((mark) => hasMark(head, mark));
  }
}
