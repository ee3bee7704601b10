/**
 * Open files, and unlinked files that live on while they are open.
 *
 * The kernel keeps its handles when this process is restarted, but the counts of them are lost. So a file that
 * was there before the restart may be open without our knowing: unlinked, it is kept until the kernel forgets
 * it, which it does only after the last close. `freshSession` ends that: then nothing can be open.
 */
import { firstIno, type Inode } from '../store/inode.ts';
import { Kind } from '../operations.ts';
import type { Core } from './core.ts';

const handlesPerEpoch = 2 ** 32;
/** Handles of files opened to write are odd. */
const writesBit = 1;

export class Handles {
  readonly #core: Core;
  readonly #orphans: Set<number>;
  readonly #first: number;
  #next: number;
  /** Inodes below this may be open by handles of an earlier process. */
  #unsureBelow: number;

  constructor(core: Core) {
    this.#core = core;
    this.#first = core.store.epoch * handlesPerEpoch;
    this.#next = this.#first;
    this.#orphans = new Set(core.store.orphans());
    this.#unsureBelow = core.store.nextIno;
  }

  open(inode: Inode, writes: boolean = false): number {
    inode.opens++;
    if (writes) inode.writers++;
    const handle = this.#next + (writes ? writesBit : 0);
    this.#next += 2;
    return handle;
  }

  release(ino: number, handle: number): void {
    const inode = this.#core.store.get(ino);
    if (inode === undefined || handle < this.#first) return;
    inode.opens = Math.max(0, inode.opens - 1);
    if (handle % 2 === writesBit) inode.writers = Math.max(0, inode.writers - 1);
    if (inode.parent === 0 && inode.ino >= firstIno && !this.mayBeOpen(inode))
      this.#core.store.transaction(() => this.#drop(inode));
    this.#core.content.settle();
  }

  forget(ino: number, n: number): void {
    const inode = this.#orphans.has(ino) ? this.#core.store.get(ino) : this.#core.store.cached(ino);
    if (inode === undefined) return;
    inode.lookups = Math.max(0, inode.lookups - n);
    if (this.#orphans.has(ino) && inode.opens === 0) {
      this.#core.store.transaction(() => this.#drop(inode));
      this.#core.content.settle();
    }
  }

  /** The inode has just lost its name. Inside a transaction. */
  nameTaken(inode: Inode): void {
    if (this.mayBeOpen(inode)) this.#orphans.add(inode.ino);
    else this.#drop(inode);
  }

  /** A new kernel session: no handle is valid, so nothing without a name can be reached any more. */
  freshSession(): void {
    const { store, content } = this.#core;
    store.transaction(() => {
      for (const ino of this.#orphans) {
        const inode = store.get(ino);
        if (inode !== undefined) {
          inode.opens = 0;
          this.#drop(inode);
        }
      }
    });
    content.settle();
    this.#orphans.clear();
    this.#unsureBelow = 0;
  }

  mayBeOpen(inode: Inode): boolean {
    // A removed directory may be some process's working directory, which opens nothing.
    return inode.opens > 0 || inode.ino < this.#unsureBelow || inode.kind === Kind.directory;
  }

  #drop(inode: Inode): void {
    this.#orphans.delete(inode.ino);
    this.#core.content.discard(inode);
    this.#core.store.remove(inode);
  }
}
