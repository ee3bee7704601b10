/** Handlers of AWS's step cases. */
import { createRetryStrategy, JitterStrategy, StepSemantics } from '@aws/durable-execution-sdk-js';
import { noRetry, TransientError } from '../case-tools.ts';
import type { CaseHandlers } from '../case-tools.ts';

const everySecond = (maxAttempts: number): ReturnType<typeof createRetryStrategy> =>
  createRetryStrategy({
    maxAttempts,
    initialDelay: { seconds: 1 },
    backoffRate: 1,
    jitter: JitterStrategy.NONE,
  });

export const stepHandlers: CaseHandlers = {
  '1-1': (input: string, ctx) => ctx.step(async () => `Hello, ${input}!`),
  '1-2': (input: string, ctx) => ctx.step('custom_step_name', async () => `Hello, ${input}!`),
  '1-3': async (_input, ctx) => {
    const first = await ctx.step(async () => 'first');
    return ctx.step(async () => `${first}_second`);
  },
  '1-4': (input: { name: string; tags: string[] }, ctx) =>
    ctx.step(async () => ({ user: input, count: input.tags.length })),
  '1-5': async (_input, ctx) => (await ctx.step(async () => null)) ?? null,
  '1-6': (input: string, ctx) =>
    ctx.step('shout', async () => input, {
      serdes: {
        serialize: async (value) => value?.toUpperCase(),
        deserialize: async (data) => data,
      },
    }),
  '1-7': (input: string, ctx) =>
    ctx.step('greet', async ({ logger }) => {
      logger.info(`Greeting step started for: ${input}`);
      const greeting = `Hello, ${input}!`;
      logger.info(`Greeting step completed with: ${greeting}`);
      return greeting;
    }),
  '1-8': async (_input, ctx) => {
    const value = await ctx.step(async () => 'computed');
    await ctx.wait({ seconds: 2 });
    return value;
  },
  '1-9': async (_input, ctx, tools) => {
    const value = await ctx.step(async () => {
      if (tools.count() > 1) throw new Error('ran again');
      return 'cached_value';
    });
    await ctx.wait({ seconds: 1 });
    return value;
  },
  '1-10': async (_input, ctx, tools) => {
    let caught = '';
    try {
      await ctx.step(
        'fail',
        async () => {
          throw new Error(`failure ${tools.count()}`);
        },
        { retryStrategy: noRetry },
      );
    } catch (error) {
      caught = (error as Error).message;
    }
    await ctx.wait({ seconds: 1 });
    return caught;
  },
  '1-11': (_input, ctx, tools) =>
    ctx.step(
      'unreliable',
      async () => {
        if (tools.count() < 2) throw new Error('not yet');
        return 'Operation succeeded';
      },
      { retryStrategy: everySecond(3) },
    ),
  '1-12': (_input, ctx) =>
    ctx.step(
      'always fails',
      async () => {
        throw new Error('never');
      },
      { retryStrategy: everySecond(4) },
    ),
  '1-13': (_input, ctx, tools) =>
    ctx.step('unreliable', async () => {
      if (tools.count() < 3) throw new Error('not yet');
      return 'done';
    }),
  '1-14': (_input, ctx, tools) =>
    ctx.step(
      'unreliable',
      async () => {
        if (tools.count() < 3) throw new Error('not yet');
        return 'done';
      },
      {
        retryStrategy: createRetryStrategy({
          maxAttempts: 5,
          initialDelay: { seconds: 2 },
          backoffRate: 3,
          jitter: JitterStrategy.NONE,
        }),
      },
    ),
  '1-15': (_input, ctx, tools) =>
    ctx.step(
      'transient',
      async () => {
        if (tools.count() < 2) throw new TransientError('try again');
        return 'done';
      },
      {
        retryStrategy: (error) =>
          error instanceof TransientError
            ? { shouldRetry: true, delay: { seconds: 1 } }
            : { shouldRetry: false },
      },
    ),
  '1-16': (_input, ctx) =>
    ctx.step(
      'transient',
      async () => {
        throw new TransientError('no use');
      },
      {
        retryStrategy: (error) =>
          error instanceof TransientError
            ? { shouldRetry: false }
            : { shouldRetry: true, delay: { seconds: 1 } },
      },
    ),
  '1-17': (input: string, ctx, tools) =>
    ctx.step(
      'at_most_once_flaky_step',
      async ({ logger }) => {
        logger.info(`about to crash: ${input}`);
        return tools.crash();
      },
      { semantics: StepSemantics.AtMostOncePerRetry, retryStrategy: noRetry },
    ),
  '1-18': (input: string, ctx, tools) =>
    ctx.step(
      'at_most_once',
      async ({ logger }) => {
        logger.info(`attempt for: ${input}`);
        if (tools.count() === 1) await tools.crash();
        return 'succeeded on second attempt';
      },
      { semantics: StepSemantics.AtMostOncePerRetry, retryStrategy: everySecond(3) },
    ),
  '1-19': (_input, ctx) =>
    ctx.step(
      'fail',
      async () => {
        throw new Error('for good');
      },
      { retryStrategy: noRetry },
    ),
  '1-20': async (_input, ctx) => {
    try {
      await ctx.step(
        'fail',
        async () => {
          throw new Error('caught');
        },
        { retryStrategy: noRetry },
      );
    } catch {
      return ctx.step('fall back', async () => 'fallback_result');
    }
    return 'not reached';
  },
};
