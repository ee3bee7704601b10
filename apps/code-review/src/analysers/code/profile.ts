/**
 * What the code analyser must know of a language: which nodes are calls, assignments and functions, how a
 * callee is named in full, where input enters, and how string literals are told from the rest of a text.
 */
import type { Rule as AstRule, SgNode } from '@ast-grep/napi';
import type { Severity } from '../../events.ts';
import type { Rule } from '../../findings/rule.ts';

export interface Argument {
  readonly text: string;
  /** Of a keyword argument. */
  readonly name: string | null;
}

export interface Call {
  readonly node: SgNode;
  /** Full name with imports resolved: `child_process.exec`; `new Random` for a constructor. */
  readonly callee: string;
  readonly arguments: readonly Argument[];
  readonly text: string;
}

export interface Assignment {
  /** Variables that receive the value; of `a.b = x` the variable `a`. */
  readonly targets: readonly string[];
  /** The variable keeps what it held before: a property, an element, an append. */
  readonly partial: boolean;
  /** Texts that may become the value (both branches of a conditional). */
  readonly values: readonly string[];
}

/** A parameter that the framework fills with input. */
export interface InputParameter {
  readonly name: string;
  readonly line: number;
}

export interface LanguageProfile {
  /** Name for the parser. */
  readonly grammar: string;
  readonly functionKinds: ReadonlySet<string>;
  /** Matches calls whose last name is one of `names` (an alternation). */
  callQuery(names: string): AstRule;
  readCall(node: SgNode, imports: ReadonlyMap<string, string>, source: string): Call | null;
  readonly assignmentQuery: AstRule;
  readAssignment(node: SgNode): Assignment | null;
  /** Local names to full names. */
  imports(source: string): ReadonlyMap<string, string>;
  /** The text without what stands in string literals; interpolated expressions stay. */
  strip(text: string): string;
  readonly sources: RegExp;
  /** Those of `sources` that only whoever starts the program can fill: arguments, the environment, its terminal. */
  readonly ownSources: RegExp;
  /** Files without it have no `inputParameters`. */
  readonly inputHint: RegExp | null;
  inputParameters(functionNode: SgNode): readonly InputParameter[];
}

/** Certain from the text of a call alone. */
export interface CallRule {
  readonly rule: Rule;
  /** Last names of the callee; the analyser parses only files that call one of them. */
  readonly names: readonly string[];
  /** Files without it are not parsed for this rule. */
  readonly needle?: RegExp;
  readonly callee: RegExp;
  readonly test: (call: Call, source: string) => boolean;
  /** Instead of the rule's own severity. */
  readonly severity?: (call: Call, source: string) => Severity;
}

/** A call that is dangerous with input in it. */
export interface SinkRule {
  readonly rule: Rule;
  readonly names: readonly string[];
  readonly callee: RegExp;
  /** Positions of the dangerous arguments. */
  readonly positions: readonly number[] | 'all';
  /** Keyword arguments that are dangerous too. */
  readonly keywords?: readonly string[];
  /** Calls that make input harmless here. */
  readonly sanitizers?: RegExp;
  /** Sources whose input does no harm here. */
  readonly harmless?: RegExp;
  readonly applies?: (call: Call, source: string) => boolean;
  /** Reports a value that is put together at run time although no input is known to reach it. */
  readonly composed?: {
    /** Files without it hold no such value. */
    readonly needle: RegExp;
    readonly test: (text: string) => boolean;
  };
}

/** Certain from the shape of a node. */
export interface ShapeRule {
  readonly rule: Rule;
  /** Files without it are not parsed. */
  readonly needle: RegExp;
  readonly shape: AstRule;
}

export interface RulePack {
  readonly calls: readonly CallRule[];
  readonly sinks: readonly SinkRule[];
  readonly shapes: readonly ShapeRule[];
}

export function nodeText(node: SgNode | null): string {
  return node === null ? '' : node.text();
}
