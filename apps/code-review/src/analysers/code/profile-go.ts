/** Go for the code analyser. */
import { stripLiterals, type LiteralStyle } from './literals.ts';
import { nodeText, type Argument, type LanguageProfile } from './profile.ts';

const style: LiteralStyle = {
  quotes: ['"', '`', "'"],
  raw: new Set(['`']),
  interpolation: () => null,
  lineComment: '//',
};

export const go: LanguageProfile = {
  grammar: 'go',
  functionKinds: new Set(['function_declaration', 'method_declaration', 'func_literal']),
  callQuery: (names) => ({
    kind: 'call_expression',
    has: { field: 'function', regex: `(?:^|\\.)(?:${names})$` },
  }),
  readCall: (node, imports) => {
    const callee = nodeText(node.field('function')).replaceAll(/\s+/g, '');
    const [first = '', ...rest] = callee.split('.');
    const args: Argument[] = (node.field('arguments')?.namedChildren() ?? [])
      .filter((child) => child.kind() !== 'comment')
      .map((child) => ({ text: child.text(), name: null }));
    return {
      node,
      callee: [imports.get(first) ?? first, ...rest].join('.'),
      arguments: args,
      text: node.text(),
    };
  },
  assignmentQuery: {
    any: [
      { kind: 'short_var_declaration' },
      { kind: 'assignment_statement' },
      { kind: 'var_spec', has: { field: 'value', regex: '.' } },
      { kind: 'range_clause' },
      {
        kind: 'call_expression',
        has: { field: 'function', regex: '^\\w+\\.(?:WriteString|Write|Set|Add)$' },
      },
    ],
  },
  readAssignment: (node) => {
    const kind = node.kind();
    if (kind === 'call_expression') {
      const object = nodeText(node.field('function')).split('.')[0] ?? '';
      return { targets: [object], partial: true, values: [nodeText(node.field('arguments'))] };
    }
    const isSpec = kind === 'var_spec';
    const target = nodeText(node.field(isSpec ? 'name' : 'left'));
    const value = nodeText(node.field(isSpec ? 'value' : 'right'));
    const partial =
      /\+=/.test(node.text().slice(target.length, target.length + 4)) || /[.[]/.test(target);
    const targets = target.split(',').map((name) => /^\s*\*?(\w+)/.exec(name)?.[1] ?? '');
    // The error of `value, err := f()` carries no payload.
    return {
      targets: targets.filter((name) => name !== 'err' && name !== '_'),
      partial,
      values: [value],
    };
  },
  imports: (source) => {
    const found = new Map<string, string>();
    for (const [, alias, path = ''] of source.matchAll(
      /^\s*(?:import\s+)?(\w+)?\s*"([\w./-]+)"\s*$/gm,
    )) {
      const last =
        path
          .replace(/\/v\d+$/, '')
          .split('/')
          .at(-1) ?? '';
      if (alias !== undefined && alias !== 'import' && alias !== '_') found.set(alias, last);
      if (path === 'math/rand' || path === 'math/rand/v2')
        found.set(alias && alias !== 'import' ? alias : 'rand', 'math/rand');
      if (path === 'text/template') found.set('template', 'text/template');
    }
    return found;
  },
  strip: (text) => stripLiterals(text.replaceAll(/\/\*[\s\S]*?\*\//g, ' '), style),
  sources:
    /\b(?:r|req|request)\.(?:URL\.(?:Query\(\)|Path|RawQuery)|FormValue\(|PostFormValue\(|PathValue\(|Form\b|PostForm\b|Header\b|Cookie\(|Body\b|Host\b|RequestURI\b)|\bmux\.Vars\(|\bchi\.URLParam\(|\b(?:c|ctx)\.(?:Query|QueryParam|QueryArgs|Param|Params|PostForm|FormValue|GetHeader|DefaultQuery|GetQuery|Cookie|BodyParser|Bind\w*|ShouldBind\w*)\(|\bos\.Args\b|\bflag\.Arg\(/,
  ownSources: /^(?:os\.Args|flag\.Arg)$/,
  inputHint: null,
  inputParameters: () => [],
};
