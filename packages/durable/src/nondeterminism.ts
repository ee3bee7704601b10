/**
 * A handler that replays differently from how it ran fails with one line of the SDK's. This adds
 * what a person needs to find the place: the recorded operations around it, beside what came.
 */
import { createHash } from 'node:crypto';
import type { Execution, Operation } from './execution.ts';
import type { ErrorObject } from './wire.ts';

const MISMATCH =
  /Operation (type|name|subtype) mismatch for step "([^"]*)"\. Expected \w+ "([^"]*)", but got "([^"]*)"/;
const NEIGHBOURS = 3;

/** The error with a readable difference appended, if it is about a replay that differs. */
export function explainNonDeterminism(execution: Execution, error: ErrorObject): ErrorObject {
  if (error.ErrorType !== 'NonDeterministicExecutionError') return error;
  const match = MISMATCH.exec(error.ErrorMessage ?? '');
  if (!match) return error;
  const [, aspect, position, expected, got] = match as unknown as [
    string,
    Aspect,
    string,
    string,
    string,
  ];
  const recorded = execution.operations.get(operationIdAt(position));
  if (!recorded) return error;
  const lines = [
    error.ErrorMessage,
    '',
    `  where:    ${place(execution, recorded, position)}`,
    `  expected: ${describe(recorded)}`,
    `  got:      ${describeGot(recorded, aspect, got)}   (${aspect} ${got} instead of ${expected})`,
    '  recorded:',
    ...neighbours(execution, recorded),
    '  Deploy the change as a new version, or make the handler call the same operations in the same',
    '  order as before; values that differ between runs (time, random numbers) belong inside steps.',
  ];
  return { ...error, ErrorMessage: lines.join('\n') };
}

type Aspect = 'type' | 'name' | 'subtype';

/** Operations are named by the hash of their position: `2`, or `2-1` for the first one within. */
function operationIdAt(position: string): string {
  return createHash('md5').update(position).digest('hex').slice(0, 16);
}

/** The operation that came, as far as the SDK says: at a mismatch of types only the type. */
function describeGot(recorded: Operation, aspect: Aspect, got: string): string {
  const value = got === 'undefined' ? undefined : got;
  const { type, subType, name } = recorded;
  switch (aspect) {
    case 'type':
      return got;
    case 'name':
      return describe({ type, ...(subType && { subType }), ...(value && { name: value }) });
    case 'subtype':
      return describe({ type, ...(value && { subType: value }), ...(name && { name }) });
  }
}

function describe(operation: Partial<Operation>): string {
  const kind =
    operation.subType && operation.subType.toUpperCase() !== operation.type
      ? `${operation.type} ${operation.subType}`
      : operation.type;
  return `${kind}${operation.name === undefined ? ' without a name' : ` "${operation.name}"`}`;
}

function place(execution: Execution, recorded: Operation, position: string): string {
  const parent =
    recorded.parentId === undefined ? undefined : execution.operations.get(recorded.parentId);
  const nth = position.slice(position.lastIndexOf('-') + 1);
  return `operation ${nth} of ${parent ? describe(parent) : 'the handler'} (position ${position})`;
}

function neighbours(execution: Execution, recorded: Operation): string[] {
  const siblings = [...execution.operations.values()].filter(
    (operation) => operation.parentId === recorded.parentId,
  );
  const at = siblings.indexOf(recorded);
  const from = Math.max(0, at - NEIGHBOURS);
  return siblings
    .slice(from, at + NEIGHBOURS + 1)
    .map(
      (operation) =>
        `  ${operation === recorded ? '>' : ' '} ${describe(operation)}  ${operation.status}`,
    );
}
