/**
 * The functions that exist, by name and qualifier. Several versions of one name may be registered:
 * a durable execution keeps the version it began with. What was registered last is `$LATEST`.
 */
import { configurationProblem, type FunctionConfiguration } from './function-configuration.ts';
import { parseFunctionName } from './function-name.ts';
import { LambdaError } from './lambda-error.ts';

export class FunctionRegistry {
  readonly #versions = new Map<string, FunctionConfiguration[]>();

  /** Adds a version, or replaces the same version; answers the replaced one. */
  add(f: FunctionConfiguration): FunctionConfiguration | undefined {
    const problem = configurationProblem(f);
    if (problem !== undefined)
      throw new LambdaError('InvalidParameterValueException', `function ${f.name}: ${problem}`);
    const versions = this.#versions.get(f.name) ?? [];
    const replaced = versions.find((known) => known.version === f.version);
    this.#versions.set(f.name, [...versions.filter((known) => known !== replaced), f]);
    return replaced;
  }

  /** Throws ResourceNotFoundException. */
  resolve(functionName: string, qualifier?: string): FunctionConfiguration {
    const name = parseFunctionName(functionName, qualifier);
    const versions = this.#versions.get(name.name);
    const found = versions?.findLast(
      (f) =>
        name.qualifier === undefined ||
        f.version === name.qualifier ||
        f.aliases?.includes(name.qualifier) === true,
    );
    if (found !== undefined) return found;
    if (versions !== undefined && name.qualifier === '$LATEST') return versions.at(-1)!;
    const full = name.qualifier === undefined ? name.name : `${name.name}:${name.qualifier}`;
    const known = [...this.#versions.keys()].join(', ');
    throw new LambdaError(
      'ResourceNotFoundException',
      `Function not found: ${full}. Functions here: ${known === '' ? 'none' : known}`,
    );
  }
}
