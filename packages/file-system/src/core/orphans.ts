/**
 * Files without a name, which live on while somebody has them open.
 *
 * Who has what open is the kernel's knowledge: it forgets an inode only after the last close. So a file that loses
 * its name while the kernel holds references is kept until it is forgotten. The references are lost when this process
 * is restarted, but the kernel goes on holding them: a file that was there before may be open, too, until it is
 * forgotten. `freshSession` ends that: then nothing can be open.
 */
import { Kind } from '../operations.ts';
import { isSlot, noPlace } from '../content/place.ts';
import type { Inode } from '../store/inode.ts';
import type { Core } from './core.ts';

export class Orphans {
  readonly #core: Core;
  readonly #inos: Set<number>;
  /** Forgotten ones that have not gone yet. */
  readonly #forgotten: number[] = [];
  /** Inodes below this may be held since an earlier process. */
  #unsureBelow: number;

  constructor(core: Core) {
    this.#core = core;
    this.#inos = new Set(core.store.orphans());
    this.#unsureBelow = core.store.nextIno;
  }

  /** The inode has just lost its name. Inside a transaction. */
  nameTaken(inode: Inode): void {
    this.#dropForgotten();
    if (this.mayBeOpen(inode)) this.#inos.add(inode.ino);
    else this.#drop(inode);
  }

  /**
   * The kernel holds no reference any more. Small files go with the next one that loses its name, which spares a
   * transaction for each; the space of a large one may be waited for.
   */
  forgotten(ino: number): void {
    if (!this.#inos.has(ino)) return;
    this.#forgotten.push(ino);
    const place = this.#core.store.cached(ino)?.place ?? noPlace;
    if (place !== noPlace && !isSlot(place)) this.dropForgotten();
  }

  dropForgotten(): void {
    if (this.#forgotten.length === 0) return;
    this.#core.store.transaction(() => this.#dropForgotten());
    this.#core.content.settle();
  }

  /** Inside a transaction. */
  #dropForgotten(): void {
    for (const ino of this.#forgotten) {
      const inode = this.#inos.has(ino) ? this.#core.store.get(ino) : undefined;
      if (inode !== undefined) this.#drop(inode);
    }
    this.#forgotten.length = 0;
  }

  /** A new kernel session: it holds nothing, so nothing without a name can be reached any more. */
  freshSession(): void {
    this.#forgotten.push(...this.#inos);
    this.dropForgotten();
    this.#unsureBelow = 0;
  }

  mayBeOpen(inode: Inode): boolean {
    // A removed directory may be some process's working directory.
    if (inode.kind === Kind.directory || inode.ino < this.#unsureBelow) return true;
    return this.#core.isHeld(inode.ino);
  }

  #drop(inode: Inode): void {
    this.#inos.delete(inode.ino);
    this.#core.content.discard(inode);
    this.#core.store.remove(inode);
  }
}
