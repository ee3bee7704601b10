/** Handlers of AWS's child context cases. */
import { createRetryStrategy, JitterStrategy } from '@aws/durable-execution-sdk-js';
import { noRetry } from '../case-tools.ts';
import type { CaseHandlers } from '../case-tools.ts';

const twoAttempts = createRetryStrategy({
  maxAttempts: 2,
  initialDelay: { seconds: 1 },
  backoffRate: 1,
  jitter: JitterStrategy.NONE,
});
/** More than fits into a context's checkpoint. */
const LARGE_CHARS = 300_000;

export const childHandlers: CaseHandlers = {
  '3-1': (input: string, ctx) =>
    ctx.runInChildContext(async (child) => child.step(async () => input)),
  '3-2': (input: { name: string; value: string }, ctx) =>
    ctx.runInChildContext(input.name, async (child) => child.step(async () => input.value)),
  '3-3': (input: string, ctx) =>
    ctx.runInChildContext('pair', async (child) => {
      const first = await child.step(async () => input);
      return child.step(async () => first);
    }),
  '3-4': (_input, ctx) =>
    ctx.runInChildContext('failing', async (child) =>
      child.step(
        'fail',
        async () => {
          throw new Error('inner');
        },
        { retryStrategy: noRetry },
      ),
    ),
  '3-5': async (input: string, ctx) => {
    try {
      await ctx.runInChildContext(async (child) =>
        child.step(
          'fail',
          async () => {
            throw new Error('inner');
          },
          { retryStrategy: noRetry },
        ),
      );
    } catch {
      return ctx.step('recover', async () => input);
    }
    return 'not reached';
  },
  '3-6': (input: string, ctx) =>
    ctx.runInChildContext('outer', async (outer) => {
      await outer.step(async () => input);
      return outer.runInChildContext('inner', async (inner) => inner.step(async () => input));
    }),
  '3-7': (input: string, ctx, tools) =>
    ctx.runInChildContext('retrying', async (child) =>
      child.step(
        'unreliable',
        async () => {
          if (tools.count() < 2) throw new Error('not yet');
          return input;
        },
        { retryStrategy: twoAttempts },
      ),
    ),
  '3-8': (_input, ctx) =>
    ctx.runInChildContext('exhausted', async (child) =>
      child.step(
        'fail',
        async () => {
          throw new Error('always');
        },
        { retryStrategy: twoAttempts },
      ),
    ),
  '3-9': async (input: string, ctx) => {
    const value = await ctx.runInChildContext(async (child) => child.step(async () => input));
    await ctx.wait({ seconds: 1 });
    return value;
  },
  '3-10': (input: string, ctx) =>
    ctx.runInChildContext('mixed', async (child) => {
      const value = await child.step(async () => input);
      await child.wait({ seconds: 1 });
      return value;
    }),
  '3-11': async (input: string, ctx) => {
    const large = await ctx.runInChildContext('large', async (child) => {
      child.configureLogger({ modeAware: false });
      child.logger.info(`building for: ${input}`);
      const seed = await child.step(async () => 'x');
      return seed.repeat(LARGE_CHARS);
    });
    await ctx.wait({ seconds: 1 });
    return large.length;
  },
  '3-12': (input: string, ctx, tools) =>
    ctx.runInChildContext(async (child) =>
      child.step('interrupted', async () => {
        if (tools.count() === 1) await tools.crash();
        return input;
      }),
    ),
  '3-13': async (input: string, ctx) => {
    const value = await ctx.runInChildContext('waiting', async (child) => {
      await child.wait({ seconds: 1 });
      return input;
    });
    return ctx.step(async () => value);
  },
  '3-14': (input: string, ctx) =>
    ctx.runInChildContext('shout', async (child) => child.step(async () => input), {
      serdes: {
        serialize: async (value) => value?.toUpperCase(),
        deserialize: async (data) => data,
      },
    }),
  '3-15': (_input, ctx) =>
    ctx.runInChildContext('throwing', async () => {
      throw new Error('straight from the body');
    }),
  '3-16': async (_input, ctx) => (await ctx.runInChildContext('null', async () => null)) ?? null,
  '3-17': async (input: string, ctx) => {
    const value = await ctx.runInChildContext('logging', async (child) => {
      child.configureLogger({ modeAware: false });
      child.logger.info(`only once: ${input}`);
      return input;
    });
    await ctx.wait({ seconds: 1 });
    return value;
  },
  '3-18': async (input: string, ctx) => {
    const value = await ctx.runInChildContext('mixed', async (child) => {
      const inner = await child.step(async () => input);
      await child.wait({ seconds: 1 });
      return inner;
    });
    const outer = await ctx.step(async () => value);
    await ctx.wait({ seconds: 1 });
    return outer;
  },
};
