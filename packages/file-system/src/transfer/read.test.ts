import { setImmediate } from 'node:timers/promises';
import type { Bucket, ListOptions, ListPage } from '@moorage/object-store';
import { expect, test } from 'vitest';
import type { TransferJob, TransferResult } from './jobs.ts';
import { listObjects } from './read.ts';

const pageCount = 9;
const list = { kind: 'list', id: 1, prefix: 'p/', recursive: false } as const;

/** Pages `p/0`, `p/1`, …, which soon say where the next one begins and are here when `answer` is called. */
class Pages {
  readonly asked: number[] = [];
  readonly #waiting = new Map<number, { resolve: (page: ListPage) => void; reject: () => void }>();
  readonly bucket = {
    list: ({ continuation = '0', onContinuation }: ListOptions) => {
      const number = Number(continuation);
      this.asked.push(number);
      const page = new Promise<ListPage>((resolve, reject) => {
        this.#waiting.set(number, { resolve, reject: () => reject(new Error(`page ${number}`)) });
      });
      if (number + 1 < pageCount) queueMicrotask(() => onContinuation?.(String(number + 1)));
      return page;
    },
  } as unknown as Bucket;

  answer(number: number): void {
    const object = { key: `p/${number}`, size: 0, eTag: 'e', lastModified: 0 };
    const page: ListPage = { objects: [object], prefixes: [] };
    if (number + 1 < pageCount) page.continuation = String(number + 1);
    this.#waiting.get(number)!.resolve(page);
  }

  fail(number: number): void {
    this.#waiting.get(number)!.reject();
  }
}

function start(pages: Pages, job: Extract<TransferJob, { kind: 'list' }> = list) {
  const emitted: TransferResult[] = [];
  const result = listObjects(pages.bucket, job, (page) => emitted.push(page));
  return { emitted, result };
}

const keyOf = (result: TransferResult): string | undefined =>
  result.kind === 'page' ? result.objects[0]?.key : undefined;

test('a few pages are asked for ahead, once each, and come in their order whichever is here first', async () => {
  const pages = new Pages();
  const { emitted, result } = start(pages);
  await setImmediate();
  const ahead = pages.asked.length;
  expect(pages.asked).toEqual(Array.from({ length: ahead }, (_, page) => page));
  expect(ahead).toBeGreaterThan(1);
  expect(ahead).toBeLessThan(pageCount);
  for (let page = ahead - 1; page >= 0; page--) pages.answer(page);
  for (let page = ahead; page < pageCount; page++) {
    await expect.poll(() => pages.asked).toContain(page);
    pages.answer(page);
  }
  const all = [...emitted, await result];
  expect(all.map(keyOf)).toEqual(Array.from({ length: pageCount }, (_, page) => `p/${page}`));
  expect(all.map((page) => page.kind === 'page' && page.last)).toEqual(
    all.map((_, page) => page === pageCount - 1),
  );
  expect(pages.asked).toEqual(Array.from({ length: pageCount }, (_, page) => page));
});

test('a page that fails ends the listing, though later ones are here', async () => {
  const pages = new Pages();
  const { emitted, result } = start(pages);
  await setImmediate();
  pages.answer(2);
  pages.answer(0);
  pages.fail(1);
  await expect(result).rejects.toThrow('page 1');
  expect(emitted.map(keyOf)).toEqual(['p/0']);
});

test('of a directory that nobody has looked into, one page is asked for', async () => {
  const pages = new Pages();
  const { result } = start(pages, { ...list, countMax: 1 });
  await setImmediate();
  pages.answer(0);
  expect(await result).toMatchObject({ last: true, isCut: true });
  expect(pages.asked).toEqual([0]);
});
