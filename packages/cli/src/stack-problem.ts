// Errors of the stack as errors of the command: all of them are about this machine, the template or the
// bucket, so they end with exit code 2 and say what to change.
import { BuildError, StackError, TemplateError } from '@moorage/stack';
import { CommandError, EXIT } from './command-line/outcome.ts';

/** Errors by name: those of packages below the stack, whose classes the command does not import. */
const NAMED = new Set(['MountError', 'FileSystemServerError', 'JournalError', 'S3Error']);

export function stackProblem(error: unknown): unknown {
  if (error instanceof StackError) {
    const code = error.code === 'StoreUnreachable' ? EXIT.incomplete : EXIT.usage;
    return new CommandError(code, error.message, error.remedy, { cause: error, final: true });
  }
  if (error instanceof TemplateError || error instanceof BuildError) {
    return new CommandError(EXIT.usage, error.message, undefined, { cause: error });
  }
  if (error instanceof Error && NAMED.has(error.name)) {
    return new CommandError(EXIT.usage, error.message, undefined, { cause: error });
  }
  return error;
}
