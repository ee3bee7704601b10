// What is wrong with a SARIF log: by the JSON schema of SARIF 2.1.0, and by what GitHub code scanning takes
// in (docs.github.com, "SARIF support for code scanning" and "SARIF results exceed one or more limits").
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import draft04 from 'ajv-draft-04';
import formats from 'ajv-formats';

const require = createRequire(import.meta.url);
const SCHEMA: string = require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');

interface Log {
  readonly runs: readonly Run[];
}
interface Run {
  readonly tool: {
    readonly driver: { readonly name: string; readonly rules: readonly Rule[] };
    readonly extensions?: readonly unknown[];
  };
  readonly automationDetails: { readonly id: string };
  readonly results: readonly Result[];
}
interface Rule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly fullDescription: { readonly text: string };
  readonly help: { readonly text: string };
  readonly properties: {
    readonly tags: readonly string[];
    readonly precision: string;
    readonly 'problem.severity': string;
    readonly 'security-severity'?: string;
  };
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly locations: readonly Location[];
  readonly relatedLocations?: readonly unknown[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly codeFlows?: readonly { readonly threadFlows: readonly { locations: unknown[] }[] }[];
}
interface Location {
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string };
    readonly region: { readonly startLine: number };
  };
}

/** Every problem as one line; none for a log that can be uploaded as it is and loses nothing there. */
export function sarifProblems(text: string): string[] {
  const log = JSON.parse(text) as Log;
  const ajv = formats.default(
    new draft04.default({ strict: false, allErrors: true, unicodeRegExp: false }),
  );
  const schema = readFileSync(SCHEMA, 'utf8');
  const validate = ajv.compile(JSON.parse(schema) as object);
  if (!validate(log)) {
    return (validate.errors ?? []).map((e) => `${e.instancePath}: ${e.message}`);
  }
  return [
    ...within('runs', log.runs.length, 20),
    ...within('compressed bytes', gzipSync(text).length, 10_000_000),
    // Runs of one category in one file replace each other.
    ...distinct('categories', log.runs.map(category)),
    ...log.runs.flatMap(problemsOfRun),
  ];
}

function category({ tool, automationDetails: { id } }: Run): string {
  return `${tool.driver.name} ${id.slice(0, id.lastIndexOf('/'))}`;
}

function problemsOfRun({ tool, results }: Run): string[] {
  const { rules } = tool.driver;
  return [
    ...within('results of a run', results.length, 5_000),
    ...within('rules of a run', rules.length, 25_000),
    ...within('extensions of a run', tool.extensions?.length ?? 0, 100),
    ...distinct(
      'rules',
      rules.map(({ id }) => id),
    ),
    ...rules.flatMap(problemsOfRule),
    ...results.flatMap((result) => problemsOfResult(result, rules)),
  ];
}

function problemsOfRule({
  id,
  shortDescription,
  fullDescription,
  help,
  properties,
}: Rule): string[] {
  const severity = Number(properties['security-severity'] ?? 1);
  return [
    ...within(`tags of ${id}`, properties.tags.length, 10),
    ...within(`id ${id}`, id.length, 255),
    ...within(`short description of ${id}`, shortDescription.text.length, 1024),
    ...within(`full description of ${id}`, fullDescription.text.length, 1024),
    ...must(`help of ${id}`, help.text.trim() !== ''),
    ...must(`severity of ${id}`, severity > 0 && severity <= 10),
    ...must(
      `precision of ${id}`,
      ['very-high', 'high', 'medium', 'low'].includes(properties.precision),
    ),
    ...must(
      `problem.severity of ${id}`,
      ['error', 'warning', 'recommendation'].includes(properties['problem.severity']),
    ),
  ];
}

function problemsOfResult(result: Result, rules: readonly Rule[]): string[] {
  const { ruleId, ruleIndex, locations, relatedLocations = [], codeFlows = [] } = result;
  const steps = codeFlows.flatMap(({ threadFlows }) => threadFlows.flatMap((f) => f.locations));
  return [
    ...must(`rule of a result: ${ruleId}`, rules[ruleIndex]?.id === ruleId),
    ...must(`location of a ${ruleId}`, locations.length > 0),
    ...within(`locations of a ${ruleId}`, locations.length + relatedLocations.length, 100),
    ...within(`steps of a ${ruleId}`, steps.length, 1_000),
    // GitHub warns about a line hash that is not its own.
    ...must('line hash', !('primaryLocationLineHash' in result.partialFingerprints)),
    ...locations.flatMap(({ physicalLocation: { artifactLocation, region } }) => [
      ...must(`start line of ${artifactLocation.uri}`, region.startLine >= 1),
      // Relative to the root of the repository, and no way out of it.
      ...must(
        `path ${artifactLocation.uri}`,
        !/^\/|^\w+:|(^|\/)\.\.(\/|$)/.test(artifactLocation.uri),
      ),
    ]),
  ];
}

function within(what: string, count: number, max: number): string[] {
  return count <= max ? [] : [`${what}: ${count} > ${max}`];
}

function must(what: string, right: boolean): string[] {
  return right ? [] : [`${what} is wrong`];
}

function distinct(what: string, names: readonly string[]): string[] {
  return new Set(names).size === names.length ? [] : [`${what} twice: ${names.join(', ')}`];
}
