/** Handlers of AWS's wait-for-callback cases. */
import type { CaseHandlers } from '../case-tools.ts';

/** Tells nobody: the driver finds the callback in the history. */
const submit = async (): Promise<void> => {};

export const waitForCallbackHandlers: CaseHandlers = {
  '7-1': (input: string, ctx) => ctx.waitForCallback(input, submit),
  '7-2': (_input, ctx) => ctx.waitForCallback('approval', submit),
  '7-3': (_input, ctx) => ctx.waitForCallback(async () => {}),
  '7-4': (input: string, ctx) => ctx.waitForCallback(input, submit),
  '7-5': (input: string, ctx) => ctx.waitForCallback(input, submit, { timeout: { seconds: 3 } }),
  '7-6': async (input: string, ctx) => {
    try {
      return await ctx.waitForCallback(input, submit);
    } catch {
      return 'recovered';
    }
  },
  '7-7': (input: string, ctx) =>
    ctx.waitForCallback(
      input,
      async () => {
        throw new Error('cannot submit');
      },
      {
        retryStrategy: (_error, attempt) =>
          attempt < 2 ? { shouldRetry: true, delay: { seconds: 1 } } : { shouldRetry: false },
      },
    ),
  '7-8': (input: string, ctx) =>
    ctx.runInChildContext('wrapper', async (child) => child.waitForCallback(input, submit)),
  '7-9': async (_input, ctx) => {
    await ctx.waitForCallback('first', submit);
    return ctx.waitForCallback('second', submit);
  },
  '7-10': async (input: string, ctx) => {
    await ctx.wait({ seconds: 1 });
    await ctx.step(async () => ({ fixed: true }));
    return ctx.waitForCallback(input, submit);
  },
  '7-11': async (input: string, ctx) => {
    const answer = await ctx.waitForCallback<{ status: string }>(input, submit, {
      serdes: { deserialize: async (data) => JSON.parse(data!) as { status: string } },
    });
    return answer.status;
  },
  '7-12': (input: string, ctx) =>
    ctx.waitForCallback(input, submit, { heartbeatTimeout: { seconds: 5 } }),
  '7-13': (input: string, ctx) =>
    ctx.waitForCallback(input, submit, { heartbeatTimeout: { seconds: 10 } }),
  '7-14': async (input: string, ctx) => {
    try {
      return await ctx.waitForCallback(input, submit, { timeout: { seconds: 3 } });
    } catch {
      return 'timed-out-handled';
    }
  },
  '7-15': (input: string, ctx) => ctx.waitForCallback(input, submit),
};
