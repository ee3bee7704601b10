/** Names of steps, for people who read an execution's history. */

/** Durable execution's limit for the name of an operation. */
const NAME_CHARS_MAX = 256;

/** Joins `parts` to a legal name: printable ASCII, at most 256 characters. */
export function stepName(...parts: readonly (string | undefined)[]): string {
  return parts
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, NAME_CHARS_MAX);
}
