/**
 * A finding: one statement about one place of the reviewed code, with everything a reader needs to judge
 * it. Findings are files of the workspace; what a reviewer writes is checked against this schema before it
 * is merged, whoever (analyser or model) wrote it.
 */
// The small face of zod: every worker loads this file when it starts.
import * as z from 'zod/mini';
import { reviewerNames, severities, type ReviewerName, type Severity } from '../events.ts';

export const confidences = ['high', 'medium', 'low'] as const;
export type Confidence = (typeof confidences)[number];

/**
 * How it is known. `pattern`: the text itself proves it (a weak hash, a private key); a model may demote it
 * but never remove it. `dataflow`: a path from input to a dangerous call, which needs judgement.
 * `model`: a model said so. `metric`: counted (duplicates, missing tests).
 */
export const bases = ['pattern', 'dataflow', 'model', 'metric'] as const;
export type Basis = (typeof bases)[number];

/** One place on the way from source to sink, or a related place. */
export interface EvidenceStep {
  readonly path: string;
  readonly line: number;
  readonly note: string;
}

export interface Demotion {
  readonly from: Severity;
  readonly by: string;
  readonly reason: string;
}

export interface Finding {
  /** Namespaced by its tool: `moorage/js-sql-injection`, `ruff/B006`. */
  readonly ruleId: string;
  readonly reviewer: ReviewerName;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly basis: Basis;
  readonly cwe: number | null;
  /** Relative to source/, forward slashes. */
  readonly path: string;
  /** 1-based, inclusive. */
  readonly startLine: number;
  readonly endLine: number;
  /** 1-based, in UTF-16 units; absent when the whole line is meant. */
  readonly startColumn?: number;
  /** One or two sentences about this place. */
  readonly message: string;
  /** The lines in question, secrets masked. */
  readonly snippet: string;
  readonly evidence: readonly EvidenceStep[];
  readonly fix?: string;
  /** Stable when lines move: hash of rule, path, normalised surroundings, enclosing symbol and occurrence. */
  readonly fingerprint: string;
  readonly suppressed?: { readonly reason: string };
  readonly demoted?: Demotion;
  /** Every reviewer and rule that reported the place, after the merge. */
  readonly reportedBy?: readonly string[];
}

const line = z.int().check(z.gte(1), z.lte(10_000_000));
const text = (max: number): z.ZodMiniString => z.string().check(z.minLength(1), z.maxLength(max));
const path = text(1000).check(
  z.refine((value) => !value.startsWith('/') && !value.split('/').includes('..')),
);
const { exactOptional } = z;

const schema: z.ZodMiniType<Finding> = z.object({
  ruleId: z.string().check(z.regex(/^[a-z0-9-]+\/[\w./@()-]{1,120}$/i)),
  reviewer: z.enum(reviewerNames),
  severity: z.enum(severities),
  confidence: z.enum(confidences),
  basis: z.enum(bases),
  cwe: z.nullable(z.int().check(z.gte(1), z.lte(9999))),
  path,
  startLine: line,
  endLine: line,
  startColumn: exactOptional(line),
  message: text(2000),
  snippet: z.string().check(z.maxLength(4000)),
  evidence: z.array(z.object({ path, line, note: text(500) })).check(z.maxLength(50)),
  fix: exactOptional(text(2000)),
  fingerprint: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  suppressed: exactOptional(z.object({ reason: text(500) })),
  demoted: exactOptional(z.object({ from: z.enum(severities), by: text(200), reason: text(1000) })),
  reportedBy: exactOptional(z.array(z.string())),
});

export interface ParsedFindings {
  readonly findings: readonly Finding[];
  /** One reason for each line that is not a finding. They are counted and shown, never dropped silently. */
  readonly rejected: readonly string[];
}

/** One finding a line, as reviewers write them. */
export function parseFindings(text: string, reviewer: ReviewerName): ParsedFindings {
  const findings: Finding[] = [];
  const rejected: string[] = [];
  let number = 0;
  for (const lineText of text.split('\n')) {
    number++;
    if (lineText === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(lineText);
    } catch {
      rejected.push(`line ${number}: not JSON`);
      continue;
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      rejected.push(`line ${number}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
    } else if (parsed.data.reviewer !== reviewer) {
      rejected.push(`line ${number}: written in the name of ${parsed.data.reviewer}`);
    } else {
      findings.push(parsed.data);
    }
  }
  return { findings, rejected };
}

export function severityRank(severity: Severity): number {
  return severities.indexOf(severity);
}

const confidenceRank = (confidence: Confidence): number => confidences.indexOf(confidence);

/** Worst first, then surest, then by place: the order of every report. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    severityRank(a.severity) - severityRank(b.severity) ||
    confidenceRank(a.confidence) - confidenceRank(b.confidence) ||
    (a.path < b.path ? -1 : a.path > b.path ? 1 : 0) ||
    a.startLine - b.startLine ||
    (a.ruleId < b.ruleId ? -1 : a.ruleId > b.ruleId ? 1 : 0)
  );
}
