// Values of a template's parameters: given by the caller, else the default, checked as declared.
import type { MapEntry, MapValue, TemplateValue } from './document.ts';
import { toPlain, textScalar, type Resolved } from './resolved.ts';
import { TemplateError, suggestion, type Position } from './template-error.ts';

const KNOWN = [
  'Type',
  'Default',
  'AllowedValues',
  'AllowedPattern',
  'ConstraintDescription',
  'Description',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'NoEcho',
];

/** Throws for a missing, unknown or disallowed value. */
export function parameterValues(
  file: string,
  section: MapValue<TemplateValue> | undefined,
  given: Readonly<Record<string, string>>,
): Map<string, Resolved> {
  const values = new Map<string, Resolved>();
  const declared = section?.entries ?? new Map<string, MapEntry<TemplateValue>>();
  for (const name of Object.keys(given)) {
    if (declared.has(name)) continue;
    const at = section?.at ?? { line: 1, column: 1 };
    throw new TemplateError(
      file,
      at,
      `there is no parameter ${name}.${suggestion(name, declared.keys())}`,
    );
  }
  for (const [name, { keyAt, value }] of declared) {
    values.set(name, parameterValue(file, name, keyAt, value, given[name]));
  }
  return values;
}

function parameterValue(
  file: string,
  name: string,
  at: Position,
  declaration: TemplateValue,
  given: string | undefined,
): Resolved {
  const fail = (where: Position, reason: string): never => {
    throw new TemplateError(file, where, reason);
  };
  if (declaration.kind !== 'map') return fail(at, `parameter ${name} must be a map with a Type`);
  const field = (key: string): string | undefined => {
    const found = declaration.entries.get(key)?.value;
    return found?.kind === 'scalar' ? found.text : undefined;
  };
  for (const [key, entry] of declaration.entries) {
    if (!KNOWN.includes(key)) {
      fail(
        entry.keyAt,
        `parameter ${name} has an unknown property ${key}.${suggestion(key, KNOWN)}`,
      );
    }
  }
  const type = field('Type') ?? fail(at, `parameter ${name} lacks a Type`);
  const text =
    given ??
    field('Default') ??
    fail(at, `parameter ${name} has no default and no value was given`);
  const allowed = declaration.entries.get('AllowedValues')?.value;
  if (allowed?.kind === 'list') {
    const choices = allowed.items.map((item) => (item.kind === 'scalar' ? item.text : ''));
    if (!choices.includes(text)) {
      fail(
        at,
        `parameter ${name} must be one of ${choices.join(', ')}, not ${JSON.stringify(text)}`,
      );
    }
  }
  const pattern = field('AllowedPattern');
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(text)) {
    fail(at, `parameter ${name}: ${JSON.stringify(text)} does not match ${pattern}`);
  }
  if (type === 'Number' && !Number.isFinite(Number(text || 'none'))) {
    fail(at, `parameter ${name} must be a number, not ${JSON.stringify(text)}`);
  }
  if (type === 'CommaDelimitedList' || type.startsWith('List<')) {
    const items = text === '' ? [] : text.split(',').map((item) => textScalar(item.trim(), at));
    return { kind: 'list', items, at };
  }
  return textScalar(text, at);
}

/** Pseudo parameters (`AWS::Region`, …). undefined inside the map stands for AWS::NoValue. */
export function pseudoParameters(place: {
  stackName: string;
  region: string;
  accountId: string;
}): Map<string, Resolved | undefined> {
  const at = { line: 1, column: 1 };
  const stackArn = `arn:aws:cloudformation:${place.region}:${place.accountId}:stack/${place.stackName}/local`;
  return new Map<string, Resolved | undefined>([
    ['AWS::AccountId', textScalar(place.accountId, at)],
    ['AWS::Region', textScalar(place.region, at)],
    ['AWS::Partition', textScalar('aws', at)],
    ['AWS::URLSuffix', textScalar('amazonaws.com', at)],
    ['AWS::StackName', textScalar(place.stackName, at)],
    ['AWS::StackId', textScalar(stackArn, at)],
    ['AWS::NotificationARNs', { kind: 'list', items: [], at }],
    ['AWS::NoValue', undefined],
  ]);
}

/** Outputs as texts; lists and maps as JSON. */
export function outputText(value: Resolved): string {
  return value.kind === 'scalar' ? value.text : JSON.stringify(toPlain(value));
}
