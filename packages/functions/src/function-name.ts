/** How Lambda's API names a function: name, `name:qualifier`, partial ARN, full ARN. */
import { LambdaError } from './lambda-error.ts';

export interface FunctionName {
  name: string;
  qualifier?: string;
}

const PATTERN =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?:[a-z]{2}(?:-[a-z]+)+-\d:)?(?:\d{12}:)?function:|\d{12}:)?([a-zA-Z0-9-_]{1,64})(?::(\$LATEST|[a-zA-Z0-9-_]{1,128}))?$/;

/** Throws a ValidationException for anything that is not a name. */
export function parseFunctionName(text: string, qualifier?: string): FunctionName {
  const match = PATTERN.exec(text);
  if (match === null) throw invalid('functionName', text);
  if (qualifier !== undefined && !/^(\$LATEST|[a-zA-Z0-9-_]{1,128})$/.test(qualifier))
    throw invalid('qualifier', qualifier);
  const own = match[2];
  if (own !== undefined && qualifier !== undefined && own !== qualifier)
    throw new LambdaError(
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  const chosen = own ?? qualifier;
  return chosen === undefined ? { name: match[1]! } : { name: match[1]!, qualifier: chosen };
}

function invalid(member: string, value: string): LambdaError {
  return new LambdaError(
    'ValidationException',
    `1 validation error detected: Value '${value.slice(0, 200)}' at '${member}' failed to satisfy ` +
      'constraint: give a function name, name:qualifier, or an ARN ' +
      '(arn:aws:lambda:region:account:function:name[:qualifier])',
  );
}
