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
import type { Call, CallRule, LanguageProfile, RulePack, SinkRule } from './profile.ts';
import { go } from './profile-go.ts';
import { java } from './profile-java.ts';
import { javascript, tsx, typescript } from './profile-javascript.ts';
import { python } from './profile-python.ts';
import { goRules } from './rules-go.ts';
import { javaRules } from './rules-java.ts';
import { javascriptRules } from './rules-javascript.ts';
import { pythonRules } from './rules-python.ts';
import { Flow, isChecked, isDynamic, taintOf } from './taint.ts';

interface Pack {
  readonly profile: LanguageProfile;
  readonly rules: RulePack;
  readonly needle: RegExp;
  readonly names: string;
}

const packs: Readonly<Record<Exclude<Language, 'other'>, Pack>> = {
  typescript: pack(typescript, javascriptRules),
  tsx: pack(tsx, javascriptRules),
  javascript: pack(javascript, javascriptRules),
  python: pack(python, pythonRules),
  go: pack(go, goRules),
  java: pack(java, javaRules),
};

function pack(profile: LanguageProfile, rules: RulePack): Pack {
  const names = [...new Set([...rules.calls, ...rules.sinks].flatMap((rule) => rule.names))].join(
    '|',
  );
  const needles = [...new Set(rules.shapes.map((shape) => shape.needle.source))];
  return {
    profile,
    rules,
    names,
    needle: new RegExp([`(?<![\\w$])(?:${names})\\s*[(<\`]`, ...needles].join('|')),
  };
}

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

function analyse(astGrep: typeof AstGrep, file: SourceFile, source: string): Hit[] {
  if (file.language === 'other') return [];
  const { profile, rules, needle, names } = packs[file.language];
  if (!needle.test(source)) return [];
  const root = astGrep.parse(profile.grammar, source).root();
  const inTest = isTestPath(file.path);
  const hits: Hit[] = [];
  for (const { rule, shape, needle: own } of rules.shapes) {
    if (!own.test(source)) continue;
    for (const node of root.findAll({ rule: shape })) hits.push(place(file, rule, node));
  }
  const imports = profile.imports(source);
  let flow: Flow | null = null;
  for (const node of root.findAll({ rule: profile.callQuery(names) })) {
    const call = profile.readCall(node, imports, source);
    if (call === null) continue;
    for (const { rule } of rules.calls.filter(
      (own) => matches(own, call) && own.test(call, source),
    )) {
      hits.push(place(file, rule, node));
    }
    if (inTest) continue;
    for (const sink of rules.sinks) {
      if (!matches(sink, call) || sink.applies?.(call, source) === false) continue;
      flow ??= new Flow(profile, root, source);
      const hit = judge(file, profile, sink, call, flow);
      if (hit !== null) hits.push(hit);
    }
  }
  return inTest ? hits.map((hit) => ({ ...hit, severity: 'info', confidence: 'low' })) : hits;
}

function matches(rule: CallRule | SinkRule, call: Call): boolean {
  return rule.callee.test(call.callee);
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
    if (taint === null) continue;
    const checked = taint.variable !== null && isChecked(taint.variable, state.before);
    return {
      ...place(file, sink.rule, call.node),
      message: `${sink.rule.title}: input reaches ${shorten(call.callee)}`,
      ...(checked ? { severity: lower(sink.rule.severity), confidence: 'low' as const } : {}),
      evidence: [
        ...taint.steps.map((step) => ({ path: file.path, ...step })),
        {
          path: file.path,
          line,
          note: `${shorten(call.callee)} uses it${checked ? ', after a check' : ''}`,
        },
      ],
    };
  }
  if (!sink.composed) return null;
  for (const { text } of dangerous) {
    const expanded = /^\w+$/.test(text) ? (state.values.get(text) ?? '') : text;
    if (!sink.composed(expanded) || !isDynamic(profile, expanded, state)) continue;
    return {
      ...place(file, sink.rule, call.node),
      message: `${sink.rule.title}: ${shorten(call.callee)} is given a value that is put together at run time`,
      severity: lower(sink.rule.severity),
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

function shorten(callee: string): string {
  return callee.length > 60 ? `…${callee.slice(-59)}` : callee;
}
