/**
 * Weaknesses in JavaScript, TypeScript, Python, Go and Java by rules of our own on ast-grep's syntax trees.
 *
 * Three kinds of rules: calls and shapes that are wrong as they stand, and sinks, calls that are dangerous
 * when input reaches them. Parsing is the dear part, so a file is parsed only when a cheap expression finds
 * one of the names the rules speak of, and its assignments are read only when there is a sink.
 */
import type * as AstGrep from '@ast-grep/napi';
import type { Hit, Rule } from '../../findings/rule.ts';
import type { Severity } from '../../events.ts';
import { severities } from '../../events.ts';
import { eachFile, type Analyser } from '../analyser.ts';
import { loadAstGrep, loadGrammar, packageVersion } from '../native.ts';
import { isTestPath, type Language, type SourceFile } from '../source-file.ts';
import type { Call, LanguageProfile, RulePack, SinkRule } from './profile.ts';
import { go } from './profile-go.ts';
import { java } from './profile-java.ts';
import { javascript, tsx, typescript } from './profile-javascript.ts';
import { python } from './profile-python.ts';
import { goRules } from './rules-go.ts';
import { javaRules } from './rules-java.ts';
import { javascriptRules, markupRules } from './rules-javascript.ts';
import { pythonRules } from './rules-python.ts';
import { Flow, isChecked, isDynamic, taintOf } from './taint.ts';

interface Pack {
  readonly profile: LanguageProfile;
  readonly rules: RulePack;
}

const packs: Readonly<Record<Exclude<Language, 'other'>, Pack>> = {
  typescript: { profile: typescript, rules: javascriptRules },
  tsx: { profile: tsx, rules: markupRules },
  javascript: { profile: javascript, rules: markupRules },
  python: { profile: python, rules: pythonRules },
  go: { profile: go, rules: goRules },
  java: { profile: java, rules: javaRules },
};

export function codeAnalyser(): Analyser {
  const rules = new Map<string, Rule>();
  for (const { rules: own } of Object.values(packs)) {
    for (const { rule } of [...own.calls, ...own.sinks, ...own.shapes]) rules.set(rule.id, rule);
  }
  return {
    name: 'ast-grep',
    version: packageVersion('@ast-grep/napi'),
    rules: [...rules.values()],
    covers: ({ language }) => language !== 'other',
    run: async (tree, files, limits) => {
      const astGrep = parser(files.some(({ language }) => isDynamicLanguage(language)));
      return eachFile(tree, files, limits, (file, text) => analyse(astGrep, file, text));
    },
  };
}

function isDynamicLanguage(language: Language): boolean {
  return language === 'python' || language === 'go' || language === 'java';
}

let registered = false;

/** Grammars that are not built in are registered once in a process, all at once. */
function parser(withGrammars: boolean): typeof AstGrep {
  const astGrep = loadAstGrep();
  if (withGrammars && !registered) {
    const grammars = { python: 'python', go: 'go', java: 'java' } as const;
    astGrep.registerDynamicLanguage(
      Object.fromEntries(
        Object.values(grammars).map((name) => [name, loadGrammar(name)]),
      ) as Parameters<typeof astGrep.registerDynamicLanguage>[0],
    );
    registered = true;
  }
  return astGrep;
}

/** The rules of a pack that can find something in a text; without any the text is not parsed. */
function relevantRules({ profile, rules }: Pack, source: string, inTest: boolean): RulePack {
  const called = new Set<string>();
  for (const [, name = ''] of source.matchAll(/([A-Za-z_$][\w$]*)\s*[(<`]/g)) called.add(name);
  const isCalled = ({ names }: { readonly names: readonly string[] }): boolean =>
    names.some((name) => called.has(name));
  const hasInput = profile.sources.test(source) || profile.inputHint?.test(source) === true;
  return {
    calls: rules.calls.filter((rule) => isCalled(rule) && rule.needle?.test(source) !== false),
    // Input is followed within one file, so without a source only composed values can be found.
    sinks: inTest
      ? []
      : rules.sinks.filter(
          (sink) => isCalled(sink) && (hasInput || sink.composed?.needle.test(source) === true),
        ),
    shapes: rules.shapes.filter(({ needle }) => needle.test(source)),
  };
}

function analyse(astGrep: typeof AstGrep, file: SourceFile, source: string): Hit[] {
  if (file.language === 'other') return [];
  const pack = packs[file.language];
  const { profile } = pack;
  const inTest = isTestPath(file.path);
  const { calls, sinks, shapes } = relevantRules(pack, source, inTest);
  if (calls.length + sinks.length + shapes.length === 0) return [];
  const root = astGrep.parse(profile.grammar, source).root();
  const hits: Hit[] = [];
  for (const { rule, shape } of shapes) {
    for (const node of root.findAll({ rule: shape })) hits.push(place(file, rule, node));
  }
  const names = [...new Set([...calls, ...sinks].flatMap((rule) => rule.names))];
  const query = profile.callQuery(names.map((name) => name.replaceAll('$', '\\$')).join('|'));
  const imports = profile.imports(source);
  let flow: Flow | null = null;
  for (const node of names.length === 0 ? [] : root.findAll({ rule: query })) {
    const call = profile.readCall(node, imports, source);
    if (call === null) continue;
    for (const { rule, callee, test, severity } of calls) {
      if (!callee.test(call.callee) || !test(call, source)) continue;
      const hit = place(file, rule, node);
      hits.push(severity ? { ...hit, severity: severity(call, source) } : hit);
    }
    for (const sink of sinks) {
      if (!sink.callee.test(call.callee) || sink.applies?.(call, source) === false) continue;
      flow ??= new Flow(profile, root, source);
      const hit = judge(file, profile, sink, call, flow);
      if (hit !== null) hits.push(hit);
    }
  }
  return inTest ? hits.map((hit) => ({ ...hit, severity: 'info', confidence: 'low' })) : hits;
}

/** Input in a dangerous argument, or a value put together at run time where the rule minds that. */
function judge(
  file: SourceFile,
  profile: LanguageProfile,
  sink: SinkRule,
  call: Call,
  flow: Flow,
): Hit | null {
  const positional = call.arguments.filter((argument) => argument.name === null);
  const dangerous = [
    ...(sink.positions === 'all'
      ? positional
      : sink.positions.flatMap((position) => positional[position] ?? [])),
    ...call.arguments.filter(({ name }) => name !== null && sink.keywords?.includes(name)),
  ];
  if (dangerous.length === 0) return null;
  const state = flow.stateBefore(call.node);
  const line = call.node.range().start.line + 1;
  for (const { text } of dangerous) {
    const taint = taintOf(profile, text, line, state, sink.sanitizers ?? null);
    if (taint === null || (taint.source !== null && sink.harmless?.test(taint.source))) continue;
    const own = taint.source !== null && profile.ownSources.test(taint.source);
    // Whoever starts a program may open any file and address of theirs; a program that others start for them
    // must still not let its arguments become commands.
    if (own && !runsInput.has(sink.rule.cwe ?? 0)) continue;
    const checked = taint.variable !== null && isChecked(taint.variable, state.before);
    return {
      ...place(file, sink.rule, call.node),
      message: `${sink.rule.title}: input reaches ${shownName(call)}`,
      ...(checked || own
        ? { severity: lower(sink.rule.severity), confidence: 'low' as const }
        : {}),
      evidence: [
        ...taint.steps.map((step) => ({ path: file.path, ...step })),
        {
          path: file.path,
          line,
          note: `${shownName(call)} uses it${checked ? ', after a check' : ''}`,
        },
      ],
    };
  }
  if (!sink.composed) return null;
  for (const { text } of dangerous) {
    const expanded = /^\w+$/.test(text) ? (state.values.get(text) ?? '') : text;
    if (!sink.composed.test(expanded) || !isDynamic(profile, expanded, state)) continue;
    return {
      ...place(file, sink.rule, call.node),
      message: `${sink.rule.title}: ${shownName(call)} is given a value that is put together at run time`,
      severity: lower(lower(sink.rule.severity)),
      confidence: 'low',
    };
  }
  return null;
}

function place(file: SourceFile, rule: Rule, node: AstGrep.SgNode): Hit {
  const { start, end } = node.range();
  return {
    ruleId: rule.id,
    path: file.path,
    startLine: start.line + 1,
    endLine: Math.min(end.line + 1, start.line + 10),
    startColumn: start.column + 1,
  };
}

function lower(severity: Severity): Severity {
  return severities[Math.min(severities.indexOf(severity) + 1, severities.length - 2)] ?? severity;
}

/** Weaknesses by which input is run: commands, statements, code, objects. */
const runsInput = new Set([78, 89, 94, 95, 502]);

/** A callee as a person knows it: of a module by its path the name it has in this file. */
function shownName(call: Call): string {
  const callee = /[/@]/.test(call.callee)
    ? call.text.slice(0, call.text.indexOf('(')).replaceAll(/\s+/g, '')
    : call.callee;
  return callee.length > 60 ? `…${callee.slice(-59)}` : callee;
}
