// A synchronisation configuration as users write it: a JSON file. What it may say, the file system decides.
import { readFileSync } from 'node:fs';
import { usageError } from '../command-line/outcome.ts';

/** The document in `file`; `-` is what `standardInput` returns. Throws a usage error. */
export function readSynchronization(file: string, standardInput: () => string): unknown {
  let text: string;
  try {
    text = file === '-' ? standardInput() : readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(
      `${file === '-' ? 'Standard input' : file} is not JSON: ${(error as Error).message}`,
      'moorage sync-config get DIR prints one to start from.',
    );
  }
}
