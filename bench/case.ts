/**
 * What a benchmark is: subjects that do the same work (ours first, then its peers), run in
 * alternating rounds so that a noisy machine is unfair to all of them alike.
 */

/** Figures of one round: name with its unit last (`cloneMs`, `putsPerSecond`) → value. */
export type Figures = Readonly<Record<string, number>>;

export interface Subject {
  readonly name: string;
  /** Does the work once. */
  round(): Promise<Figures>;
}

export interface Prepared {
  readonly subjects: readonly Subject[];
  close(): Promise<void>;
}

export interface BenchmarkCase {
  readonly name: string;
  readonly title: string;
  /** `small`: enough to see that the case runs, not to judge its figures. */
  prepare(options: { small: boolean; directory: string }): Promise<Prepared>;
}
