/** Python for the code analyser. */
import type { SgNode } from '@ast-grep/napi';
import { stripLiterals, type LiteralStyle } from './literals.ts';
import { nodeText, type Argument, type LanguageProfile } from './profile.ts';

const style: LiteralStyle = {
  quotes: ['"""', "'''", '"', "'"],
  raw: new Set(),
  interpolation: (_quote, prefix) => (/f/i.test(prefix) ? '{' : null),
  lineComment: '#',
};

export const python: LanguageProfile = {
  grammar: 'python',
  functionKinds: new Set(['function_definition', 'lambda']),
  callQuery: (names) => ({
    kind: 'call',
    has: { field: 'function', regex: `(?:^|\\.)(?:${names})$` },
  }),
  readCall: (node, imports) => {
    const list = node.field('arguments');
    const args: Argument[] = (list?.namedChildren() ?? [])
      .filter((child) => child.kind() !== 'comment')
      .map((child) =>
        child.kind() === 'keyword_argument'
          ? { text: nodeText(child.field('value')), name: nodeText(child.field('name')) }
          : { text: child.text(), name: null },
      );
    return {
      node,
      callee: resolve(nodeText(node.field('function')), imports),
      arguments: args,
      text: node.text(),
    };
  },
  assignmentQuery: {
    any: [
      { kind: 'assignment', has: { field: 'right', regex: '.' } },
      { kind: 'augmented_assignment' },
      { kind: 'named_expression' },
      { kind: 'for_statement' },
      { kind: 'for_in_clause' },
      { kind: 'as_pattern' },
      {
        kind: 'call',
        has: {
          field: 'function',
          regex: '^\\w+\\.(?:append|add|extend|insert|update|set|write|setdefault)$',
        },
      },
    ],
  },
  readAssignment: (node) => {
    switch (node.kind()) {
      case 'assignment':
      case 'for_statement':
      case 'for_in_clause':
        return assignment(node.field('left'), node.field('right'), false);
      case 'augmented_assignment':
        return assignment(node.field('left'), node.field('right'), true);
      case 'named_expression':
        return assignment(node.field('name'), node.field('value'), false);
      case 'as_pattern': {
        const [value = null] = node.namedChildren();
        return assignment(node.field('alias'), value, false);
      }
      default: {
        const object = nodeText(node.field('function')).split('.')[0] ?? '';
        return { targets: [object], partial: true, values: [nodeText(node.field('arguments'))] };
      }
    }
  },
  imports: (source) => {
    const found = new Map<string, string>();
    for (const [, module = '', local] of source.matchAll(
      /^[ \t]*import[ \t]+([\w.]+)(?:[ \t]+as[ \t]+(\w+))?/gm,
    )) {
      if (local !== undefined) found.set(local, module);
    }
    for (const [, module = '', names = ''] of source.matchAll(
      /^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)/gm,
    )) {
      for (const part of names.replaceAll(/[()\\]/g, '').split(',')) {
        const [name = '', local = name] = part.trim().split(/\s+as\s+/);
        if (/^\w+$/.test(name)) found.set(local, `${module}.${name}`);
      }
    }
    return found;
  },
  strip: (text) => stripLiterals(text, style),
  sources:
    /\b(?:request|flask\.request|self\.request|req)\.(?:args|form|values|cookies|headers|json|files|data|get_json|get_data|stream|path|full_path|query_string|url|GET|POST|FILES|META|body|query_params|path_params|match_info|rel_url|environ|wrapped)\b|\bself\.get_(?:query_|body_)?arguments?\(|\bsys\.argv\b|(?<![\w.])input\(|\braw_input\(/,
  ownSources: /^(?:sys\.argv|(?:raw_)?input)$/,
  inputHint: /^[ \t]*@[\w.]+\.(?:route|get|post|put|patch|delete|api_route|websocket)\s*\(/m,
  inputParameters: (node) => {
    if (node.kind() !== 'function_definition') return [];
    const parent = node.parent();
    if (parent?.kind() !== 'decorated_definition') return [];
    const decorators = parent.children().filter((child) => child.kind() === 'decorator');
    const isRoute = decorators.some((decorator) =>
      /^@[\w.]+\.(?:route|get|post|put|patch|delete|api_route|websocket)\s*\(/.test(
        decorator.text(),
      ),
    );
    if (!isRoute) return [];
    return (node.field('parameters')?.namedChildren() ?? []).flatMap((parameter) => {
      const text = parameter.text();
      const name = /^\w+/.exec(text)?.[0] ?? '';
      // A number, a dependency or the request object itself cannot carry a payload.
      if (/:\s*(?:int|float|bool|UUID|Request|Session|Response)\b|Depends\(/.test(text)) return [];
      if (name === '' || name === 'self' || name === 'request') return [];
      return [{ name, line: parameter.range().start.line + 1 }];
    });
  },
};

function assignment(
  target: SgNode | null,
  value: SgNode | null,
  partial: boolean,
): ReturnType<LanguageProfile['readAssignment']> {
  if (target === null || value === null) return null;
  const values = branches(value);
  const kind = target.kind();
  if (kind === 'attribute' || kind === 'subscript') {
    return { targets: [/^\w+/.exec(target.text())?.[0] ?? ''], partial: true, values };
  }
  return { targets: target.text().match(/[A-Za-z_]\w*/g) ?? [], partial, values };
}

/** Of `a if c else b` the values a and b. */
function branches(value: SgNode): string[] {
  if (value.kind() !== 'conditional_expression') return [value.text()];
  const [first, , last] = value.namedChildren();
  return [first, last].flatMap((branch) => (branch ? branches(branch) : []));
}

function resolve(callee: string, imports: ReadonlyMap<string, string>): string {
  const plain = callee.replaceAll(/\s+/g, '');
  const [first = '', ...rest] = plain.split('.');
  const full = imports.get(first);
  return full === undefined ? plain : [full, ...rest].join('.');
}
