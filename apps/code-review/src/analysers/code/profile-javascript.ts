/** JavaScript, TypeScript and TSX for the code analyser. */
import type { SgNode } from '@ast-grep/napi';
import { stripLiterals, type LiteralStyle } from './literals.ts';
import { nodeText, type Argument, type LanguageProfile } from './profile.ts';

const style: LiteralStyle = {
  quotes: ["'", '"', '`'],
  raw: new Set(),
  interpolation: (quote) => (quote === '`' ? '${' : null),
  lineComment: '//',
};

const mutators = 'push|unshift|append|add|set|concat|write|splice';

function profile(grammar: string): LanguageProfile {
  return {
    grammar,
    functionKinds: new Set([
      'function_declaration',
      'generator_function_declaration',
      'function_expression',
      'generator_function',
      'arrow_function',
      'method_definition',
    ]),
    callQuery: (names) => ({
      any: [
        {
          kind: 'call_expression',
          has: { field: 'function', regex: `(?:^|[.\\s])(?:${names})$` },
        },
        { kind: 'new_expression', has: { field: 'constructor', regex: `(?:^|\\.)(?:${names})$` } },
      ],
    }),
    readCall: (node, imports) => {
      const isNew = node.kind() === 'new_expression';
      const callee = nodeText(node.field(isNew ? 'constructor' : 'function'));
      const list = node.field('arguments');
      const args: Argument[] =
        list === null || list.kind() === 'template_string'
          ? [{ text: nodeText(list), name: null }]
          : list
              .namedChildren()
              .filter((child) => child.kind() !== 'comment')
              .map((child) => ({ text: child.text(), name: null }));
      const full = resolve(callee, imports);
      return {
        node,
        callee: isNew ? `new ${full}` : full,
        arguments: args,
        text: node.text(),
      };
    },
    assignmentQuery: {
      any: [
        { kind: 'variable_declarator', has: { field: 'value', regex: '.' } },
        { kind: 'assignment_expression' },
        { kind: 'augmented_assignment_expression' },
        { kind: 'for_in_statement' },
        {
          kind: 'call_expression',
          has: { field: 'function', regex: `^[\\w$]+\\.(?:${mutators})$` },
        },
      ],
    },
    readAssignment: (node) => {
      switch (node.kind()) {
        case 'variable_declarator':
          return assignment(node.field('name'), node.field('value'), false);
        case 'for_in_statement':
        case 'assignment_expression':
          return assignment(node.field('left'), node.field('right'), false);
        case 'augmented_assignment_expression':
          return assignment(node.field('left'), node.field('right'), true);
        default: {
          const object = nodeText(node.field('function')).split('.')[0] ?? '';
          return { targets: [object], partial: true, values: [nodeText(node.field('arguments'))] };
        }
      }
    },
    imports: (source) => {
      const found = new Map<string, string>();
      const bind = (local: string, full: string): void => {
        found.set(local, full.replace(/^node:/, '').replace(/^fs\/promises/, 'fs'));
      };
      for (const [, names = '', module = ''] of source.matchAll(
        /\bimport\s+(?!type\b)([^'"();]{1,2000}?)\s+from\s*['"]([^'"\n]+)['"]/g,
      )) {
        bindNames(names, module, bind);
      }
      for (const [, names = '', module = '', member = ''] of source.matchAll(
        /\b(?:const|let|var)\s+([\w$]+|\{[^}]{0,2000}\})\s*=\s*(?:await\s+import|require)\(\s*['"]([^'"\n]+)['"]\s*\)(?:\.([\w$]+))?/g,
      )) {
        if (names.startsWith('{')) bindNames(names.replaceAll(':', ' as '), module, bind);
        else bind(names, member === '' ? module : `${module}.${member}`);
      }
      for (const [, local = '', wrapped = ''] of source.matchAll(
        /\bconst\s+([\w$]+)\s*=\s*(?:util\.)?promisify\(\s*([\w$.]+)\s*\)/g,
      )) {
        bind(local, resolve(wrapped, found));
      }
      return found;
    },
    strip: (text) => stripLiterals(text.replaceAll(/\/\*[\s\S]*?\*\//g, ' '), style),
    sources:
      /\b(?:req|request|ctx\.req|ctx\.request|c\.req)\.(?:query|body|params|param|headers?|cookies|signedCookies|url|originalUrl|path|hostname|files?|rawBody|get|json|text|formData|nextUrl|searchParams|parseBody)\b|\bctx\.(?:query|params|querystring)\b|\bevent\.(?:queryStringParameters|multiValueQueryStringParameters|pathParameters|rawPath|rawQueryString|headers|body)\b|\bprocess\.argv\b|\b(?:window\.|document\.)?location\.(?:search|hash|href)\b|\bdocument\.(?:URL|documentURI|referrer|cookie)\b|\bwindow\.name\b|\bsearchParams\.get\(|\buseSearchParams\(|\buseParams\(/,
    ownSources: /^process\.argv$/,
    inputHint: null,
    inputParameters: () => [],
  };
}

export const typescript: LanguageProfile = profile('TypeScript');
export const tsx: LanguageProfile = profile('Tsx');
export const javascript: LanguageProfile = profile('JavaScript');

function assignment(
  target: SgNode | null,
  value: SgNode | null,
  partial: boolean,
): ReturnType<LanguageProfile['readAssignment']> {
  if (target === null || value === null) return null;
  const text = target.text();
  const values = branches(value);
  if (target.kind() === 'member_expression' || target.kind() === 'subscript_expression') {
    return { targets: [/^[\w$]+/.exec(text)?.[0] ?? ''], partial: true, values };
  }
  if (/^[\w$]+$/.test(text)) return { targets: [text], partial, values };
  // A pattern: of `{a, b: c = 1}` the names a and c (and b, which does no harm).
  return { targets: stripLiterals(text, style).match(/[A-Za-z_$][\w$]*/g) ?? [], partial, values };
}

/** The values an expression may have: of a conditional its branches, not its condition. */
function branches(value: SgNode): string[] {
  if (value.kind() === 'parenthesized_expression') {
    const inner = value.namedChildren()[0];
    if (inner) return branches(inner);
  }
  if (value.kind() !== 'ternary_expression') return [value.text()];
  return [value.field('consequence'), value.field('alternative')].flatMap((branch) =>
    branch === null ? [] : branches(branch),
  );
}

function bindNames(
  names: string,
  module: string,
  bind: (local: string, full: string) => void,
): void {
  const braces = /\{([^}]*)\}/.exec(names);
  for (const part of (braces?.[1] ?? '').split(',')) {
    const [name = '', local = name] = part.trim().split(/\s+as\s+/);
    if (name !== '' && !name.startsWith('type ')) bind(local.trim(), `${module}.${name.trim()}`);
  }
  for (const part of names.replace(/\{[^}]*\}/, '').split(',')) {
    const local = part.replace(/\*\s+as\s+/, '').trim();
    if (/^[\w$]+$/.test(local)) bind(local, module);
  }
}

function resolve(callee: string, imports: ReadonlyMap<string, string>): string {
  const plain = callee
    .replaceAll(/\s+|!/g, '')
    .replaceAll('?.', '.')
    .replace(/^(?:await)?require\(['"](?:node:)?([^'"]+)['"]\)/, '$1');
  const [first = '', ...rest] = plain.split('.');
  const full = imports.get(first);
  if (full === undefined) return plain;
  return [...full.replace(/\.default$/, '').split('\0'), ...rest].join('.');
}
