/**
 * What the file system announces while an operation runs, noted down until the operation is over:
 * waits that are ready, and kernel caches that are out of date.
 *
 * Invalidations may block in the kernel on locks that a request we have not answered holds, so the serving
 * thread never writes them: it encodes them here and hands them to the notifier (notifier.ts).
 */
import type { FileSystemEvents, WaitId } from '@moorage/file-system';
import { KeptListings } from './kept-listings.ts';
import type { KnownNodes } from './known-nodes.ts';
import { Notify, replyHeaderBytes } from './wire.ts';

const batchBytes = 64 * 1024;

export class EventNotes implements FileSystemEvents {
  readonly #nodes: KnownNodes;
  readonly #send: (batch: Uint8Array, count: number) => void;
  readonly #ready: WaitId[] = [];
  #batch: Buffer = Buffer.alloc(batchBytes);
  #used = 0;
  #count = 0;
  /** By view: inodes whose cached bytes are out of date until the notification arrives. */
  readonly #stale: Set<number>[] = [];
  readonly listings: KeptListings;

  /** `send` takes whole messages for the notifier, each a complete notification, one after the other. */
  constructor(nodes: KnownNodes, send: (batch: Uint8Array, count: number) => void) {
    this.#nodes = nodes;
    this.listings = new KeptListings(nodes.countsComplete);
    this.#send = send;
  }

  ready(waitId: WaitId): void {
    this.#ready.push(waitId);
  }

  inodeChanged(ino: number, offset: number, length: number, exceptView: number): void {
    for (const view of this.#nodes.views()) {
      if (view === exceptView || !this.#nodes.mayKnow(view, ino)) continue;
      if (length > 0) (this.#stale[view] ??= new Set()).add(ino);
      this.#invalidateInode(view, ino, offset, length);
    }
  }

  entryChanged(parent: number, name: string, exceptView: number): void {
    for (const view of this.#nodes.views()) {
      if (view === exceptView || !this.#nodes.mayKnow(view, parent)) continue;
      const isKept = this.listings.drop(view, parent);
      if (name === '..') continue;
      this.#invalidateEntry(view, parent, name);
      // For who has the directory open and goes back to its beginning; the next OPENDIR drops it anyway. In this
      // order: the kernel takes the first when nobody is listing, so that the second finds all that was listed.
      if (isKept) this.#invalidateInode(view, parent, 0, Infinity);
    }
  }

  holds(ino: number): boolean {
    return this.#nodes.holds(ino);
  }

  /** The next wait that became ready, oldest first. */
  takeReady(): WaitId | undefined {
    return this.#ready.shift();
  }

  /** True once after bytes of `ino` changed: an open must then not keep what the kernel has cached. */
  takeStale(view: number, ino: number): boolean {
    return this.#stale[view]?.delete(ino) === true;
  }

  forgotten(view: number, ino: number): void {
    this.#stale[view]?.delete(ino);
    this.listings.drop(view, ino);
  }

  /** Hands what was noted to the notifier; false when there was nothing. Call when no operation is running. */
  flush(): boolean {
    if (this.#used === 0) return false;
    this.#send(new Uint8Array(this.#batch.subarray(0, this.#used)), this.#count);
    this.#used = 0;
    this.#count = 0;
    return true;
  }

  /** struct fuse_notify_inval_inode_out: node, first byte (-1 = attributes alone), length (0 = to the end). */
  #invalidateInode(view: number, ino: number, offset: number, length: number): void {
    const at = this.#begin(Notify.invalidateInode, 24);
    this.#node(at, view, ino);
    this.#batch.writeBigInt64LE(length > 0 ? BigInt(offset) : -1n, at + 8);
    this.#batch.writeBigInt64LE(Number.isFinite(length) ? BigInt(length) : 0n, at + 16);
  }

  /** struct fuse_notify_inval_entry_out: parent, length of the name, flags, the name and a NUL. */
  #invalidateEntry(view: number, parent: number, name: string): void {
    const at = this.#begin(Notify.invalidateEntry, 16 + name.length + 1);
    this.#node(at, view, parent);
    this.#batch.writeUInt32LE(name.length, at + 8);
    this.#batch.writeUInt32LE(0, at + 12);
    this.#batch.write(name, at + 16, 'latin1');
    this.#batch[at + 16 + name.length] = 0;
  }

  #node(at: number, view: number, ino: number): void {
    this.#batch.writeUInt32LE(ino >>> 0, at);
    this.#batch.writeUInt32LE(Math.floor(ino / 0x1_0000_0000) + view * 0x1_0000, at + 4);
  }

  /** Writes the header of a notification and returns where its body begins. */
  #begin(code: number, bodyBytes: number): number {
    const total = replyHeaderBytes + bodyBytes;
    if (this.#used + total > this.#batch.length) this.flush();
    const at = this.#used;
    this.#batch.writeUInt32LE(total, at);
    this.#batch.writeInt32LE(code, at + 4);
    this.#batch.fill(0, at + 8, at + 16);
    this.#used += total;
    this.#count++;
    return at + replyHeaderBytes;
  }
}
