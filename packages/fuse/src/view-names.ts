/**
 * How one kernel mount serves every view: the root of a view is found by looking up a name in the mount's root
 * that is never listed and cannot be guessed. Whoever is to see the view gets that directory bound to
 * where it expects the file system.
 */
const prefix = '.moorage-view-';

export class ViewNames {
  readonly #views = new Map<string, number>();

  /** `token`: what makes the name unguessable; chosen by the supervisor and kept over restarts. */
  add(token: string, view: number): void {
    this.#views.set(viewDirectoryName(token), view);
  }

  /** The view a name in the mount's root leads to; undefined for every ordinary name. */
  find(name: string): number | undefined {
    return name.startsWith(prefix) ? this.#views.get(name) : undefined;
  }
}

export function viewDirectoryName(token: string): string {
  return prefix + token;
}
