// From a template's text to a plan: the sections, the order of reading, and nothing started.
//
// Resources are read in dependency order (buckets, file systems, access points, functions), so that
// every reader finds what it may refer to. An unknown section, resource type, attribute or property
// is an error that names its line: guessing would bring up something else than was declared.
import path from 'node:path';
import { parseTemplate, type MapEntry, type MapValue, type TemplateValue } from './document.ts';
import { Fields, type FieldsContext } from './fields.ts';
import { mergeGlobals } from './globals.ts';
import { Resolver } from './intrinsics.ts';
import { bucketArn, type Place } from './names.ts';
import { outputText, parameterValues, pseudoParameters } from './parameters.ts';
import type { StackPlan } from './plan.ts';
import { readFunction, readLayer } from './read-function.ts';
import { readAccessPoint, readBucket, readFileSystem } from './read-storage.ts';
import { References, type RawResource } from './references.ts';
import { TYPE_EXAMPLES, isAwsOnlyType, isLiveType, type LiveType } from './resource-types.ts';
import { TemplateError, suggestion, type Position } from './template-error.ts';

export interface PlanOptions {
  /** Path of the template as messages shall show it; CodeUri counts from its directory. */
  readonly file: string;
  readonly text: string;
  readonly place: Place;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Stands in for the template's bucket. Its prefix comes before the file system's own. */
  readonly bucket?: { readonly name: string; readonly prefix: string };
}

const SECTIONS = [
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Globals',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Transform',
];

const RESOURCE_ATTRIBUTES = [
  'Condition',
  'Connectors',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
];

/** Throws a TemplateError for the first mistake. */
export function readPlan(options: PlanOptions): StackPlan {
  return new PlanReader(options).read();
}

class PlanReader {
  readonly #options: PlanOptions;
  readonly #sections: MapValue<TemplateValue>;
  readonly #resolver: Resolver;
  readonly #references: References;
  readonly #resources: Map<string, RawResource> = new Map();
  readonly #context: FieldsContext;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#sections = parseTemplate(options.file, options.text);
    for (const [name, { keyAt }] of this.#sections.entries) {
      if (!SECTIONS.includes(name)) {
        this.#fail(keyAt, `unknown section ${name}.${suggestion(name, SECTIONS)}`);
      }
    }
    this.#references = new References({
      place: options.place,
      resources: this.#resources,
      bucketOverride: options.bucket?.name,
      property: (resource, name) => {
        const entry = resource.properties.entries.get(name);
        const value = entry && this.#resolver.resolve(entry.value);
        return value?.kind === 'scalar' ? value.text : undefined;
      },
    });
    const parameters = parameterValues(
      options.file,
      this.#section('Parameters'),
      options.parameters ?? {},
    );
    const names = this.#section('Resources')?.entries.keys() ?? [];
    this.#resolver = new Resolver({
      file: options.file,
      values: new Map([...pseudoParameters(options.place), ...parameters]),
      mappings: this.#section('Mappings')?.entries ?? new Map(),
      conditions: this.#section('Conditions')?.entries ?? new Map(),
      ref: (name) => this.#references.ref(name),
      getAtt: (logicalId, attribute) => this.#references.getAtt(logicalId, attribute),
      names: [...names],
    });
    this.#context = { file: options.file, resolver: this.#resolver };
  }

  read(): StackPlan {
    const metadata = this.#collectResources();
    const { place } = this.#options;
    const buckets = this.#each('AWS::S3::Bucket', (resource, fields) =>
      readBucket(resource.logicalId, fields, this.#references.bucketName(resource)),
    );
    this.#checkOverride(buckets.length);
    const declared = buckets.map(({ plan, versioned }) => ({
      logicalId: plan.logicalId,
      arn: bucketArn(plan.bucket),
      versioned,
    }));
    const prefix = this.#options.bucket?.prefix ?? '';
    const fileSystems = this.#each('AWS::S3Files::FileSystem', (resource, fields) => {
      const plan = readFileSystem(
        resource.logicalId,
        fields,
        metadata.get(resource.logicalId),
        place,
        declared,
      );
      return { ...plan, prefix: prefix + plan.prefix };
    });
    const accessPoints = this.#each('AWS::S3Files::AccessPoint', (resource, fields) =>
      readAccessPoint(resource.logicalId, fields, place, fileSystems),
    );
    const baseDir = path.dirname(path.resolve(this.#options.file));
    const layers = this.#each('AWS::Serverless::LayerVersion', (resource, fields) =>
      readLayer(resource.logicalId, fields, place, baseDir),
    );
    const functions = this.#each('AWS::Serverless::Function', (resource, fields) =>
      readFunction(resource.logicalId, fields, {
        place,
        name: this.#references.functionName(resource),
        baseDir,
        accessPoints,
        layers,
        passEnvironment: this.#passEnvironment(resource.logicalId),
        metadata: metadata.get(resource.logicalId),
      }),
    );
    return {
      name: place.stackName,
      region: place.region,
      accountId: place.accountId,
      buckets: buckets.map(({ plan }) => plan),
      fileSystems,
      accessPoints,
      functions,
      outputs: this.#outputs(),
    };
  }

  /** Fills #resources with those whose condition holds; gives back the Metadata of each. */
  #collectResources(): Map<string, Fields> {
    const section = this.#section('Resources');
    if (!section) this.#fail(this.#sections.at, 'the template has no Resources section');
    const global = this.#globalFunction();
    const metadata = new Map<string, Fields>();
    for (const [logicalId, { keyAt, value }] of section.entries) {
      const attributes = this.#asMap(value, keyAt, `resource ${logicalId}`);
      for (const [name, entry] of attributes.entries) {
        if (!RESOURCE_ATTRIBUTES.includes(name)) {
          const hint = suggestion(name, RESOURCE_ATTRIBUTES);
          this.#fail(entry.keyAt, `resource ${logicalId} has an unknown attribute ${name}.${hint}`);
        }
      }
      if (!this.#wanted(attributes)) continue;
      const type = this.#type(logicalId, attributes, keyAt);
      const properties = this.#propertiesOf(logicalId, attributes, keyAt);
      this.#resources.set(logicalId, {
        logicalId,
        type,
        properties:
          type === 'AWS::Serverless::Function' ? mergeGlobals(global, properties) : properties,
      });
      const entry = attributes.entries.get('Metadata');
      if (entry?.value.kind === 'map') {
        metadata.set(logicalId, new Fields(this.#context, `Metadata of ${logicalId}`, entry.value));
      }
    }
    return metadata;
  }

  #wanted(attributes: MapValue<TemplateValue>): boolean {
    const condition = attributes.entries.get('Condition');
    if (condition?.value.kind !== 'scalar') return true;
    return this.#resolver.condition(condition.value.text, condition.value.at);
  }

  #type(logicalId: string, attributes: MapValue<TemplateValue>, at: Position): string {
    const type = attributes.entries.get('Type')?.value;
    if (type?.kind !== 'scalar') this.#fail(at, `resource ${logicalId} lacks a Type`);
    if (!isLiveType(type.text) && !isAwsOnlyType(type.text)) {
      this.#fail(
        type.at,
        `resource ${logicalId} has the type ${type.text}, which is not supported here.` +
          suggestion(type.text, TYPE_EXAMPLES),
      );
    }
    return type.text;
  }

  #propertiesOf(
    logicalId: string,
    attributes: MapValue<TemplateValue>,
    at: Position,
  ): MapValue<TemplateValue> {
    const entry = attributes.entries.get('Properties');
    if (!entry) return { kind: 'map', entries: new Map(), at };
    return this.#asMap(entry.value, entry.keyAt, `Properties of ${logicalId}`);
  }

  #globalFunction(): MapValue<TemplateValue> | undefined {
    const globals = this.#section('Globals');
    if (!globals) return undefined;
    for (const [name, { keyAt }] of globals.entries) {
      if (name !== 'Function') {
        this.#fail(keyAt, `Globals for ${name} are not supported here, only for Function`);
      }
    }
    const entry = globals.entries.get('Function');
    return entry && this.#asMap(entry.value, entry.keyAt, 'Globals for Function');
  }

  #each<P>(type: LiveType, read: (resource: RawResource, fields: Fields) => P): P[] {
    const plans: P[] = [];
    for (const resource of this.#resources.values()) {
      if (resource.type !== type) continue;
      const what = `${type.slice(type.lastIndexOf(':') + 1)} ${resource.logicalId}`;
      plans.push(read(resource, new Fields(this.#context, what, resource.properties)));
    }
    return plans;
  }

  #checkOverride(buckets: number): void {
    if (this.#options.bucket && buckets !== 1) {
      this.#fail(
        this.#section('Resources')?.at ?? this.#sections.at,
        `a bucket was given to stand in for the template's, but the template declares ${buckets}`,
      );
    }
  }

  /** `Metadata: Moorage: PassEnvironment: Function: [NAME, PREFIX_*]`: what a local run hands over. */
  #passEnvironment(logicalId: string): string[] {
    const metadata = this.#section('Metadata')?.entries.get('Moorage');
    if (metadata?.value.kind !== 'map') return [];
    const moorage = new Fields(this.#context, 'Metadata Moorage', metadata.value);
    const patterns = moorage.optionalFields('PassEnvironment')?.strings(logicalId) ?? [];
    moorage.end();
    return patterns;
  }

  #outputs(): Record<string, string> {
    const outputs: Record<string, string> = {};
    for (const [name, { keyAt, value }] of this.#section('Outputs')?.entries ?? []) {
      const output = this.#asMap(value, keyAt, `output ${name}`);
      if (!this.#wanted(output)) continue;
      const entry = output.entries.get('Value');
      if (!entry) this.#fail(keyAt, `output ${name} lacks a Value`);
      const resolved = this.#resolver.resolve(entry.value);
      if (resolved) outputs[name] = outputText(resolved);
    }
    return outputs;
  }

  #section(name: string): MapValue<TemplateValue> | undefined {
    const entry: MapEntry<TemplateValue> | undefined = this.#sections.entries.get(name);
    return entry && this.#asMap(entry.value, entry.keyAt, `section ${name}`);
  }

  #asMap(value: TemplateValue, at: Position, what: string): MapValue<TemplateValue> {
    if (value.kind === 'map') return value;
    return this.#fail(at, `${what} must be a map`);
  }

  #fail(at: Position, reason: string): never {
    throw new TemplateError(this.#options.file, at, reason);
  }
}
