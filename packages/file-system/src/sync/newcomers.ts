/**
 * What a listing shows as new where we have just written or deleted. The listing may be out of date and show what we
 * have removed, or somebody else has made it again: a HEAD tells, for it shows the present.
 */
import type { RemoteHead } from '../transfer/jobs.ts';
import type { Context } from './context.ts';
import type { Directories } from './directories.ts';
import type { Lanes } from './lanes.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** Objects below a prefix that are asked for to find one that is there. */
const askedMax = 8;

export class Newcomers {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #lanes: Lanes;
  readonly #directories: Directories;
  /** Keys and prefixes that are being asked for. */
  readonly #asked = new Set<string>();

  constructor(parts: {
    context: Context;
    keys: RemoteKeys;
    lanes: Lanes;
    directories: Directories;
  }) {
    this.#context = parts.context;
    this.#keys = parts.keys;
    this.#lanes = parts.lanes;
    this.#directories = parts.directories;
  }

  /** An object right below a directory. */
  object(directory: number, prefix: string, key: string): void {
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#confirm(key, (head) => {
      this.#asked.delete(key);
      if (head !== undefined && this.#isAt(directory, prefix)) {
        this.#directories.addObject(directory, prefix, head);
      }
    });
  }

  /** A prefix right below a directory: it is new when anything below it is there. */
  below(directory: number, prefix: string, key: string): void {
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#context.outbox.send(
      { kind: 'list', prefix: key, recursive: true, countMax: askedMax },
      (result) => {
        const objects = result.kind === 'page' ? result.objects.slice(0, askedMax) : [];
        if (result.kind === 'failed') this.#context.failed(result.code, result.message);
        let left = objects.length;
        if (left === 0) this.#asked.delete(key);
        for (const object of objects) {
          this.#confirm(object.key, (head) => {
            if (--left === 0) this.#asked.delete(key);
            if (head !== undefined && this.#isAt(directory, prefix)) {
              this.#directories.addPrefix(directory, prefix, key);
            }
          });
        }
      },
    );
  }

  /** What the key holds now; undefined: nothing, or we have written to it meanwhile. */
  #confirm(key: string, then: (head: RemoteHead | undefined) => void): void {
    const startedAt = this.#context.listingStarts();
    this.#context.outbox.send({ kind: 'head', key, bodyBytesMax: 0 }, (result) => {
      const isOurs = this.#lanes.isBusy(key) || this.#context.isOutdated(key, startedAt);
      if (result.kind === 'failed') this.#context.failed(result.code, result.message);
      then(result.kind === 'head' && !isOurs ? result.head : undefined);
      this.#context.listingEnds();
    });
  }

  #isAt(directory: number, prefix: string): boolean {
    return (
      this.#context.attributes(directory) !== undefined &&
      this.#context.tree.isListed(directory) &&
      this.#keys.moved.size === 0 &&
      this.#keys.prefixOf(directory) === prefix
    );
  }
}
