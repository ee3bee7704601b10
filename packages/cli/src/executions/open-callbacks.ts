// The callbacks an execution waits for, found in its history.
import { usageError } from '../command-line/outcome.ts';
import type { HistoryEvent } from './api.ts';

export interface OpenCallback {
  readonly id: string;
  /** Its own name, else that of the context around it, else its operation id. */
  readonly name: string;
  /** All it may be called by. */
  readonly names: readonly string[];
}

export function openCallbacks(events: readonly HistoryEvent[]): OpenCallback[] {
  const ended = new Set<string | undefined>();
  const contexts = new Map<string | undefined, string | undefined>();
  for (const { EventType: type, Id, Name } of events) {
    if (/^Callback(Succeeded|Failed|TimedOut)$/.test(type)) ended.add(Id);
    if (type === 'ContextStarted') contexts.set(Id, Name);
  }
  return events
    .filter((event) => event.EventType === 'CallbackStarted' && !ended.has(event.Id))
    .map((event) => {
      const names = [event.Name, contexts.get(event.ParentId)].filter((name) => name !== undefined);
      return {
        id: event.CallbackStartedDetails?.CallbackId ?? '',
        name: names[0] ?? event.Id ?? '',
        names: [...names, event.Id ?? ''],
      };
    });
}

/** The only open callback, or the only one of that name. Throws a usage error otherwise. */
export function chooseCallback(
  open: readonly OpenCallback[],
  execution: string,
  name: string | undefined,
): string {
  const found = name === undefined ? open : open.filter(({ names }) => names.includes(name));
  const [first, ...others] = found;
  if (first && others.length === 0) return first.id;
  const list = open.map((callback) => `${callback.name} (${callback.id})`).join(', ');
  const called = name === undefined ? '' : ` named ${name}`;
  throw usageError(
    first
      ? `${execution} waits for ${found.length} callbacks${called}.`
      : `${execution} waits for no callback${called}.`,
    list === '' ? undefined : `It waits for: ${list}.`,
  );
}

/** The execution a callback's id belongs to; undefined when the text is no such id. */
export function executionOfCallback(text: string): string | undefined {
  const plain = Buffer.from(text, 'base64').toString('latin1');
  if (Buffer.from(plain, 'latin1').toString('base64') !== text) return undefined;
  return /^([\w-]{16,}) [\x21-\x7e]+$/.exec(plain)?.[1];
}
