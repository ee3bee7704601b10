/**
 * The planner: keeps the tree and S3 in step. Pure synchronous code on the serving thread; it talks to the core
 * through `Tree`, to S3 through jobs and results, and knows time and chance only by what is injected. All it has
 * to remember is in the core's own commits, so that after a crash everything pending goes on.
 *
 * Parts, each of which only knows those before it: RemoteKeys (paths and keys), Deletions and Attempts (notes),
 * Barriers, Conflicts, Lanes, Deleter, Exporter, Directories (names), Heads (attributes), Ranges (bytes),
 * Evictor (bytes given up), Prefetch, Relister, Walks (directories listed ahead), Changes.
 */
import type { SynchronizationConfiguration } from '../configuration/synchronization.ts';
import { Kind, rootIno } from '../operations.ts';
import type { Result, WaitId } from '../operations.ts';
import type { TransferJob, TransferResult } from '../transfer/jobs.ts';
import { Barriers } from './barriers.ts';
import { Changes } from './changes.ts';
import { Conflicts, shownConflict } from './conflicts.ts';
import { Context } from './context.ts';
import type { SyncOptions } from './context.ts';
import { Deleter } from './deleter.ts';
import { Attempts, Deletions } from './deletions.ts';
import { Directories } from './directories.ts';
import { Evictor } from './evictor.ts';
import { Exporter } from './exporter.ts';
import { failureList } from './failure-list.ts';
import { Heads } from './heads.ts';
import { Lanes } from './lanes.ts';
import { isAtOrBelow, pendingList } from './pending-list.ts';
import { Dirty } from './port.ts';
import type {
  ConflictRecord,
  FailureList,
  PendingList,
  Settlement,
  Sync,
  SyncFailure,
  SyncStatus,
  Tree,
} from './port.ts';
import { Prefetch } from './prefetch.ts';
import { Ranges } from './ranges.ts';
import { Relister } from './relisting.ts';
import { RemoteKeys } from './remote-keys.ts';
import { statusText } from './status-text.ts';
import { Uploads } from './uploads.ts';
import { Walks } from './walks.ts';

/** Of each kind, in the status. */
const failuresShownMax = 1_000;
/** Moved directories whose children are marked within one tick. */
const expandedPerTick = 64;

export function createPlanner(tree: Tree, options: SyncOptions): Sync {
  return new Planner(tree, options);
}

class Planner implements Sync {
  readonly #context: Context;
  readonly #tree: Tree;
  readonly #keys: RemoteKeys;
  readonly #deletions: Deletions;
  readonly #attempts: Attempts;
  readonly #barriers: Barriers;
  readonly #conflicts: Conflicts;
  readonly #lanes: Lanes;
  readonly #deleter: Deleter;
  readonly #uploads: Uploads;
  readonly #exporter: Exporter;
  readonly #directories: Directories;
  readonly #heads: Heads;
  readonly #ranges: Ranges;
  readonly #evictor: Evictor;
  readonly #relister: Relister;
  readonly #walks: Walks;
  readonly #changes: Changes;

  constructor(tree: Tree, options: SyncOptions) {
    this.#tree = tree;
    const context = new Context(tree, options);
    this.#context = context;
    const keys = new RemoteKeys(context);
    this.#keys = keys;
    const barriers = new Barriers(context);
    this.#barriers = barriers;
    const deletions = new Deletions(context, (key) => barriers.deleted(key));
    this.#deletions = deletions;
    const attempts = new Attempts(context);
    this.#attempts = attempts;
    const conflicts = new Conflicts({ context, keys, deletions, barriers });
    this.#conflicts = conflicts;
    const lanes = new Lanes(context);
    this.#lanes = lanes;
    const deleter = new Deleter({ context, keys, lanes, deletions, attempts, conflicts });
    this.#deleter = deleter;
    const uploads = new Uploads(context, lanes);
    this.#uploads = uploads;
    const exporter = new Exporter({
      context,
      keys,
      lanes,
      deletions,
      attempts,
      deleter,
      barriers,
      conflicts,
      uploads,
    });
    this.#exporter = exporter;
    const directories = new Directories(context, keys, deletions);
    this.#directories = directories;
    const heads = new Heads(context, keys);
    this.#heads = heads;
    const ranges = new Ranges(context, keys, heads);
    this.#ranges = ranges;
    this.#evictor = new Evictor(context, (ino) => ranges.isFetching(ino, 0, Infinity));
    const evictor = this.#evictor;
    const prefetch = new Prefetch({ context, heads, ranges, evictor, lanes });
    ranges.onMiss = (ino, isWhole) => (isWhole ? prefetch.missed(ino) : prefetch.rest(ino));
    this.#relister = new Relister({ context, keys, lanes, deletions, directories, heads });
    const relister = this.#relister;
    this.#walks = new Walks({ context, directories, prefetch, relister });
    this.#changes = new Changes({
      context,
      lanes,
      deletions,
      exporter,
      relister: this.#relister,
      heads,
    });
    conflicts.onReturn = (directory) => relister.soon(directory);
    directories.onListed = (directory, smallestBytes) => {
      this.#relister.touched(directory, true);
      if (smallestBytes !== undefined) prefetch.listed(directory, smallestBytes);
    };
    context.synchronization.onChange = () => {
      exporter.reschedule();
      evictor.changed();
    };
    tree.transaction(() => this.#resume());
    this.#changes.watch();
  }

  /** What was pending when the process ended goes on. */
  #resume(): void {
    this.#tree.eachDirty((ino, bits) => this.#exporter.resume(ino, bits));
    for (const key of this.#attempts.keys()) {
      const ino = this.#keys.resolve(key);
      if (ino !== 0 && this.#tree.dirty(ino) !== 0) continue;
      // Written, perhaps, and then unlinked or moved before the answer came.
      this.#deletions.note(key, undefined, { marks: this.#attempts.of(key) });
      this.#attempts.settle(key);
    }
    for (const key of this.#deletions.keys()) this.#deleter.schedule(key);
    this.#uploads.resume();
  }

  created(ino: number): void {
    this.#exporter.changed(ino, Dirty.content | Dirty.attributes | Dirty.name);
  }

  changed(ino: number, bits: number): void {
    this.#exporter.changed(ino, bits);
  }

  moved(ino: number, oldParent: number, oldName: string): void {
    const kind = this.#context.attributes(ino)?.kind;
    if (kind === undefined) return;
    const oldKey = this.#keys.remoteKey(oldParent, oldName, kind);
    if (oldKey !== undefined) this.#leave(ino, oldKey);
    if (kind === Kind.directory && oldKey !== undefined && !this.#tree.isEmpty(ino)) {
      this.#keys.markMoved(ino, oldKey);
    }
    this.#exporter.changed(ino, Dirty.name);
    this.#keepEmptied(oldParent);
  }

  unlinked(ino: number, parent: number, name: string): void {
    const kind = this.#context.attributes(ino)?.kind;
    if (kind === undefined) return;
    const key = this.#keys.remoteKey(parent, name, kind);
    const base = this.#context.base(ino);
    if (base?.key !== undefined) {
      this.#deleter.release(base.key, ino);
    }
    if (key !== undefined) {
      const marks = this.#attempts.of(key);
      if ((base !== undefined && base.key === undefined) || marks.length > 0) {
        this.#deletions.note(key, base?.key === undefined ? base : undefined, { marks });
        this.#deleter.schedule(key);
      }
      // It has no path any more by which its bytes could be asked for.
      const isNeeded = base !== undefined && base.key === undefined && this.#tree.mayBeOpen(ino);
      if (isNeeded && this.#tree.missing(ino).length > 0)
        this.#context.setBase(ino, { ...base, key });
    }
    this.#keys.unmark(ino);
    this.#exporter.forget(ino);
    this.#tree.setDirty(ino, 0);
    this.#keepEmptied(parent);
  }

  needDirectory(ino: number): Result {
    this.#relister.touched(ino);
    return this.#directories.need(ino);
  }

  needTree(ino: number): Result {
    return this.#directories.needTree(ino);
  }

  needAttributes(ino: number): Result {
    return this.#heads.need(ino);
  }

  needRange(ino: number, offset: number, length: number): Result {
    return this.#ranges.need(ino, offset, length);
  }

  passed(ino: number, offset: number, length: number): void {
    this.#ranges.passed(ino, offset, length);
  }

  isFetching(ino: number, offset: number, length: number): boolean {
    return this.#ranges.isFetching(ino, offset, length);
  }

  touched(ino: number): void {
    if (this.#tree.isListed(ino)) this.#walks.read(ino);
    this.#relister.touched(ino);
  }

  nextDeadline(): number {
    if (this.#keys.moved.size > 0) return -Infinity;
    const { timers } = this.#context;
    return Math.min(timers.due, this.#exporter.due, this.#relister.due, this.#evictor.due);
  }

  tick(now: number): void {
    if (this.nextDeadline() > now) return;
    this.#tree.transaction(() => {
      this.#expandSome(expandedPerTick);
      for (let run = this.#context.timers.pop(now); run !== undefined;) {
        run();
        run = this.#context.timers.pop(now);
      }
      this.#exporter.start(now);
      this.#relister.start(now);
    });
    this.#evictor.run(now);
  }

  take(): readonly TransferJob[] {
    return this.#context.outbox.take();
  }

  apply(results: readonly TransferResult[]): void {
    this.#tree.transaction(() => {
      for (const result of results) this.#context.outbox.receive(result);
    });
  }

  configuration(): SynchronizationConfiguration {
    return this.#context.synchronization.configuration;
  }

  configure(document: unknown, anyVersion: boolean): void {
    this.#context.synchronization.put(document, anyVersion);
  }

  barrier(ino: number): WaitId {
    this.#tree.transaction(() => this.#expandSome(Infinity));
    const isAll = ino === 0 || ino === rootIno;
    const kind = isAll ? undefined : this.#context.attributes(ino)?.kind;
    const own = kind === undefined ? undefined : this.#keys.keyOf(ino, kind);
    const { inodes, keys, failures } = this.#exporter.hurry({
      ino: (other) => isAll || this.#keys.isBelow(other, ino),
      key: (key) => isAll || (own !== undefined && isAtOrBelow(key, own)),
    });
    return this.#barriers.add(inodes, keys, failures);
  }

  barrierOfDeleted(path: string): WaitId {
    this.#tree.transaction(() => this.#expandSome(Infinity));
    const own = this.#context.options.prefix + path.split('/').filter(Boolean).join('/');
    const { inodes, keys, failures } = this.#exporter.hurry({
      ino: () => false,
      key: (key) => isAtOrBelow(key, own),
    });
    return keys.size === 0 ? 0 : this.#barriers.add(inodes, keys, failures);
  }

  barrierOfFile(ino: number): WaitId {
    const { inodes, keys, failures } = this.#exporter.hurryFile(ino);
    return this.#barriers.add(inodes, keys, failures);
  }

  pending(ino: number, countMax: number): PendingList {
    const parts = { context: this.#context, keys: this.#keys, deletions: this.#deletions };
    return pendingList({ ...parts, exporter: this.#exporter, lanes: this.#lanes }, ino, countMax);
  }

  barrierFailures(waitId: WaitId): SyncFailure[] {
    return this.#barriers.failures(waitId);
  }

  status(): SyncStatus {
    const { lastError, exported, imported } = this.#context;
    const oldest = this.#exporter.oldestChangeMs();
    const told = this.#relister.oldestToldMs();
    const failed = this.#exporter.pending.failures();
    const exportAgeMs = Math.max(0, this.#context.now() - oldest);
    const status: SyncStatus = {
      pending: this.#exporter.pendingCount,
      exporting: this.#lanes.jobs,
      failed: failed.slice(0, failuresShownMax),
      failedCount: failed.length,
      conflicts: this.#conflicts.list.map(shownConflict),
      importFailures: [...this.#directories.failures(failuresShownMax)],
      importFailureCount: this.#directories.failureCount,
      exportAgeMs: Number.isFinite(exportAgeMs) ? exportAgeMs : 0,
      importAgeMs: Number.isFinite(told) ? Math.max(0, this.#context.now() - told) : 0,
      changesFrom: this.#relister.isTold ? 'events' : 'listing',
      exported,
      imported,
      cacheBytes: this.#evictor.usedBytes,
      cacheBytesMax: this.#evictor.limitBytes,
    };
    if (lastError !== undefined) status.lastError = lastError;
    return status;
  }

  failures(from: number, countMax: number): FailureList {
    const imports = this.#directories.failures();
    const parts = { exporter: this.#exporter, deletions: this.#deletions, imports };
    return failureList(parts, this.#context.options.prefix, from, countMax);
  }

  conflicts(): readonly ConflictRecord[] {
    return this.#conflicts.list;
  }

  settle(id: string, settlement: Settlement): void {
    const ino = this.#conflicts.settle(id, settlement);
    if (ino !== undefined && settlement.how === 'restored') this.created(ino);
  }

  settlementOf(id: string): Settlement | undefined {
    return this.#conflicts.settlementOf(id);
  }

  statusText(ino: number): string {
    const parts = { context: this.#context, keys: this.#keys, exporter: this.#exporter };
    return statusText({ ...parts, conflicts: this.#conflicts }, ino);
  }

  /** The inode has left the path of this key: what is there is noted, and the inode remembers where its object is. */
  #leave(ino: number, key: string): void {
    const base = this.#context.base(ino);
    const marks = this.#attempts.of(key);
    if (base !== undefined && base.key === undefined) {
      this.#context.setBase(ino, { ...base, key });
      this.#deletions.note(key, base, { ino, marks });
    } else if (marks.length > 0) {
      this.#deletions.note(key, undefined, { marks });
    } else return;
    this.#deleter.schedule(key);
  }

  /** Without a marker a directory would vanish from S3 with its last child. */
  #keepEmptied(directory: number): void {
    if (directory === rootIno || directory === 0 || !this.#tree.isEmpty(directory)) return;
    if (this.#context.base(directory) !== undefined) return;
    this.#exporter.changed(directory, Dirty.content);
  }

  /** Marks the children of moved directories, level by level. */
  #expandSome(count: number): void {
    let left = count;
    for (const directory of this.#keys.moved.keys()) {
      if (left-- <= 0) return;
      this.#expand(directory);
    }
  }

  #expand(directory: number): void {
    const children: { name: string; ino: number; kind: Kind }[] = [];
    this.#tree.children(directory, (name, ino, kind) => children.push({ name, ino, kind }));
    for (const { name, ino, kind } of children) {
      const key = this.#keys.remoteKey(directory, name, kind);
      if (key === undefined) continue;
      this.#leave(ino, key);
      if (kind === Kind.directory && !this.#tree.isEmpty(ino)) this.#keys.markMoved(ino, key);
      if (this.#context.base(ino)?.key !== undefined) this.#exporter.changed(ino, Dirty.name);
    }
    this.#keys.unmark(directory);
  }
}
