/** Every execution, and the ways to find one. Filled by `apply.ts` only. */
import type { Execution } from './execution.ts';

export class State {
  readonly executions: Map<string, Execution> = new Map();
  /** Execution ids by function name, in the order they were started. */
  readonly #byFunction = new Map<string, Set<string>>();
  readonly #byName = new Map<string, string>();

  add(execution: Execution): void {
    this.executions.set(execution.id, execution);
    let ids = this.#byFunction.get(execution.functionName);
    if (!ids) this.#byFunction.set(execution.functionName, (ids = new Set()));
    ids.add(execution.id);
    this.#byName.set(nameKey(execution.functionName, execution.name), execution.id);
  }

  remove(execution: Execution): void {
    this.executions.delete(execution.id);
    this.#byFunction.get(execution.functionName)?.delete(execution.id);
    this.#byName.delete(nameKey(execution.functionName, execution.name));
  }

  /** A name is unique among the executions of a function, whatever the version. */
  named(functionName: string, name: string): Execution | undefined {
    const id = this.#byName.get(nameKey(functionName, name));
    return id === undefined ? undefined : this.executions.get(id);
  }

  /** The executions of all functions that have this name. */
  allNamed(name: string): Execution[] {
    return [...this.#byFunction.keys()]
      .map((functionName) => this.named(functionName, name))
      .filter((execution) => execution !== undefined);
  }

  *ofFunction(functionName: string): Iterable<Execution> {
    for (const id of this.#byFunction.get(functionName) ?? []) {
      const execution = this.executions.get(id);
      if (execution) yield execution;
    }
  }
}

function nameKey(functionName: string, name: string): string {
  return `${functionName}/${name}`;
}
