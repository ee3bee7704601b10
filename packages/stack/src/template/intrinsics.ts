// Carries out CloudFormation's intrinsic functions over a parsed template.
//
// `undefined` as a result means AWS::NoValue: the property or list item that holds it vanishes.
import type { MapEntry, MapValue, TemplateValue } from './document.ts';
import { describeKind, textScalar, toPlain, type Resolved } from './resolved.ts';
import { TemplateError, suggestion, type Position } from './template-error.ts';

/** What names in a template stand for. Functions return undefined for a name they do not know. */
export interface Scope {
  readonly file: string;
  /** Parameters and pseudo parameters by name; undefined inside stands for AWS::NoValue. */
  readonly values: ReadonlyMap<string, Resolved | undefined>;
  readonly mappings: ReadonlyMap<string, MapEntry<TemplateValue>>;
  readonly conditions: ReadonlyMap<string, MapEntry<TemplateValue>>;
  ref(logicalId: string): string | undefined;
  /** `missing` names what a resource of this type has, for the message. */
  getAtt(logicalId: string, attribute: string): { value: string } | { missing: string };
  /** Every name `Ref` may take, for suggestions. */
  readonly names: readonly string[];
}

const FUNCTIONS = [
  'Ref',
  'GetAtt',
  'Sub',
  'Join',
  'If',
  'Equals',
  'And',
  'Or',
  'Not',
  'Condition',
  'Select',
  'Split',
  'FindInMap',
  'Base64',
];

/** Resolves values of one template. Conditions are evaluated once each, when first asked for. */
export class Resolver {
  readonly #scope: Scope;
  readonly #conditions = new Map<string, boolean | 'running'>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** The value with every function carried out; undefined when it is AWS::NoValue. */
  resolve(value: TemplateValue): Resolved | undefined {
    switch (value.kind) {
      case 'scalar':
        return value;
      case 'list':
        return { kind: 'list', items: this.#items(value.items), at: value.at };
      case 'map':
        return this.#map(value);
      case 'call':
        return this.#call(value.name, value.argument, value.at);
    }
  }

  /** The outcome of a named condition. */
  condition(name: string, at: Position): boolean {
    const known = this.#conditions.get(name);
    if (known === 'running') this.#fail(at, `condition ${name} refers to itself`);
    if (known !== undefined) return known;
    const entry = this.#scope.conditions.get(name);
    if (!entry) {
      const hint = suggestion(name, this.#scope.conditions.keys());
      this.#fail(at, `there is no condition ${name}.${hint}`);
    }
    this.#conditions.set(name, 'running');
    const outcome = this.#truth(entry.value);
    this.#conditions.set(name, outcome);
    return outcome;
  }

  #map(value: MapValue<TemplateValue>): Resolved {
    const entries = new Map<string, MapEntry<Resolved>>();
    for (const [key, entry] of value.entries) {
      const resolved = this.resolve(entry.value);
      if (resolved) entries.set(key, { keyAt: entry.keyAt, value: resolved });
    }
    return { kind: 'map', entries, at: value.at };
  }

  #items(items: readonly TemplateValue[]): Resolved[] {
    return items.map((item) => this.resolve(item)).filter((item) => item !== undefined);
  }

  #call(name: string, argument: TemplateValue, at: Position): Resolved | undefined {
    switch (name) {
      case 'Ref':
        return this.#ref(this.#text(argument), at);
      case 'GetAtt':
        return textScalar(this.#getAtt(argument, at), at);
      case 'Sub':
        return textScalar(this.#sub(argument, at), at);
      case 'Join': {
        const [separator, list] = this.#arguments(name, argument, 2);
        const parts = this.#list(list).map((item) => this.#scalarText(item));
        return textScalar(parts.join(this.#text(separator)), at);
      }
      case 'Split': {
        const [separator, text] = this.#arguments(name, argument, 2);
        const parts = this.#text(text).split(this.#text(separator));
        return { kind: 'list', items: parts.map((part) => textScalar(part, at)), at };
      }
      case 'Select': {
        const [index, list] = this.#arguments(name, argument, 2);
        const items = this.#list(list);
        const item = items[Number(this.#text(index))];
        if (!item) this.#fail(at, `Select: the list has ${items.length} items, no such index`);
        return item;
      }
      case 'If': {
        const [condition, then, otherwise] = this.#arguments(name, argument, 3);
        const outcome = this.condition(this.#text(condition), condition.at);
        return this.resolve(outcome ? then : otherwise);
      }
      case 'FindInMap':
        return this.#findInMap(this.#arguments(name, argument, 3), at);
      case 'Base64':
        return textScalar(Buffer.from(this.#text(argument), 'utf8').toString('base64'), at);
      case 'Equals':
      case 'And':
      case 'Or':
      case 'Not':
      case 'Condition': {
        const outcome = this.#truth({ kind: 'call', name, argument, at });
        return { kind: 'scalar', value: outcome, text: String(outcome), at };
      }
      default:
        return this.#fail(
          at,
          `the function ${name} is not supported here.${suggestion(name, FUNCTIONS)} ` +
            `Supported: ${FUNCTIONS.join(', ')}.`,
        );
    }
  }

  #truth(value: TemplateValue): boolean {
    if (value.kind === 'map' && value.entries.size === 1) {
      const reference = value.entries.get('Condition');
      if (reference) return this.condition(this.#text(reference.value), reference.keyAt);
    }
    if (value.kind !== 'call') {
      this.#fail(value.at, 'a condition is one of Equals, And, Or, Not or Condition');
    }
    const { name, argument, at } = value;
    switch (name) {
      case 'Equals': {
        const [left, right] = this.#arguments(name, argument, 2);
        const [a, b] = [this.resolve(left), this.resolve(right)];
        if (a?.kind === 'scalar' && b?.kind === 'scalar') return a.text === b.text;
        return JSON.stringify(a && toPlain(a)) === JSON.stringify(b && toPlain(b));
      }
      case 'And':
        return this.#arguments(name, argument).every((item) => this.#truth(item));
      case 'Or':
        return this.#arguments(name, argument).some((item) => this.#truth(item));
      case 'Not':
        return !this.#truth(this.#arguments(name, argument, 1)[0]);
      case 'Condition':
        return this.condition(this.#text(argument), at);
      default:
        return this.#fail(at, `${name} is not a condition; use Equals, And, Or, Not or Condition`);
    }
  }

  #ref(name: string, at: Position): Resolved | undefined {
    if (this.#scope.values.has(name)) {
      const value = this.#scope.values.get(name);
      return value && { ...value, at };
    }
    const reference = this.#scope.ref(name);
    if (reference === undefined) {
      const hint = suggestion(name, [...this.#scope.values.keys(), ...this.#scope.names]);
      this.#fail(at, `Ref: there is no parameter or resource ${name}.${hint}`);
    }
    return textScalar(reference, at);
  }

  #getAtt(argument: TemplateValue, at: Position): string {
    const text =
      argument.kind === 'list'
        ? argument.items.map((item) => this.#text(item)).join('.')
        : this.#text(argument);
    return this.#attribute(text, at);
  }

  #attribute(text: string, at: Position): string {
    const dot = text.indexOf('.');
    if (dot < 1) this.#fail(at, `GetAtt takes Resource.Attribute, not ${JSON.stringify(text)}`);
    const found = this.#scope.getAtt(text.slice(0, dot), text.slice(dot + 1));
    if ('missing' in found) this.#fail(at, `GetAtt ${text}: ${found.missing}`);
    return found.value;
  }

  #sub(argument: TemplateValue, at: Position): string {
    let template = argument;
    const own = new Map<string, TemplateValue>();
    if (argument.kind === 'list') {
      const [text, map] = this.#arguments('Sub', argument, 2);
      template = text;
      if (map.kind !== 'map') this.#fail(map.at, 'the second argument of Sub is a map of names');
      for (const [key, entry] of map.entries) own.set(key, entry.value);
    }
    return this.#text(template).replace(/\$\{([^}]*)\}/g, (_, inner: string) => {
      const name = inner.trim();
      if (name.startsWith('!')) return `\${${name.slice(1)}}`;
      const value = own.get(name);
      if (value) return this.#text(value);
      if (this.#scope.values.has(name)) {
        const known = this.#scope.values.get(name);
        if (known) return this.#scalarText(known);
        return this.#fail(at, `Sub: ${name} has no value`);
      }
      const reference = this.#scope.ref(name);
      if (reference !== undefined) return reference;
      if (name.includes('.')) return this.#attribute(name, at);
      return this.#fail(
        at,
        `Sub: there is no parameter or resource ${name}.${suggestion(name, this.#scope.names)}`,
      );
    });
  }

  #findInMap(path: TemplateValue[], at: Position): Resolved | undefined {
    const [name, ...keys] = path.map((item) => this.#text(item));
    let current: TemplateValue | undefined = this.#scope.mappings.get(name ?? '')?.value;
    for (const key of keys) {
      current = current?.kind === 'map' ? current.entries.get(key)?.value : undefined;
    }
    if (!current)
      this.#fail(at, `FindInMap: there is no ${[name, ...keys].join(' → ')} in Mappings`);
    return this.resolve(current);
  }

  #arguments(name: string, argument: TemplateValue, count: 1): [TemplateValue];
  #arguments(name: string, argument: TemplateValue, count: 2): [TemplateValue, TemplateValue];
  #arguments(
    name: string,
    argument: TemplateValue,
    count: 3,
  ): [TemplateValue, TemplateValue, TemplateValue];
  #arguments(name: string, argument: TemplateValue): TemplateValue[];
  #arguments(name: string, argument: TemplateValue, count?: number): TemplateValue[] {
    if (argument.kind !== 'list' || (count !== undefined && argument.items.length !== count)) {
      const wanted = count === undefined ? 'a list' : `a list of ${count}`;
      this.#fail(argument.at, `${name} takes ${wanted}`);
    }
    return [...argument.items];
  }

  #list(value: TemplateValue): readonly Resolved[] {
    const resolved = this.resolve(value);
    if (resolved?.kind !== 'list') this.#fail(value.at, 'a list is wanted here');
    return resolved.items;
  }

  #text(value: TemplateValue): string {
    const resolved = this.resolve(value);
    if (!resolved) this.#fail(value.at, 'a text is wanted here, and AWS::NoValue is none');
    return this.#scalarText(resolved);
  }

  #scalarText(value: Resolved): string {
    if (value.kind === 'scalar' && value.value !== null) return value.text;
    return this.#fail(value.at, `a text is wanted here, not ${describeKind(value)}`);
  }

  #fail(at: Position, reason: string): never {
    throw new TemplateError(this.#scope.file, at, reason);
  }
}
