/**
 * Changes that the store tells of as they happen. Each is only a hint: the directory it is in (or the nearest one
 * above that the tree has listed) is listed again soon, by the same code that does so from time to time. Events may
 * be late, twice or lost; our own exports are recognised by their ETags and lead to nothing.
 */
import { Kind, rootIno } from '../operations.ts';
import type { RemoteChange } from '../transfer/jobs.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import type { Exporter } from './exporter.ts';
import type { Heads } from './heads.ts';
import { isProbe } from './keys.ts';
import type { Lanes } from './lanes.ts';
import type { Relister } from './relisting.ts';

export class Changes {
  readonly #context: Context;
  readonly #lanes: Lanes;
  readonly #deletions: Deletions;
  readonly #relister: Relister;
  readonly #exporter: Exporter;
  readonly #heads: Heads;
  #tries = 0;

  constructor(parts: {
    context: Context;
    lanes: Lanes;
    deletions: Deletions;
    relister: Relister;
    exporter: Exporter;
    heads: Heads;
  }) {
    this.#heads = parts.heads;
    this.#exporter = parts.exporter;
    this.#context = parts.context;
    this.#lanes = parts.lanes;
    this.#deletions = parts.deletions;
    this.#relister = parts.relister;
  }

  /** Asks the store to tell; again when the stream breaks. A store that cannot is not asked twice. */
  watch(): void {
    const { prefix } = this.#context.options;
    this.#context.outbox.send({ kind: 'watch', prefix }, (result) => {
      if (result.kind === 'changes') {
        // What happened while nobody listened is seen by listing everything in use.
        if (result.changes.length === 0) this.#relister.setTold(true);
        this.#tries = 0;
        for (const change of result.changes) this.#consider(change);
      } else if (result.kind === 'failed') {
        this.#context.failed(result.code, result.message);
        this.#relister.setTold(false);
        const due = this.#context.now() + this.#context.backoffMs(this.#tries++);
        this.#context.timers.push(due, () => this.watch());
      }
    });
  }

  #consider({ key, eTag, versionId }: RemoteChange): void {
    if (this.#lanes.isBusy(key) || this.#deletions.get(key) !== undefined) return;
    const { names, tree, options } = this.#context;
    const parts = key.slice(options.prefix.length).split('/');
    if (parts.some(isProbe)) return;
    const last = parts.pop() ?? '';
    let at = rootIno;
    for (const part of parts) {
      const child = tree.isListed(at) ? tree.child(at, names.nameOf(part)) : 0;
      if (child === 0 || this.#context.attributes(child)?.kind !== Kind.directory) {
        this.#relister.soon(at);
        return;
      }
      at = child;
    }
    // A directory's marker is compared with the directory itself.
    const ino = last === '' ? at : tree.child(at, names.nameOf(last));
    const base = ino === 0 ? undefined : this.#context.base(ino);
    if ((base?.eTag ?? '') === eTag) {
      // The same bytes in another version: its attributes may be others.
      const known = base?.versionId;
      if (known !== undefined && versionId !== undefined && known !== versionId)
        this.#heads.refresh(ino);
      return;
    }
    // Changed here as well: its export, tried now, finds out whether they are in conflict.
    if (ino !== 0 && tree.dirty(ino) !== 0) this.#exporter.hurryFile(ino);
    this.#relister.soon(at);
    if (eTag === '' && at !== rootIno) this.#relister.soon(tree.parentOf(at));
  }
}
