/**
 * Who a request counts as, and what that identity may do: the POSIX rules, decided here and nowhere else.
 *
 * uid 0 overrides everything but execution of a file that nobody may execute.
 */
import { Access, FsError, Kind, ok, type Caller, type Status } from '../operations.ts';
import type { Inode } from '../store/inode.ts';
import type { View } from './views.ts';

export const ModeBit = { setUser: 0o4000, setGroup: 0o2000, sticky: 0o1000 } as const;

const nobody = 65534;

/** One object, set anew for each request. */
export class Identity {
  uid = 0;
  gid = 0;
  #caller: Caller | undefined;
  #groups: readonly number[] | undefined;

  assume(caller: Caller, view: View | undefined): void {
    const user = view?.posixUser;
    this.#caller = caller;
    this.#groups = undefined;
    if (user !== undefined) {
      this.uid = user.uid;
      this.gid = user.gid;
      this.#groups = user.secondaryGids ?? [];
    } else if (view?.rootSquash === true && caller.uid === 0) {
      this.uid = nobody;
      this.gid = nobody;
      this.#groups = [];
    } else {
      this.uid = caller.uid;
      this.gid = caller.gid;
    }
  }

  inGroup(gid: number): boolean {
    if (gid === this.gid) return true;
    this.#groups ??= this.#caller!.groups();
    return this.#groups.includes(gid);
  }

  /** `wanted`: bits of `Access`. */
  may(inode: Inode, wanted: number): boolean {
    if (this.uid === 0) {
      if ((wanted & Access.execute) === 0 || inode.kind === Kind.directory) return true;
      return (inode.mode & 0o111) !== 0;
    }
    let bits = inode.mode;
    if (inode.uid === this.uid) bits >>= 6;
    else if (this.inGroup(inode.gid)) bits >>= 3;
    return (bits & wanted) === wanted;
  }

  owns(inode: Inode): boolean {
    return this.uid === 0 || this.uid === inode.uid;
  }

  /** In a directory with the sticky bit only the owner of it or of the entry may take the entry away. */
  mayRemove(directory: Inode, entry: Inode): Status {
    if (!this.may(directory, Access.write | Access.execute)) return FsError.AccessDenied;
    if ((directory.mode & ModeBit.sticky) === 0) return ok;
    return this.owns(directory) || this.owns(entry) ? ok : FsError.NotPermitted;
  }

  /** The mode after somebody without privilege over it has written to the file or changed its owner. */
  static withoutPrivileges(mode: number): number {
    // Set-group-id without group execution marks mandatory locking, not privilege.
    const setGroup = (mode & 0o010) !== 0 ? ModeBit.setGroup : 0;
    return mode & ~(ModeBit.setUser | setGroup);
  }
}
