// What did not get into the bucket, as a list a person can read.
import { FileSystemServerError, type FileFailure } from '@moorage/stack/mounts';
import { CommandError, EXIT } from '../command-line/outcome.ts';

const SHOWN_MAX = 20;

/** An export that failed or was not waited for, with the files that are left; anything else as it is. */
export function leftOver(error: unknown, remedy: string): unknown {
  if (!(error instanceof FileSystemServerError)) return error;
  const { failures } = error;
  const shown = failures.slice(0, SHOWN_MAX).map(describe);
  if (failures.length > SHOWN_MAX) shown.push(`  … and ${failures.length - SHOWN_MAX} more`);
  const message = [error.message, ...shown].join('\n');
  return new CommandError(EXIT.incomplete, message, remedy, { cause: error });
}

function describe({ path, error, message }: FileFailure): string {
  return `  ${path}: ${message || error}`;
}
