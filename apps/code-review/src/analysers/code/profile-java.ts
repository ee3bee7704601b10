/** Java for the code analyser. A callee is `Type.method` where the declared type of the object is in the file. */
import type { SgNode } from '@ast-grep/napi';
import { stripLiterals, type LiteralStyle } from './literals.ts';
import { nodeText, type Argument, type LanguageProfile } from './profile.ts';

const style: LiteralStyle = {
  quotes: ['"""', '"', "'"],
  raw: new Set(),
  interpolation: () => null,
  lineComment: '//',
};

export const java: LanguageProfile = {
  grammar: 'java',
  functionKinds: new Set(['method_declaration', 'constructor_declaration']),
  callQuery: (names) => ({
    any: [
      { kind: 'method_invocation', has: { field: 'name', regex: `^(?:${names})$` } },
      {
        kind: 'object_creation_expression',
        has: { field: 'type', regex: `(?:^|\\.)(?:${names})(?:<.*>)?$` },
      },
    ],
  }),
  readCall: (node, _imports, source) => {
    const args: Argument[] = (node.field('arguments')?.namedChildren() ?? [])
      .filter((child) => !/comment/.test(String(child.kind())))
      .map((child) => ({ text: child.text(), name: null }));
    return { node, callee: callee(node, source), arguments: args, text: node.text() };
  },
  assignmentQuery: {
    any: [
      { kind: 'variable_declarator', has: { field: 'value', regex: '.' } },
      { kind: 'assignment_expression' },
      { kind: 'enhanced_for_statement' },
      {
        kind: 'method_invocation',
        all: [
          { has: { field: 'name', regex: '^(?:append|add|put|set|insert|addAll|write)$' } },
          { has: { field: 'object', regex: '^\\w+$' } },
        ],
      },
    ],
  },
  readAssignment: (node) => {
    switch (node.kind()) {
      case 'variable_declarator':
        return assignment(node.field('name'), node.field('value'), false);
      case 'enhanced_for_statement':
        return assignment(node.field('name'), node.field('value'), false);
      case 'assignment_expression':
        return assignment(
          node.field('left'),
          node.field('right'),
          node.children().some((child) => child.kind() === '+='),
        );
      default:
        return {
          targets: [nodeText(node.field('object'))],
          partial: true,
          values: [nodeText(node.field('arguments'))],
        };
    }
  },
  imports: () => new Map(),
  strip: (text) => stripLiterals(text.replaceAll(/\/\*[\s\S]*?\*\//g, ' '), style),
  sources:
    /\b(?:req|request|httpRequest|servletRequest|httpServletRequest)\s*\.\s*(?:getParameter(?:Values|Map|Names)?|getHeaders?|getHeaderNames|getQueryString|getCookies|getInputStream|getReader|getPathInfo|getRequestURI|getRequestURL|getPart|getParts|getRemoteUser)\s*\(|\bgetTheParameter\(|\bgetTheValue\(|\bSystem\.getenv\(|\bargs\s*\[/,
  ownSources: /^(?:args\s*|System\.getenv)$/,
  inputHint:
    /@(?:RequestParam|PathVariable|RequestBody|RequestHeader|CookieValue|QueryParam|PathParam|FormParam|HeaderParam|MatrixParam)\b/,
  inputParameters: (node) =>
    (node.field('parameters')?.namedChildren() ?? []).flatMap((parameter) => {
      const text = parameter.text();
      if (
        !/^@(?:RequestParam|PathVariable|RequestBody|RequestHeader|CookieValue|QueryParam|PathParam|FormParam|HeaderParam|MatrixParam)\b/.test(
          text,
        )
      ) {
        return [];
      }
      if (/\b(?:int|long|Integer|Long|boolean|Boolean|UUID|double|Double)\s+\w+$/.test(text))
        return [];
      const name = nodeText(parameter.field('name'));
      return name === '' ? [] : [{ name, line: parameter.range().start.line + 1 }];
    }),
};

function assignment(
  target: SgNode | null,
  value: SgNode | null,
  partial: boolean,
): ReturnType<LanguageProfile['readAssignment']> {
  if (target === null || value === null) return null;
  const text = target.text();
  const values =
    value.kind() === 'ternary_expression'
      ? [nodeText(value.field('consequence')), nodeText(value.field('alternative'))]
      : [value.text()];
  const plain = /^\w+$/.test(text);
  return { targets: [/\w+/.exec(text)?.[0] ?? ''], partial: partial || !plain, values };
}

function callee(node: SgNode, source: string): string {
  if (node.kind() === 'object_creation_expression') {
    return `new ${lastName(nodeText(node.field('type')))}`;
  }
  const name = nodeText(node.field('name'));
  const object = nodeText(node.field('object')).replaceAll(/\s+/g, '');
  if (object === '') return name;
  if (/^[a-z_]\w*$/.test(object)) {
    const declared = new RegExp(
      `\\b([A-Z]\\w*)(?:<[^;=(){}]*>)?(?:\\[\\])?\\s+${object}\\s*[=;,):]`,
    ).exec(source);
    if (declared?.[1]) return `${declared[1]}.${name}`;
  }
  // Of a chain the last call says enough; of a qualified name the type.
  return `${object.endsWith(')') ? object.replaceAll(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, '()') : lastName(object)}.${name}`;
}

function lastName(name: string): string {
  return name.replace(/<.*$/s, '').split('.').at(-1) ?? name;
}
