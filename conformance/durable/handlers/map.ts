/** Handlers of AWS's map cases. One item at a time, so that histories are always the same. */
import { BatchItemStatus, NestingType } from '@aws/durable-execution-sdk-js';
import type { BatchResult, DurableContext, Serdes } from '@aws/durable-execution-sdk-js';
import type { CaseHandlers } from '../case-tools.ts';

const one = { maxConcurrency: 1 };
/** Four of these do not fit into a context's checkpoint. */
const LARGE_CHARS = 70_000;

type Field = 'completionReason' | 'status' | 'successCount' | 'failureCount' | 'totalCount';

function project(batch: BatchResult<unknown>, ...fields: Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, batch[field]]));
}

const ALL: Field[] = ['completionReason', 'status', 'successCount', 'failureCount', 'totalCount'];
const COUNTS: Field[] = ['completionReason', 'successCount', 'failureCount', 'totalCount'];

/** Returns the item, or fails if it is `fail`. */
const returnOrFail = async (_context: DurableContext, item: string): Promise<string> => {
  if (item === 'fail') throw new Error('item failed');
  return item;
};

const shout = async (_context: DurableContext, item: string): Promise<string> => item.toUpperCase();

const wholeResult: Serdes<BatchResult<string>> = {
  serialize: async (batch) => `OPSERDE:${batch!.getResults().join(',')}`,
  deserialize: async (data) => {
    const results = data!.slice('OPSERDE:'.length).split(',');
    return {
      all: results.map((result, index) => ({ result, index, status: BatchItemStatus.SUCCEEDED })),
      getResults: () => results,
    } as unknown as BatchResult<string>;
  },
};

export const mapHandlers: CaseHandlers = {
  '9-1': async (input: string[], ctx) => {
    const batch = await ctx.map(
      'map',
      input,
      async (inner, item) => inner.step(async () => `Hello, ${item}!`),
      one,
    );
    return batch.getResults();
  },
  '9-2': async (input: number[], ctx) =>
    (await ctx.map(input, async (_inner, item) => item * 2, one)).getResults(),
  '9-3': async (input: number[], ctx) =>
    (
      await ctx.map('indexed', input, async (_inner, item, index) => item + index, one)
    ).getResults(),
  '9-4': async (input: string[], ctx) =>
    (await ctx.map('empty', input, returnOrFail, one)).getResults(),
  '9-5': async (_input, ctx) =>
    project(
      await ctx.map('fail fast', ['ok', 'fail', 'never'], returnOrFail, {
        ...one,
        completionConfig: { toleratedFailureCount: 0 },
      }),
      ...ALL,
    ),
  '9-6': async (_input, ctx) => {
    const batch = await ctx.map('rethrow', ['fail', 'never'], returnOrFail, {
      ...one,
      completionConfig: { toleratedFailureCount: 0 },
    });
    batch.throwIfError();
  },
  '9-7': async (_input, ctx) =>
    project(
      await ctx.map('enough', ['a', 'b', 'c', 'd'], returnOrFail, {
        ...one,
        completionConfig: { minSuccessful: 2 },
      }),
      'completionReason',
      'successCount',
      'totalCount',
    ),
  '9-8': async (_input, ctx) =>
    project(
      await ctx.map('tolerant', ['a', 'fail', 'c'], returnOrFail, {
        ...one,
        completionConfig: { toleratedFailureCount: 1 },
      }),
      ...ALL,
    ),
  '9-9': async (_input, ctx) =>
    project(
      await ctx.map('too many', ['fail', 'fail', 'c'], returnOrFail, {
        ...one,
        completionConfig: { toleratedFailureCount: 1 },
      }),
      ...COUNTS,
    ),
  '9-10': async (_input, ctx) =>
    project(
      await ctx.map('percentage', ['fail', 'fail', 'c', 'd'], returnOrFail, {
        ...one,
        completionConfig: { toleratedFailurePercentage: 25 },
      }),
      ...COUNTS,
    ),
  '9-11': async (_input, ctx) => {
    const batch = await ctx.map('two at a time', ['r0', 'r1', 'r2'], returnOrFail, {
      maxConcurrency: 2,
    });
    return batch.getResults();
  },
  '9-12': async (_input, ctx) => {
    const batch = await ctx.map(
      'flat',
      ['fa', 'fb'],
      async (inner, item) => inner.step(async () => item),
      { ...one, nesting: NestingType.FLAT },
    );
    return batch.getResults();
  },
  '9-13': async (input: number[], ctx) => {
    const batch = await ctx.map('named-items', input, async (_inner, item) => item * 10, {
      ...one,
      itemNamer: (item) => `item-${item}`,
    });
    return batch.getResults();
  },
  '9-14': async (_input, ctx) => {
    const batch = await ctx.map('wrapped', ['x', 'y'], shout, {
      ...one,
      itemSerdes: {
        serialize: async (value) => `wrapped:${value}`,
        deserialize: async (data) => data!.slice('wrapped:'.length),
      },
    });
    return batch.getResults();
  },
  '9-15': async (_input, ctx) => {
    const batch = await ctx.map(
      'suspending',
      ['r0', 'r1'],
      async (inner, item, index) => {
        if (index === 1) await inner.wait({ seconds: 1 });
        return inner.step(async () => item);
      },
      one,
    );
    return batch.getResults();
  },
  '9-16': async (_input, ctx) =>
    project(
      await ctx.map(
        'large',
        ['a', 'b', 'c', 'd'],
        async (_inner, item) => item.repeat(LARGE_CHARS),
        one,
      ),
      'successCount',
      'totalCount',
    ),
  '9-17': async (_input, ctx) => {
    const batch = await ctx.map('then wait', ['a', 'b'], shout, one);
    await ctx.wait({ seconds: 1 });
    return batch.getResults();
  },
  '9-18': async (_input, ctx) => {
    const batch = await ctx.map('then wait', ['ok', 'fail'], returnOrFail, {
      ...one,
      completionConfig: { toleratedFailureCount: 1 },
    });
    await ctx.wait({ seconds: 1 });
    return project(batch, ...ALL);
  },
  '9-19': async (_input, ctx) => {
    const batch = await ctx.map('whole', ['x', 'y'], shout, { ...one, serdes: wholeResult });
    return batch.getResults();
  },
  '9-20': async (_input, ctx) => {
    const batch = await ctx.map('whole', ['x', 'y'], shout, { ...one, serdes: wholeResult });
    await ctx.wait({ seconds: 1 });
    return batch.getResults();
  },
};
