/** Handlers of AWS's callback cases. */
import type { CaseHandlers } from '../case-tools.ts';

export const callbackHandlers: CaseHandlers = {
  '4-1': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    return answer;
  },
  '4-2': async (_input, ctx) => {
    const [answer] = await ctx.createCallback('approval');
    return answer;
  },
  '4-3': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { timeout: { seconds: 5 } });
    return answer;
  },
  '4-4': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { heartbeatTimeout: { seconds: 5 } });
    return answer;
  },
  '4-5': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { heartbeatTimeout: { seconds: 10 } });
    return answer;
  },
  '4-6': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    return answer;
  },
  '4-7': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    await ctx.step(async () => 'in between');
    return answer;
  },
  '4-8': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { timeout: { seconds: 5 } });
    await ctx.step(async () => 'in between');
    return answer;
  },
  '4-9': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    await ctx.wait({ seconds: 5 });
    return answer;
  },
  '4-10': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    await ctx.wait({ seconds: 5 });
    return answer;
  },
  '4-11': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { timeout: { seconds: 3 } });
    await ctx.wait({ seconds: 6 });
    return answer;
  },
  '4-12': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    const value = await answer;
    await ctx.wait({ seconds: 2 });
    return value;
  },
  '4-13': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input);
    const message = await answer.catch((error: unknown) => `caught: ${(error as Error).message}`);
    await ctx.wait({ seconds: 2 });
    return message;
  },
  '4-14': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback(input, { timeout: { seconds: 3 } });
    const message = await answer.catch((error: unknown) => `caught: ${(error as Error).message}`);
    await ctx.wait({ seconds: 2 });
    return message;
  },
  '4-15': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback<{ timestamp: Date }>(input, {
      serdes: {
        deserialize: async (data) => {
          const parsed = JSON.parse(data!) as { timestamp: string };
          return { ...parsed, timestamp: new Date(parsed.timestamp) };
        },
      },
    });
    const received = await answer;
    return { received: { ...received, timestamp: received.timestamp.getTime() / 1000 } };
  },
  '4-16': async (input: string, ctx) => {
    const [answer] = await ctx.createCallback<number>(input, {
      serdes: { deserialize: async (data) => Number(data) },
    });
    const count = await answer;
    return { count, doubled: count * 2 };
  },
  '4-17': async (input: [string, string], ctx) => {
    const [first] = await ctx.createCallback(input[0]);
    const one = await first;
    const [second] = await ctx.createCallback(input[1]);
    return [one, await second];
  },
  '4-18': async (input: [string, string], ctx) => {
    const [first] = await ctx.createCallback(input[0]);
    const [second] = await ctx.createCallback(input[1]);
    return [await first, await second];
  },
  '4-19': async (input: [string, string], ctx) => {
    const [first] = await ctx.createCallback(input[0]);
    const [second] = await ctx.createCallback(input[1]);
    const two = await second;
    return [await first, two];
  },
};
