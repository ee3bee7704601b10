/**
 * Attributes by HEAD: of what is asked for, and ahead of being asked for its neighbours in the directory, more
 * of them the more is asked. Small objects are fetched whole instead: that is one request for both.
 *
 * The same answers tell whether an object has changed or gone since it was listed.
 */
import { FsError, Kind, failure } from '../operations.ts';
import type { Attributes, Result, WaitId } from '../operations.ts';
import type { RemoteHead, TransferResult } from '../transfer/jobs.ts';
import { formatBase, newBase } from './base.ts';
import type { Base } from './base.ts';
import type { Context } from './context.ts';
import { foreignAttributes, headAttributes } from './posix-metadata.ts';
import type { RemoteAttributes } from './port.ts';
import type { RemoteKeys } from './remote-keys.ts';

const jobsMax = 96;
/** Objects up to this size come with their attributes, where their data is to come with the directory, … */
const inlineBytesMax = 32 * 1024;
/** … and up to this one when nobody waits for the attributes. */
export const aheadBytesMax: number = 128 * 1024;
const triesMax = 8;
/** How long a failure is shown before it is tried again. */
const failureMs = 2_000;

interface Asked {
  /** When a listing shows it to have been changed; 0 = none does. */
  shownMs: number;
  ino: number;
  /** 0 = nobody waits. */
  waitId: WaitId;
  tries: number;
  running: boolean;
  /** Told whether it went well, when it was asked ahead of need. */
  done: ((ok: boolean) => void) | undefined;
}

export class Heads {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #asked = new Map<number, Asked>();
  #urgent: Asked[] = [];
  #ahead: Asked[] = [];
  readonly #failed = new Map<number, { error: Result; untilMs: number }>();
  /** How often something in a directory had to be asked for. */
  readonly #misses = new Map<number, number>();
  #jobs = 0;

  constructor(context: Context, keys: RemoteKeys) {
    this.#context = context;
    this.#keys = keys;
  }

  need(ino: number): Result {
    const { tree } = this.#context;
    if (tree.isKnown(ino)) return 0;
    const failed = this.#failed.get(ino);
    if (failed !== undefined) {
      if (failed.untilMs > this.#context.now()) return failed.error;
      this.#failed.delete(ino);
    }
    const asked = this.#ask(ino);
    if (asked.waitId === 0) {
      asked.waitId = tree.newWait();
      if (!asked.running) this.#urgent.push(asked);
      this.#askNeighbours(ino);
    }
    this.#send();
    return asked.waitId;
  }

  /** Attributes and, if it is not large, the bytes of what nobody has asked for. False: it is being asked already. */
  ahead(ino: number, done: (ok: boolean) => void): boolean {
    if (this.#asked.has(ino)) return false;
    const asked = this.#ask(ino);
    asked.done = done;
    this.#start(asked);
    return true;
  }

  /** Looks at an object again that a listing shows to be changed (then: when), or does not show any more. */
  refresh(ino: number, shownMs: number = 0): void {
    const asked = this.#ask(ino);
    asked.shownMs = Math.max(asked.shownMs, shownMs);
    if (!asked.running) this.#ahead.push(asked);
    this.#send();
  }

  #ask(ino: number): Asked {
    const known = this.#asked.get(ino);
    if (known !== undefined) return known;
    const asked: Asked = { ino, waitId: 0, tries: 0, running: false, done: undefined, shownMs: 0 };
    this.#asked.set(ino, asked);
    return asked;
  }

  #askNeighbours(ino: number): void {
    const { tree } = this.#context;
    const parent = tree.parentOf(ino);
    if (parent === 0) return;
    const misses = (this.#misses.get(parent) ?? 0) + 1;
    this.#misses.set(parent, misses);
    let room = Math.min(1_000, 16 * 4 ** Math.min(misses, 4)) - this.#ahead.length;
    if (room <= 0) return;
    tree.childrenAfter(parent, ino, (_, child) => {
      if (!this.#asked.has(child) && !tree.isKnown(child)) {
        room--;
        this.#ahead.push(this.#ask(child));
      }
      return room > 0;
    });
  }

  #send(): void {
    while (this.#jobs < jobsMax) {
      const asked = this.#urgent.shift() ?? this.#ahead.shift();
      if (asked === undefined) return;
      if (!asked.running && this.#asked.get(asked.ino) === asked) this.#start(asked);
    }
  }

  #start(asked: Asked): void {
    const { ino } = asked;
    const a = this.#context.attributes(ino);
    const key = a === undefined ? undefined : this.#keyOf(ino, a.kind);
    if (a === undefined || key === undefined) {
      this.#finish(asked, false);
      return;
    }
    asked.running = true;
    this.#jobs++;
    const startedAt = this.#context.listingStarts();
    const job = { kind: 'head' as const, key, bodyBytesMax: this.#bodyBytesMax(asked, a) };
    this.#context.outbox.send(job, (result) => {
      // What was told is older than what we have written since.
      const isOutdated =
        this.#context.isOutdated(key, startedAt) && this.#context.tree.isKnown(ino);
      this.#context.listingEnds();
      this.#onResult(asked, key, result, isOutdated);
    });
  }

  /** How large an object may be to come with its attributes; 0 = no bytes at all. */
  #bodyBytesMax(asked: Asked, { kind, size }: Attributes): number {
    // What a link points to is its body, and its size is not known before.
    if (kind === Kind.symlink) return inlineBytesMax;
    const { synchronization, tree } = this.#context;
    const rule = synchronization.importRule(tree.parentOf(asked.ino));
    if (kind !== Kind.file || size === 0 || size >= rule.sizeLessThan) return 0;
    if (rule.trigger !== 'ON_DIRECTORY_FIRST_ACCESS') return 0;
    const bytesMax = asked.done === undefined ? inlineBytesMax : aheadBytesMax;
    return size <= bytesMax ? bytesMax : 0;
  }

  #keyOf(ino: number, kind: Kind): string | undefined {
    const { tree } = this.#context;
    const parent = tree.parentOf(ino);
    if (parent === 0)
      return this.#context.isExportable(ino) ? this.#keys.keyOf(ino, kind) : undefined;
    return this.#context.base(ino)?.key ?? this.#keys.remoteKey(parent, tree.nameOf(ino), kind);
  }

  #onResult(asked: Asked, key: string, result: TransferResult, isOutdated: boolean): void {
    this.#jobs--;
    asked.running = false;
    let ok = result.kind === 'head';
    if (result.kind === 'failed') {
      this.#context.failed(result.code, result.message);
      if (result.retryable && ++asked.tries < triesMax) {
        this.#askLater(asked);
        return;
      }
      const error = failure(result.code === 'AccessDenied' ? FsError.AccessDenied : FsError.Io);
      this.#failed.set(asked.ino, { error, untilMs: this.#context.now() + failureMs });
    } else if (result.kind === 'head') {
      if (!isOutdated) this.#apply(asked.ino, key, result.head, result.body, asked.shownMs);
      if (this.#isUnknownYet(asked.ino)) {
        // Moved here, and replaced or deleted there: its export settles that, and asking at once tells nothing new.
        if (++asked.tries < triesMax) {
          this.#askLater(asked);
          return;
        }
        const untilMs = this.#context.now() + failureMs;
        this.#failed.set(asked.ino, { error: failure(FsError.Io), untilMs });
        ok = false;
      }
    }
    this.#finish(asked, ok);
    this.#send();
  }

  #askLater(asked: Asked): void {
    const due = this.#context.now() + this.#context.backoffMs(asked.tries);
    this.#context.timers.push(due, () => {
      this.#urgent.push(asked);
      this.#send();
    });
    this.#send();
  }

  #isUnknownYet(ino: number): boolean {
    const { tree } = this.#context;
    return tree.parentOf(ino) !== 0 && tree.dirty(ino) !== 0 && !tree.isKnown(ino);
  }

  #finish(asked: Asked, ok: boolean): void {
    this.#asked.delete(asked.ino);
    asked.done?.(ok);
    if (asked.waitId !== 0) this.#context.tree.ready(asked.waitId);
  }

  #apply(
    ino: number,
    key: string,
    head: RemoteHead | undefined,
    body: Uint8Array | undefined,
    shownMs: number,
  ): void {
    const { tree, options } = this.#context;
    const a = this.#context.attributes(ino);
    // While we asked it was moved, unlinked or exported: what was told is about another object.
    if (a === undefined || this.#keyOf(ino, a.kind) !== key) return;
    const isDirty = tree.dirty(ino) !== 0;
    const isDirectory = a.kind === Kind.directory;
    const base = this.#context.base(ino);
    if (base?.eTag !== head?.eTag && this.#keys.isLocalOnly(ino)) {
      // In lost+found, and its object is another one now: it stays as it is.
      const { kind, mode, uid, gid, size, mtimeSec, mtimeNsec } = a;
      const known = { kind, mode, uid, gid, size, mtimeSec, mtimeNsec, known: true };
      tree.setRemoteAttributes(ino, known);
      return;
    }
    // An object with bytes is no marker: it is a file in the directory, or not visible.
    if (head === undefined || (isDirectory && head.size > 0)) {
      if (isDirectory) this.#noMarker(ino);
      else if (!isDirty) {
        // Whoever has it open goes on reading its version.
        if (base !== undefined && tree.mayBeOpen(ino)) this.#context.setBase(ino, { ...base, key });
        tree.removeRemote(ino);
      }
      return;
    }
    const attributes = headAttributes(head, isDirectory, body, options.defaults);
    const foreign = foreignAttributes(head);
    const times = this.#context.syncedNow({ lastModified: Math.max(head.lastModified, shownMs) });
    if (tree.isKnown(ino) && base?.eTag === head.eTag && !isDirty) {
      this.#compare(ino, base, a, attributes, newBase(head, foreign, base.key, times));
      return;
    }
    if (isDirty) {
      // Moved before its attributes were known: they are still those of its object.
      if (tree.isKnown(ino) || base?.eTag !== head.eTag) return;
      tree.setRemoteAttributes(ino, attributes);
      this.#context.setBase(ino, newBase(head, foreign, base.key, times));
      return;
    }
    this.#context.imported++;
    const isSame = isDirectory || base === undefined || base.eTag === head.eTag;
    if (isSame) tree.setRemoteAttributes(ino, attributes);
    else tree.replaceRemote(ino, attributes);
    this.#context.setBase(ino, newBase(head, foreign, base?.key, times));
    if (body !== undefined && attributes.kind === Kind.file) tree.fill(ino, body);
  }

  /** Another object with the same bytes: its attributes may be others. `a`: those of the inode. */
  #compare(ino: number, base: Base, a: Attributes, told: RemoteAttributes, now: Base): void {
    const { tree } = this.#context;
    const isSame =
      a.kind === told.kind &&
      a.mode === told.mode &&
      a.uid === told.uid &&
      a.gid === told.gid &&
      a.mtimeSec === told.mtimeSec &&
      a.mtimeNsec === told.mtimeNsec;
    if (!isSame) this.#context.imported++;
    if (a.kind !== told.kind && told.known) tree.replaceRemote(ino, told);
    else if (!isSame && a.kind === told.kind) tree.setRemoteAttributes(ino, told);
    const seen = { ...now, syncedMs: base.syncedMs ?? 0 };
    if (formatBase(seen) !== formatBase(base)) this.#context.setBase(ino, now);
  }

  /** A directory that exists by its children alone. */
  #noMarker(ino: number): void {
    const { tree, options } = this.#context;
    // Moved before anything was known of it: nobody can have changed its attributes.
    if (tree.dirty(ino) !== 0 && tree.isKnown(ino)) return;
    const { uid, gid, directoryMode } = options.defaults;
    const a = this.#context.attributes(ino);
    if (a === undefined) return;
    const { mtimeSec, mtimeNsec } = a;
    tree.setRemoteAttributes(ino, {
      kind: Kind.directory,
      mode: directoryMode,
      uid,
      gid,
      size: 0,
      mtimeSec,
      mtimeNsec,
      known: true,
    });
    if (tree.dirty(ino) === 0) this.#context.setBase(ino, undefined);
  }
}
