// Values after every intrinsic function has been carried out, and the one way to look at them.
import type { ListValue, MapValue, ScalarValue } from './document.ts';
import type { Position } from './template-error.ts';

export type Resolved = ScalarValue | ListValue<Resolved> | MapValue<Resolved>;

export function textScalar(text: string, at: Position): ScalarValue {
  return { kind: 'scalar', value: text, text, at };
}

/** A value as plain data (for hashes, outputs and comparison). */
export function toPlain(value: Resolved): unknown {
  switch (value.kind) {
    case 'scalar':
      return value.value;
    case 'list':
      return value.items.map(toPlain);
    case 'map':
      return Object.fromEntries(
        [...value.entries].map(([key, entry]) => [key, toPlain(entry.value)]),
      );
  }
}

/** What kind of thing it is, in words for a message. */
export function describeKind(value: Resolved): string {
  switch (value.kind) {
    case 'scalar':
      return value.value === null
        ? 'nothing'
        : `${typeof value.value} ${JSON.stringify(value.value)}`;
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
  }
}
