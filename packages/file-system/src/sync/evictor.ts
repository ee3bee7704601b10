/**
 * Gives data up that S3 has as well: what was not used for as many days as the configuration says, and, when content
 * takes more of the disk than it may, what was used the longest ago. Names and attributes stay.
 *
 * What was changed here and is not in S3, and what somebody has open to write, is never touched; of a file that is
 * being downloaded only other parts go. Such content may take more than the limit. What was opened before this process
 * was started is not known to be open: it may go, and is fetched again when whoever has it open goes on.
 */
import type { Context } from './context.ts';

/** Looked at again at least so often while something comes in: others use the disk as well. */
const measureMs = 60_000;
/** Nothing more can go for now. */
const stuckMs = 2_000;
const expiryMs = 60 * 60 * 1000;
/** More is given up than is needed, so that the next bytes do not have to wait for it again. */
const lowShare = 0.9;
/** What nobody has asked for yet is brought in up to here; beyond it in the place of what was not used so long. */
const aheadShare = 0.8;
const oldMs = 10 * 60 * 1000;
/** Files given up in one transaction, and in one turn. */
const batchFiles = 64;
const turnFiles = 512;
/** Never less than this of the disk is left to others, as far as giving up copies can help it. */
const freeBytesMin = 64 * 1024 * 1024;
const limitBytesMin = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

export class Evictor {
  readonly #context: Context;
  readonly #isFetching: (ino: number) => boolean;
  /** As of the last look. */
  #usedBytes = 0;
  #limitBytes = 0;
  #measureAtMs = 0;
  #stuckUntilMs = 0;
  #expireAtMs = 0;
  #expired = { sec: -1, ino: 0 };
  #oldestMs = Infinity;
  #oldestAskedMs = -Infinity;

  constructor(context: Context, isFetching: (ino: number) => boolean) {
    this.#context = context;
    this.#isFetching = isFetching;
    this.#measure(context.now());
  }

  get usedBytes(): number {
    return this.#usedBytes + this.#context.tree.cache.grownBytes;
  }

  /** What content may take on disk, as of the last look. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  get due(): number {
    const { grownBytes } = this.#context.tree.cache;
    let due = this.#expireAtMs;
    if (this.#isFull) due = Math.min(due, this.#stuckUntilMs);
    else if (grownBytes > 0) due = Math.min(due, this.#measureAtMs);
    return due;
  }

  /** Whether so many bytes may be brought in that nobody has asked for yet. */
  hasRoom(bytes: number): boolean {
    if (this.usedBytes + bytes < this.#limitBytes * aheadShare) return true;
    const now = this.#context.now();
    if (this.#oldestAskedMs + stuckMs < now) {
      const [oldest] = this.#context.tree.cache.leastUsed({ sec: -1, ino: 0 }, now / 1000, 1);
      this.#oldestMs = (oldest?.sec ?? Infinity) * 1000;
      this.#oldestAskedMs = now;
    }
    return this.#oldestMs + oldMs < now && bytes < this.#limitBytes * (1 - aheadShare);
  }

  /** Another configuration is in force. */
  changed(): void {
    this.#expireAtMs = 0;
  }

  get #isFull(): boolean {
    return this.usedBytes > this.#limitBytes;
  }

  /** Not inside a transaction. */
  run(now: number): void {
    if (this.#expireAtMs <= now) this.#expire(now);
    const isDue = this.#isFull ? this.#stuckUntilMs <= now : this.#measureAtMs <= now;
    if (!isDue) return;
    this.#measure(now);
    if (!this.#isFull) return;
    const wanted = this.#usedBytes - this.#limitBytes * lowShare;
    const freed = this.#evict(now, wanted);
    this.#measure(now);
    // What is left is changed, open or on its way.
    if (freed < wanted && this.#isFull) this.#stuckUntilMs = now + stuckMs;
  }

  #measure(now: number): void {
    const { cache } = this.#context.tree;
    this.#usedBytes = cache.diskBytes();
    const available = cache.availableBytes();
    const all = this.#usedBytes + available;
    const { cacheBytesMax = all / 2 } = this.#context.options;
    this.#limitBytes = Math.max(limitBytesMin, Math.min(cacheBytesMax, all - freeBytesMin));
    this.#measureAtMs = now + measureMs;
  }

  #evict(now: number, bytesWanted: number): number {
    let after = { sec: -1, ino: 0 };
    let freed = 0;
    for (let files = 0; freed < bytesWanted && files < turnFiles; files += batchFiles) {
      const found = this.#context.tree.cache.leastUsed(after, now / 1000, batchFiles);
      if (found.length === 0) break;
      freed += this.#giveUp(found, bytesWanted - freed);
      after = found.at(-1)!;
    }
    return freed;
  }

  #expire(now: number): void {
    const { cache } = this.#context.tree;
    const beforeSec = (now - this.#context.synchronization.daysAfterLastAccess * dayMs) / 1000;
    const found = cache.leastUsed(this.#expired, beforeSec, batchFiles);
    this.#giveUp(found, Infinity);
    if (found.length === batchFiles) {
      this.#expired = found.at(-1)!;
      this.#expireAtMs = now;
      return;
    }
    this.#expired = { sec: -1, ino: 0 };
    this.#expireAtMs = now + expiryMs;
    cache.keepUses();
  }

  /** The first of them, until so much is given up. */
  #giveUp(files: readonly { ino: number }[], bytesWanted: number): number {
    const { tree } = this.#context;
    let freed = 0;
    tree.transaction(() => {
      for (const { ino } of files) {
        if (freed >= bytesWanted) break;
        const wanted = Number.isFinite(bytesWanted) ? bytesWanted - freed : Infinity;
        freed += tree.cache.evict(ino, wanted, this.#isFetching(ino));
      }
    });
    tree.cache.reclaim();
    return freed;
  }
}
