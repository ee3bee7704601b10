/** Errors of the runtime itself, and how any thrown value is written to the Runtime API. */

export type RuntimeErrorName =
  | 'Runtime.CallbackHandlerDeprecated'
  | 'Runtime.HandlerNotFound'
  | 'Runtime.ImportModuleError'
  | 'Runtime.JSONStringifyError'
  | 'Runtime.MalformedHandlerName'
  | 'Runtime.UnhandledPromiseRejection'
  | 'Runtime.UserCodeSyntaxError';

export class RuntimeError extends Error {
  constructor(name: RuntimeErrorName, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = name;
    if (cause instanceof Error && cause.stack !== undefined) this.stack = cause.stack;
  }
}

export interface ErrorObject {
  errorType: string;
  errorMessage: string;
  trace: string[];
}

/** Lambda's error object of whatever was thrown; a value that is no Error is named by its type. */
export function errorObject(thrown: unknown): ErrorObject {
  try {
    if (thrown instanceof Error || isErrorLike(thrown))
      return {
        errorType: String(thrown.name),
        errorMessage: String(thrown.message),
        trace: typeof thrown.stack === 'string' ? thrown.stack.split('\n') : [],
      };
    return { errorType: typeof thrown, errorMessage: describe(thrown), trace: [] };
  } catch {
    // A hostile getter or toString.
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while ' +
        'retrieving one or more of its message, name, and stack',
      trace: [],
    };
  }
}

/** An Error of another realm. */
function isErrorLike(value: unknown): value is Error {
  return Object.prototype.toString.call(value) === '[object Error]';
}

function describe(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
