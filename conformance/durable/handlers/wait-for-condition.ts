/** Handlers of AWS's wait-for-condition cases. */
import { createWaitStrategy, JitterStrategy } from '@aws/durable-execution-sdk-js';
import type { WaitForConditionDecision } from '@aws/durable-execution-sdk-js';
import type { CaseHandlers } from '../case-tools.ts';

const DONE: WaitForConditionDecision = { shouldContinue: false };

function after(seconds: number): WaitForConditionDecision {
  return { shouldContinue: true, delay: { seconds } };
}

const increment = async (state: number): Promise<number> => state + 1;

function until(threshold: number, seconds = 1): (state: number) => WaitForConditionDecision {
  return (state) => (state < threshold ? after(seconds) : DONE);
}

export const waitForConditionHandlers: CaseHandlers = {
  '6-1': (input: number, ctx) =>
    ctx.waitForCondition(increment, { initialState: 0, waitStrategy: until(input) }),
  '6-2': (input: number, ctx) =>
    ctx.waitForCondition(async (state: number) => state, {
      initialState: input,
      waitStrategy: until(input),
    }),
  '6-3': (input: number, ctx) =>
    ctx.waitForCondition('poll-status', increment, {
      initialState: 0,
      waitStrategy: until(input),
    }),
  '6-4': (input: number, ctx) =>
    ctx.waitForCondition(increment, { initialState: 5, waitStrategy: until(input) }),
  '6-5': (input: number, ctx) =>
    ctx.waitForCondition(increment, { initialState: 0, waitStrategy: until(input, 2) }),
  '6-6': (_input, ctx) =>
    ctx.waitForCondition(increment, {
      initialState: 0,
      waitStrategy: createWaitStrategy<number>({
        maxAttempts: 3,
        initialDelay: { seconds: 1 },
        backoffRate: 1,
        jitter: JitterStrategy.NONE,
        shouldContinuePolling: () => true,
      }),
    }),
  '6-7': (_input, ctx) =>
    ctx.waitForCondition(
      async (): Promise<number> => {
        throw new Error('check failed');
      },
      { initialState: 0, waitStrategy: until(1) },
    ),
  '6-8': async (_input, ctx) => {
    try {
      await ctx.waitForCondition(
        async (): Promise<number> => {
          throw new Error('check failed');
        },
        { initialState: 0, waitStrategy: until(1) },
      );
    } catch {
      return 'recovered';
    }
    return 'not reached';
  },
  '6-9': (_input, ctx) =>
    ctx.waitForCondition(
      async (state: { status: string; attempts: number }) => {
        const attempts = state.attempts + 1;
        return { status: attempts >= 2 ? 'DONE' : 'PENDING', attempts };
      },
      {
        initialState: { status: 'PENDING', attempts: 0 },
        waitStrategy: (state) => (state.status === 'PENDING' ? after(1) : DONE),
      },
    ),
  '6-10': async (_input, ctx) =>
    (await ctx.waitForCondition<null>(async () => null, {
      initialState: null,
      waitStrategy: () => DONE,
    })) ?? null,
  '6-11': (_input, ctx) =>
    ctx.waitForCondition(async (state: string) => `${state}x`, {
      initialState: '',
      waitStrategy: (state) => (state.length < 2 ? after(1) : DONE),
      serdes: {
        serialize: async (value) => Buffer.from(value ?? '').toString('hex'),
        deserialize: async (data) => Buffer.from(data ?? '', 'hex').toString(),
      },
    }),
  '6-12': async (input: number, ctx) => {
    const state = await ctx.waitForCondition(increment, {
      initialState: 0,
      waitStrategy: until(input),
    });
    return ctx.step(async () => state * 10);
  },
  '6-13': async (_input, ctx) => {
    const first = await ctx.waitForCondition(increment, {
      initialState: 0,
      waitStrategy: until(2),
    });
    return ctx.waitForCondition(increment, { initialState: first, waitStrategy: until(4) });
  },
};
