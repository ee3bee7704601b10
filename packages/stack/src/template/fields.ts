// Reads the properties of one map of a template, each exactly once, and complains about the rest.
//
// A property is resolved when it is read, so that functions inside properties that have no meaning
// on one machine (networks, policies) are never carried out.
import type { MapValue, TemplateValue } from './document.ts';
import type { Resolver } from './intrinsics.ts';
import { describeKind, type Resolved } from './resolved.ts';
import { TemplateError, suggestion, type Position } from './template-error.ts';

export interface FieldsContext {
  readonly file: string;
  readonly resolver: Resolver;
}

export class Fields {
  /** What the map is, for messages: `function Orchestrator`. */
  readonly what: string;
  readonly at: Position;
  readonly #context: FieldsContext;
  readonly #map: MapValue<TemplateValue>;
  readonly #known = new Set<string>();

  constructor(context: FieldsContext, what: string, map: MapValue<TemplateValue>) {
    this.#context = context;
    this.what = what;
    this.#map = map;
    this.at = map.at;
  }

  has(name: string): boolean {
    return this.#map.entries.has(name);
  }

  /** The place of a property, or of the whole map when it is not there. */
  where(name: string): Position {
    return this.#map.entries.get(name)?.keyAt ?? this.at;
  }

  value(name: string): Resolved | undefined {
    this.#known.add(name);
    const entry = this.#map.entries.get(name);
    return entry && this.#context.resolver.resolve(entry.value);
  }

  optionalString(name: string, pattern?: { test: RegExp; says: string }): string | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    if (value.kind !== 'scalar' || value.value === null) {
      this.fail(value.at, `${name} must be a text, not ${describeKind(value)}`);
    }
    if (pattern && !pattern.test.test(value.text)) {
      this.fail(value.at, `${name} ${JSON.stringify(value.text)} ${pattern.says}`);
    }
    return value.text;
  }

  string(name: string, pattern?: { test: RegExp; says: string }): string {
    return this.optionalString(name, pattern) ?? this.#missing(name);
  }

  optionalInteger(name: string, range: { min: number; max: number }): number | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    const number = value.kind === 'scalar' && value.text.trim() !== '' ? Number(value.text) : NaN;
    if (!Number.isSafeInteger(number) || number < range.min || number > range.max) {
      this.fail(
        value.at,
        `${name} must be a whole number from ${range.min} to ${range.max}, not ${describeKind(value)}`,
      );
    }
    return number;
  }

  integer(name: string, range: { min: number; max: number }): number {
    return this.optionalInteger(name, range) ?? this.#missing(name);
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    const text = value.kind === 'scalar' ? value.text.toLowerCase() : '';
    if (text !== 'true' && text !== 'false') {
      this.fail(value.at, `${name} must be true or false, not ${describeKind(value)}`);
    }
    return text === 'true';
  }

  optionalChoice<C extends string>(name: string, choices: readonly C[]): C | undefined {
    const text = this.optionalString(name);
    if (text === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === text);
    if (choice) return choice;
    this.fail(
      this.where(name),
      `${name} must be one of ${choices.join(', ')}, not ${JSON.stringify(text)}.` +
        suggestion(text, choices),
    );
  }

  optionalFields(name: string): Fields | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    return this.#nested(name, value);
  }

  fields(name: string): Fields {
    return this.optionalFields(name) ?? this.#missing(name);
  }

  /** A list of maps; empty when the property is not there. */
  fieldsList(name: string): Fields[] {
    return this.#list(name).map((item, index) => this.#nested(`${name}[${index}]`, item));
  }

  strings(name: string): string[] {
    return this.#list(name).map((item) => {
      if (item.kind === 'scalar' && item.value !== null) return item.text;
      return this.fail(item.at, `${name} must hold texts, not ${describeKind(item)}`);
    });
  }

  /** All entries as texts, whatever their names. */
  texts(): Record<string, string> {
    const texts: Record<string, string> = {};
    for (const name of this.#map.entries.keys()) {
      const text = this.optionalString(name);
      if (text !== undefined) texts[name] = text;
    }
    return texts;
  }

  /** Properties that mean something on AWS and nothing on one machine. They are not looked at. */
  ignore(names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** To be called last: a property nobody asked for is a mistake. */
  end(): void {
    for (const [name, { keyAt }] of this.#map.entries) {
      if (this.#known.has(name)) continue;
      this.fail(
        keyAt,
        `${this.what} has the property ${name}, which is not supported here.` +
          suggestion(name, this.#known),
      );
    }
  }

  fail(at: Position, reason: string): never {
    throw new TemplateError(this.#context.file, at, reason);
  }

  #nested(name: string, value: Resolved): Fields {
    if (value.kind !== 'map')
      this.fail(value.at, `${name} must be a map, not ${describeKind(value)}`);
    return new Fields(this.#context, `${name} of ${this.what}`, value);
  }

  #list(name: string): readonly Resolved[] {
    const value = this.value(name);
    if (!value) return [];
    if (value.kind !== 'list') {
      this.fail(value.at, `${name} must be a list, not ${describeKind(value)}`);
    }
    return value.items;
  }

  #missing(name: string): never {
    this.fail(this.at, `${this.what} lacks the property ${name}`);
  }
}
