/**
 * Results as they are sent from one thread to another. A page of a listing goes as columns: of objects the name of
 * every property of each of them would be copied as well, which takes five times as long.
 */
import type { JobId, RemoteObject, TransferResult } from './jobs.ts';

type Page = Extract<TransferResult, { kind: 'page' }>;

interface Columns {
  kind: 'columns';
  id: JobId;
  keys: string[];
  sizes: number[];
  eTags: string[];
  lastModified: number[];
  prefixes: string[];
  last: boolean;
  isCut: true | undefined;
}

export type SentResult = Exclude<TransferResult, Page> | Columns;

export function toSend(results: readonly TransferResult[]): SentResult[] {
  return results.map((result) => (result.kind === 'page' ? columnsOf(result) : result));
}

export function received(sent: readonly SentResult[]): TransferResult[] {
  return sent.map((result) => (result.kind === 'columns' ? pageOf(result) : result));
}

function columnsOf({ id, objects, prefixes, last, isCut }: Page): Columns {
  return {
    kind: 'columns',
    id,
    keys: objects.map(({ key }) => key),
    sizes: objects.map(({ size }) => size),
    eTags: objects.map(({ eTag }) => eTag),
    lastModified: objects.map((object) => object.lastModified),
    prefixes,
    last,
    isCut,
  };
}

function pageOf({ id, keys, sizes, eTags, lastModified, prefixes, last, isCut }: Columns): Page {
  const objects = keys.map((key, index): RemoteObject => ({
    key,
    size: sizes[index]!,
    eTag: eTags[index]!,
    lastModified: lastModified[index]!,
  }));
  const page: Page = { kind: 'page', id, objects, prefixes, last };
  if (isCut !== undefined) page.isCut = isCut;
  return page;
}
