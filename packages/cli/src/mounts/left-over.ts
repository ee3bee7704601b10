// What did not get into the bucket, as a list a person can read.
import {
  FileSystemServerError,
  type FileFailure,
  type FileSystemControl,
} from '@moorage/stack/control';
import { CommandError, EXIT, usageError } from '../command-line/outcome.ts';

const SHOWN_MAX = 20;

/**
 * Waits for an export at most `timeoutMs`. Throws a CommandError (3, incomplete) that lists what is left
 * when it fails or takes longer; the mount goes on with it either way.
 */
export async function exported(
  control: FileSystemControl,
  done: Promise<void>,
  timeoutMs: number,
  remedy: string,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  try {
    if ((await Promise.race([done, late])) !== 'late') return;
  } catch (error) {
    if (!(error instanceof FileSystemServerError)) throw error;
    if (error.code === 'NO_SUCH_PATH') throw usageError(`${error.message}.`);
    throw incomplete(error.message, error.failures, remedy, error);
  } finally {
    clearTimeout(timer);
  }
  done.catch(() => {});
  const { pending, failed, lastError } = await control.status();
  const why = lastError ? ` (the last error of S3: ${lastError.message})` : '';
  const head = `After ${timeoutMs / 1000} s ${pending} changes are not in the bucket yet${why}.`;
  throw incomplete(head, failed, remedy);
}

function incomplete(
  head: string,
  failures: readonly FileFailure[],
  remedy: string,
  cause?: unknown,
): CommandError {
  const shown = failures.slice(0, SHOWN_MAX).map(describe);
  if (failures.length > SHOWN_MAX) shown.push(`  … and ${failures.length - SHOWN_MAX} more`);
  return new CommandError(EXIT.incomplete, [head, ...shown].join('\n'), remedy, { cause });
}

function describe({ path, error, message }: FileFailure): string {
  return `  ${path}: ${message || error}`;
}
