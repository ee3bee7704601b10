/** The content of the file system as a cache of S3: how much it is, and giving some of it up. */
import { statfsSync } from 'node:fs';
import { evict } from '../content/evict.ts';
import { noPlace } from '../content/place.ts';
import type { Use } from '../store/uses.ts';
import type { Cache } from '../sync/port.ts';
import type { Core } from './core.ts';

export class CoreCache implements Cache {
  readonly #core: Core;
  readonly #dir: string;

  constructor(core: Core, dir: string) {
    this.#core = core;
    this.#dir = dir;
  }

  diskBytes(): number {
    return this.#core.content.diskBytes();
  }

  get grownBytes(): number {
    return this.#core.content.grownBytes;
  }

  availableBytes(): number {
    const { bsize, bavail } = statfsSync(this.#dir);
    return bsize * bavail;
  }

  leastUsed(after: Use, beforeSec: number, count: number): Use[] {
    return this.#core.store.uses.oldest(after, beforeSec, count);
  }

  evict(ino: number, bytesWanted: number, keepFile: boolean): number {
    const { store, content } = this.#core;
    const inode = store.get(ino);
    const bytes = inode === undefined ? 0 : evict(content, inode, bytesWanted, keepFile);
    // A changed one is noted again when it has been exported.
    if (inode === undefined || inode.place === noPlace || inode.dirty !== 0) {
      store.uses.forget(ino);
      if (inode !== undefined) inode.usedSec = 0;
    }
    return bytes;
  }

  reclaim(): void {
    this.#core.content.reclaim();
  }

  keepUses(): void {
    if (this.#core.store.uses.isDirty) this.#core.store.database.commit();
  }
}
