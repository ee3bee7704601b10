/** Handlers of AWS's parallel cases. One branch at a time, so that histories are always the same. */
import { NestingType } from '@aws/durable-execution-sdk-js';
import type { BatchResult } from '@aws/durable-execution-sdk-js';
import type { CaseHandlers } from '../case-tools.ts';

const one = { maxConcurrency: 1 };

function returns<T>(value: T): () => Promise<T> {
  return async () => value;
}

const fails = async (): Promise<string> => {
  throw new Error('branch failed');
};

type Field = 'completionReason' | 'status' | 'successCount' | 'failureCount' | 'totalCount';

function project(batch: BatchResult<unknown>, ...fields: Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, batch[field]]));
}

const ALL: Field[] = ['completionReason', 'status', 'successCount', 'failureCount', 'totalCount'];
const COUNTS: Field[] = ['completionReason', 'successCount', 'failureCount', 'totalCount'];

export const parallelHandlers: CaseHandlers = {
  '8-1': async (_input, ctx) => {
    const batch = await ctx.parallel(
      'parallel',
      [
        async (branch) => branch.step(returns('task-1')),
        async (branch) => branch.step(returns('task-2')),
      ],
      one,
    );
    return batch.getResults();
  },
  '8-2': async (_input, ctx) => {
    const batch = await ctx.parallel([returns('alpha'), returns('beta')], one);
    return batch.getResults();
  },
  '8-3': async (_input, ctx) => {
    const batch = await ctx.parallel(
      'named',
      [
        { name: 'first', func: returns('one') },
        { name: 'second', func: returns('two') },
      ],
      one,
    );
    return batch.getResults();
  },
  '8-4': async (_input, ctx) => {
    const batch = await ctx.parallel<unknown>(
      'types',
      [returns('hello'), returns(42), returns({ k: 'v' })],
      one,
    );
    return batch.getResults();
  },
  '8-5': async (_input, ctx) => (await ctx.parallel('empty', [], one)).getResults(),
  '8-6': async (_input, ctx) =>
    project(
      await ctx.parallel('fail fast', [returns('ok'), fails, returns('never')], {
        ...one,
        completionConfig: { toleratedFailureCount: 0 },
      }),
      ...ALL,
    ),
  '8-7': async (_input, ctx) => {
    const batch = await ctx.parallel('rethrow', [fails, returns('never')], {
      ...one,
      completionConfig: { toleratedFailureCount: 0 },
    });
    batch.throwIfError();
  },
  '8-8': async (_input, ctx) =>
    project(
      await ctx.parallel('enough', [returns('a'), returns('b'), returns('c'), returns('d')], {
        ...one,
        completionConfig: { minSuccessful: 2 },
      }),
      'completionReason',
      'successCount',
      'totalCount',
    ),
  '8-9': async (_input, ctx) =>
    project(
      await ctx.parallel('tolerant', [returns('a'), fails, returns('c')], {
        ...one,
        completionConfig: { toleratedFailureCount: 1 },
      }),
      ...ALL,
    ),
  '8-10': async (_input, ctx) =>
    project(
      await ctx.parallel('too many', [fails, fails, returns('c')], {
        ...one,
        completionConfig: { toleratedFailureCount: 1 },
      }),
      ...COUNTS,
    ),
  '8-11': async (_input, ctx) => {
    const batch = await ctx.parallel(
      'two at a time',
      [returns('r0'), returns('r1'), returns('r2')],
      {
        maxConcurrency: 2,
      },
    );
    return batch.getResults();
  },
  '8-12': async (_input, ctx) => {
    const batch = await ctx.parallel(
      'flat',
      [async (branch) => branch.step(returns('fa')), async (branch) => branch.step(returns('fb'))],
      { ...one, nesting: NestingType.FLAT },
    );
    return batch.getResults();
  },
  '8-13': async (_input, ctx) =>
    project(
      await ctx.parallel('percentage', [fails, fails, returns('c'), returns('d')], {
        ...one,
        completionConfig: { toleratedFailurePercentage: 25 },
      }),
      ...COUNTS,
    ),
  '8-14': async (_input, ctx) => {
    const batch = await ctx.parallel(
      'suspending',
      [
        async (branch) => branch.step(returns('b0')),
        async (branch) => {
          await branch.wait({ seconds: 2 });
          return 'b1';
        },
      ],
      one,
    );
    return batch.getResults();
  },
  '8-15': async (_input, ctx) => {
    const batch = await ctx.parallel('wrapped', [returns('x'), returns('y')], {
      ...one,
      itemSerdes: {
        serialize: async (value) => JSON.stringify({ wrapped: value }),
        deserialize: async (data) => (JSON.parse(data!) as { wrapped: string }).wrapped,
      },
    });
    return batch.getResults();
  },
  '8-16': async (_input, ctx) =>
    project(
      await ctx.parallel('all fail', [fails, fails, fails], {
        ...one,
        completionConfig: { toleratedFailureCount: 3 },
      }),
      ...ALL,
    ),
  '8-17': async (_input, ctx) =>
    project(
      await ctx.parallel('never enough', [returns('a'), fails, returns('c')], {
        ...one,
        completionConfig: { minSuccessful: 3 },
      }),
      ...ALL,
    ),
  '8-18': async (_input, ctx) =>
    project(
      await ctx.parallel('both', [fails, fails, returns('c'), returns('d')], {
        ...one,
        completionConfig: { minSuccessful: 3, toleratedFailureCount: 1 },
      }),
      ...COUNTS,
    ),
  '8-19': async (_input, ctx) => {
    const batch = await ctx.parallel('invalid', [returns('a'), returns('b')], {
      maxConcurrency: 0,
    });
    return batch.getResults();
  },
  '8-20': async (_input, ctx) => {
    const batch = await ctx.parallel('accessors', [returns('a'), fails, returns('c')], {
      ...one,
      completionConfig: { toleratedFailureCount: 1 },
    });
    return {
      hasFailure: batch.hasFailure,
      successCount: batch.succeeded().length,
      failureCount: batch.failed().length,
      errorCount: batch.getErrors().length,
    };
  },
  '8-21': async (_input, ctx) => {
    const outer = await ctx.parallel(
      'outer',
      [
        async (branch) => {
          const inner = await branch.parallel(
            'inner',
            [async (leaf) => leaf.step(returns('i1')), async (leaf) => leaf.step(returns('i2'))],
            one,
          );
          return inner.getResults();
        },
      ],
      one,
    );
    return outer.getResults();
  },
  '8-22': async (_input, ctx) =>
    project(
      await ctx.parallel('exactly', [fails, returns('b'), returns('c'), returns('d')], {
        ...one,
        completionConfig: { toleratedFailurePercentage: 25 },
      }),
      ...ALL,
    ),
};
