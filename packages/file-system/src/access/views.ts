/**
 * Views: access points on the one tree, and the check that an inode lies inside a view's root.
 *
 * The check is remembered in the inode: it holds until some directory moves (`epoch`), or the inode itself
 * does (then its own `jailEpoch` is reset).
 */
import { Kind, type AccessPoint } from '../operations.ts';
import type { Inode } from '../store/inode.ts';
import type { Store } from '../store/store.ts';

export interface View extends AccessPoint {
  root: number;
}

export class Views {
  readonly #store: Store;
  readonly #views = new Map<number, View>();
  #next = 1;
  #epoch = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get(view: number): View | undefined {
    return this.#views.get(view);
  }

  add(accessPoint: AccessPoint, root: number): number {
    const view = this.#next++;
    this.#views.set(view, { ...accessPoint, root });
    return view;
  }

  /** Some directory got another parent. */
  moved(inode: Inode): void {
    inode.jailEpoch = -1;
    if (inode.kind === Kind.directory) this.#epoch++;
  }

  /** An inode without a name was reached when it had one, so it passes. */
  contains(number: number, view: View, inode: Inode): boolean {
    if (inode.jailView === number && inode.jailEpoch === this.#epoch) return true;
    for (let at: Inode | undefined = inode; at !== undefined; at = this.#store.get(at.parent)) {
      if (at.ino === view.root || (at === inode && inode.nlink === 0)) {
        inode.jailView = number;
        inode.jailEpoch = this.#epoch;
        return true;
      }
      if (at.parent === 0) return false;
    }
    return false;
  }
}
