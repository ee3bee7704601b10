/** What the parts of one simulation share. */
import { Kind } from '../operations.ts';
import type { Caller, Result } from '../operations.ts';
import { newNode } from './model-tree.ts';
import type { ModelNode } from './model-tree.ts';
import type { ModelStore } from './model-store.ts';
import type { Plan } from './plan.ts';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

/** An acknowledged promise was broken. The message says which. */
export class Broken extends Error {}

export interface Held {
  ino: number;
  handle: number;
  life: number;
  /** Set when the file has lost its name: it must still read so. */
  bytes: Uint8Array | undefined;
}

export interface World {
  readonly plan: Plan;
  readonly store: ModelStore;
  readonly process: SimulatedProcess;
  readonly trace: Trace;
  /** When nobody else writes: what every path must be. */
  readonly model: ModelNode;
  /** Bytes of every file and target of every link that was written here and not removed here, by inode. */
  readonly guarded: Map<number, Uint8Array>;
  readonly held: Held[];
  /** The disk has been full, or requests have failed, since the last operation began. */
  excuses: { disk: boolean; store: boolean };
  nextSerial(): number;
  /**
   * Carries an operation out as the adapter does: repeated while Pending, and after a crash sent again unless it was
   * carried out. `ino` is what a carried-out one is answered with.
   */
  act(operation: (c: Caller) => Result): Promise<{ result: Result; ino: number | undefined }>;
  /** Something that is no request and may crash. */
  guard(work: () => void): Promise<void>;
}

export function newModel(): ModelNode {
  return newNode(Kind.directory);
}
