/**
 * What a rule is, for every analyser: the reports list all rules that were looked for, not only those that
 * found something, so that a fixed finding can be recognised as fixed.
 */
import type { Severity } from '../events.ts';
import type { Basis, Confidence } from './finding.ts';

export interface Rule {
  /** Namespaced by its tool, as in a finding. */
  readonly id: string;
  readonly title: string;
  /** Why it matters and what to do, in a sentence or two of Markdown. */
  readonly help: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly basis: Basis;
  readonly cwe: number | null;
}

/** What an analyser reports: a place and a rule. The reviewer turns it into a finding. */
export interface Hit {
  readonly ruleId: string;
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly startColumn?: number;
  /** Instead of the rule's title. */
  readonly message?: string;
  readonly severity?: Severity;
  readonly confidence?: Confidence;
  readonly cwe?: number | null;
  readonly evidence?: readonly {
    readonly path: string;
    readonly line: number;
    readonly note: string;
  }[];
  readonly fix?: string;
  /** The snippet holds a secret: show its beginning only. */
  readonly secret?: boolean;
}
