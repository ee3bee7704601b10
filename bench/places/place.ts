/**
 * A directory to work in: a mount of ours, a mount of a peer, or a plain directory. Every case measures the same
 * work on several of them.
 */

export interface Place {
  readonly name: string;
  /** Where to work; empty at first. */
  readonly directory: string;
  /** CPU time that what serves the directory has used so far, in ms; 0 when that is the kernel alone. */
  cpuMs(): Promise<number>;
  /** Resolves when everything written is in the bucket; at once where there is none. */
  settle(): Promise<void>;
  /** Forgets all caches, the kernel's too: what is read next comes from the bucket or the disk. */
  cool(): Promise<void>;
  close(): Promise<void>;
}

export interface PlaceOptions {
  /** For whatever the place needs. */
  directory: string;
  /** Put before every command: keeps a server on the processor its clients are on. */
  prefix: readonly string[];
}
