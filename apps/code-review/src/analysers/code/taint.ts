/**
 * Follows input through the assignments of one file: from a place where input enters (a request parameter,
 * the command line) to a dangerous call. It reads assignments in the order of the text within the functions
 * around the call, so it is quick and approximate: calls of unknown functions pass input on, a conversion
 * to a number or a sanitizer ends it, a clean value assigned at the same or an outer level ends it too.
 */
import type { SgNode } from '@ast-grep/napi';
import { removeCalls } from './literals.ts';
import type { Assignment, LanguageProfile } from './profile.ts';

export interface FlowStep {
  readonly line: number;
  readonly note: string;
}

export interface Taint {
  readonly steps: readonly FlowStep[];
  /** The variable whose value is dangerous; null when input stands in the call itself. */
  readonly variable: string | null;
  /** Functions that the value went through in assignments; one may be a sanitizer for some sinks. */
  readonly through: readonly string[];
  /** Where it entered: `req.query`; null when the framework filled a parameter. */
  readonly source: string | null;
}

/** What is known right before a call. */
export interface FlowState {
  readonly tainted: ReadonlyMap<string, Taint & { readonly depth: number }>;
  /** The text last assigned to a variable. */
  readonly values: ReadonlyMap<string, string>;
  /** Source text of the innermost function up to the call. */
  readonly before: string;
}

interface Event extends Assignment {
  readonly index: number;
  readonly line: number;
  /** Indentation stands for the depth of the block: counting ancestors costs a hundred times as much. */
  readonly depth: number;
  readonly scope: Scope | null;
}

interface Scope {
  readonly start: number;
  readonly end: number;
  readonly node: SgNode;
}

/** Conversions after which only a number, a truth value or an id is left. */
const conversions =
  /(?<![\w.])(?:parseInt|parseFloat|Number|Number\.\w+|Boolean|BigInt|int|float|bool|len|isinstance|uuid\.UUID|Integer\.(?:parseInt|valueOf)|Long\.(?:parseLong|valueOf)|Double\.parseDouble|UUID\.fromString|strconv\.(?:Atoi|ParseInt|ParseBool|ParseFloat|ParseUint)|typeof)(?![\w.])/;
const sizes = /\b[\w$]+(?:\.(?:length|size\(\)|count)|\[\])\b/g;
const stepsMax = 12;

export class Flow {
  readonly #profile: LanguageProfile;
  readonly #events: readonly Event[];
  readonly #scopes: readonly Scope[];
  readonly #source: string;

  constructor(profile: LanguageProfile, root: SgNode, source: string) {
    this.#profile = profile;
    this.#source = source;
    this.#scopes = root
      .findAll({ rule: { any: [...profile.functionKinds].map((kind) => ({ kind })) } })
      .map((node) => {
        const range = node.range();
        return { start: range.start.index, end: range.end.index, node };
      });
    this.#events = root
      .findAll({ rule: profile.assignmentQuery })
      .flatMap((node): Event[] => {
        const assignment = profile.readAssignment(node);
        if (assignment === null) return [];
        const { start } = node.range();
        return [
          {
            ...assignment,
            index: start.index,
            line: start.line + 1,
            depth: start.column,
            scope: this.#innermost(start.index),
          },
        ];
      })
      .toSorted((a, b) => a.index - b.index);
  }

  stateBefore(call: SgNode): FlowState {
    const index = call.range().start.index;
    const tainted = new Map<string, Taint & { depth: number }>();
    const values = new Map<string, string>();
    for (const scope of this.#scopes) {
      if (scope.start > index || scope.end < index) continue;
      for (const { name, line } of this.#profile.inputParameters(scope.node)) {
        const steps = [{ line, note: `input arrives as the parameter ${name}` }];
        tainted.set(name, { steps, variable: name, through: [], source: null, depth: 0 });
      }
    }
    for (const event of this.#events) {
      if (event.index >= index) break;
      if (event.scope !== null && (event.scope.start > index || event.scope.end < index)) continue;
      const found = this.#firstTaint(event, tainted, values);
      for (const target of event.targets) {
        if (!event.partial) values.set(target, event.values[0] ?? '');
        else values.set(target, `${values.get(target) ?? ''} + ${event.values[0] ?? ''}`);
        if (found !== null) {
          const steps = [
            ...found.steps,
            { line: event.line, note: `${target} takes the value` },
          ].slice(0, stepsMax);
          const through = [...found.through, ...calledIn(this.#profile, event.values)];
          tainted.set(target, {
            ...{ steps, through, variable: target, source: found.source, depth: event.depth },
          });
        } else if (!event.partial && event.depth <= (tainted.get(target)?.depth ?? -1)) {
          tainted.delete(target);
        }
      }
    }
    const scope = this.#innermost(index);
    // Offsets are in bytes for some grammars: lines are the same for all.
    const startLine = scope?.node.range().start.line ?? 0;
    const lines = this.#source.split('\n').slice(startLine, call.range().start.line + 1);
    return { tainted, values, before: lines.join('\n') };
  }

  #firstTaint(
    event: Event,
    tainted: ReadonlyMap<string, Taint & { depth: number }>,
    values: ReadonlyMap<string, string>,
  ): Taint | null {
    for (const value of event.values) {
      const state = { tainted, values, before: '' };
      const found = taintOf(this.#profile, value, event.line, state, null);
      if (found !== null) return found;
    }
    return null;
  }

  #innermost(index: number): Scope | null {
    let best: Scope | null = null;
    for (const scope of this.#scopes) {
      if (scope.start > index || scope.end < index) continue;
      if (best === null || scope.end - scope.start < best.end - best.start) best = scope;
    }
    return best;
  }
}

/** How input reaches a piece of text; null when it does not. */
export function taintOf(
  profile: LanguageProfile,
  text: string,
  line: number,
  state: FlowState,
  sanitizers: RegExp | null,
): Taint | null {
  let plain = removeCalls(profile.strip(text), conversions);
  if (sanitizers !== null) plain = removeCalls(plain, sanitizers);
  plain = withoutIndexes(plain.replaceAll(sizes, ' '));
  const source = profile.sources.exec(plain)?.[0].replace(/[([]$/, '');
  if (source !== undefined) {
    const steps = [{ line, note: `input enters: ${source}` }];
    return { steps, variable: null, through: [], source };
  }
  for (const match of plain.matchAll(/(?<![\w$.])[A-Za-z_$][\w$]*(?!\s*\()/g)) {
    const found = state.tainted.get(match[0]);
    if (!found) continue;
    const isClean =
      sanitizers !== null &&
      found.through.some((name) =>
        new RegExp(`^(?:${sanitizers.source})$`, sanitizers.flags).test(name),
      );
    if (!isClean) return { ...found, variable: match[0] };
  }
  return null;
}

/** What is looked up by an index or key is as clean as where it is looked up. */
function withoutIndexes(plain: string): string {
  const index = /(?<=[\w$)\]§])\[[^[\]]*\]/g;
  let before = plain;
  for (;;) {
    // A mark that is no bracket keeps what was looked up within an index apart from what stands before it.
    const after = before.replaceAll(index, '§');
    if (after === before) return before.replaceAll('§', '[ ]');
    before = after;
  }
}

function calledIn(profile: LanguageProfile, values: readonly string[]): string[] {
  return values.flatMap((value) =>
    [...profile.strip(value).matchAll(/[A-Za-z_$][\w$.]*(?=\s*\()/g)].map(([name]) => name),
  );
}

/** True when the text depends on anything that is not a constant. */
export function isDynamic(profile: LanguageProfile, text: string, state: FlowState): boolean {
  const names = (code: string): string[] =>
    [...removeCalls(profile.strip(code), conversions).matchAll(/(?<![\w$.])[A-Za-z_$][\w$]*/g)]
      .map(([name]) => name)
      .filter((name) => !constants.test(name));
  return names(text).some((name) => {
    const value = state.values.get(name);
    return value === undefined || value === '' || names(value).length > 0;
  });
}

/** Names that are not values, or values that do not change. */
const constants =
  /^(?:[A-Z][A-Z0-9_]*|true|false|null|undefined|None|True|False|nil|new|await|f|r|b|fmt|String|Sprintf|format|join|str)$/;

/** True when the function checks the variable against a list or pattern before the call. */
export function isChecked(variable: string, before: string): boolean {
  const name = variable.replaceAll('$', '\\$');
  return new RegExp(
    `\\bif\\b[^\\n]*(?:\\.(?:includes|has|test|startsWith|startswith|contains|containsKey|matches|match)\\(|\\bnot in\\b|HasPrefix\\()[^\\n]*\\b${name}\\b|\\bif\\b[^\\n]*\\b${name}\\b[^\\n]*(?:\\b(?:not )?in\\b|\\.(?:startsWith|startswith|matches|match|isdigit|isalnum)\\()`,
  ).test(before);
}
