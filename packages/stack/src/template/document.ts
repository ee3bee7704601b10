// A template's text as a tree of values that remember where they stand.
//
// Short tags (`!Ref x`) and long forms (`{Ref: x}`, `{Fn::Sub: …}`) become the same `call` node.
// Scalars keep their source text, because CloudFormation reads many numbers as strings (`0755`).
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';
import { TemplateError, type Position } from './template-error.ts';

export interface ScalarValue {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As written in the template. */
  readonly text: string;
  readonly at: Position;
}

export interface ListValue<V> {
  readonly kind: 'list';
  readonly items: readonly V[];
  readonly at: Position;
}

export interface MapEntry<V> {
  readonly keyAt: Position;
  readonly value: V;
}

export interface MapValue<V> {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry<V>>;
  readonly at: Position;
}

/** An intrinsic function not yet carried out; `name` without `Fn::`. */
export interface CallValue {
  readonly kind: 'call';
  readonly name: string;
  readonly argument: TemplateValue;
  readonly at: Position;
}

/** What stands in a template. */
export type TemplateValue =
  ScalarValue | ListValue<TemplateValue> | MapValue<TemplateValue> | CallValue;

/** Reads the text of a template. Throws a TemplateError for the first thing that is not valid YAML. */
export function parseTemplate(file: string, text: string): MapValue<TemplateValue> {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'silent' });
  const position = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const [error] = document.errors;
  if (error)
    throw new TemplateError(file, position(error.pos[0]), `not valid YAML: ${error.message}`);
  const builder = new Builder(file, document, position);
  const root = builder.value(document.contents as Node | null, { line: 1, column: 1 });
  if (root.kind !== 'map') {
    throw new TemplateError(file, root.at, 'a template is a map with a Resources section');
  }
  return root;
}

class Builder {
  readonly #file: string;
  readonly #document: Document;
  readonly #position: (offset: number) => Position;
  #depth = 0;

  constructor(file: string, document: unknown, position: (offset: number) => Position) {
    this.#file = file;
    this.#document = document as Document;
    this.#position = position;
  }

  value(node: Node | null, parentAt: Position): TemplateValue {
    if (node === null) return { kind: 'scalar', value: null, text: '', at: parentAt };
    const at = node.range ? this.#position(node.range[0]) : parentAt;
    if (++this.#depth > 100) throw new TemplateError(this.#file, at, 'nested too deeply');
    try {
      if (isAlias(node)) return this.value(node.resolve(this.#document) ?? null, at);
      const tag = node.tag;
      const plain = this.#untagged(node, at);
      return tag?.startsWith('!') && !tag.startsWith('!!')
        ? { kind: 'call', name: tag.slice(1), argument: plain, at }
        : plain;
    } finally {
      this.#depth--;
    }
  }

  #untagged(node: Node, at: Position): TemplateValue {
    if (isScalar(node)) return scalar(node.value, node.source, at);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.value(item as Node | null, at));
      return { kind: 'list', items, at };
    }
    if (!isMap(node))
      throw new TemplateError(this.#file, at, 'this kind of YAML node has no meaning');
    const entries = new Map<string, MapEntry<TemplateValue>>();
    for (const pair of node.items) {
      const key = pair.key as Node;
      const keyAt = key.range ? this.#position(key.range[0]) : at;
      if (!isScalar(key))
        throw new TemplateError(this.#file, keyAt, 'a key must be a plain string');
      const name = String(key.source ?? key.value);
      entries.set(name, { keyAt, value: this.value(pair.value as Node | null, keyAt) });
    }
    return longFormCall(entries, at) ?? { kind: 'map', entries, at };
  }
}

function longFormCall(
  entries: Map<string, MapEntry<TemplateValue>>,
  at: Position,
): CallValue | undefined {
  if (entries.size !== 1) return undefined;
  for (const [name, { value }] of entries) {
    if (name === 'Ref') return { kind: 'call', name, argument: value, at };
    if (name.startsWith('Fn::')) return { kind: 'call', name: name.slice(4), argument: value, at };
  }
  return undefined;
}

function scalar(value: unknown, source: string | undefined, at: Position): ScalarValue {
  const known =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  const plain = known ? value : value === null || value === undefined ? null : String(value);
  return {
    kind: 'scalar',
    value: plain,
    text: source ?? (plain === null ? '' : String(plain)),
    at,
  };
}
