/**
 * Handlers of AWS's chained invoke cases. Where the payload is text the operation has a name: of two
 * texts the SDK would take the second for the function.
 */
import { ECHO, FAILING } from '../case-tools.ts';
import type { CaseHandlers } from '../case-tools.ts';

/** Near the limit of a chained invoke's payload. */
const LARGE_CHARS = 700_000;

export const invokeHandlers: CaseHandlers = {
  '5-1': (input: string, ctx) => ctx.invoke('echo', ECHO, input),
  '5-2': (input: { name: string; payload: string }, ctx) =>
    ctx.invoke(input.name, ECHO, input.payload),
  '5-3': (input: object, ctx) => ctx.invoke(ECHO, input),
  '5-4': (_input, ctx) => ctx.invoke(ECHO, null),
  '5-5': (_input, ctx) => ctx.invoke(FAILING, null),
  '5-6': async (_input, ctx) => {
    try {
      return await ctx.invoke(FAILING, null);
    } catch {
      return 'fallback';
    }
  },
  '5-7': async (_input, ctx) => {
    const echoed = await ctx.invoke<string, string>('echo', ECHO, 'x'.repeat(LARGE_CHARS));
    return echoed.length;
  },
  '5-8': (input: { tenantId: string; payload: string }, ctx) =>
    ctx.invoke('tenant', ECHO, input.payload, { tenantId: input.tenantId }),
  '5-9': async (_input, ctx) => {
    const value = await ctx.invoke('echo', ECHO, 'once');
    await ctx.wait({ seconds: 1 });
    return value;
  },
  '5-10': async (_input, ctx) => {
    const message = await ctx
      .invoke<null, string>(FAILING, null)
      .catch((error: unknown) => (error as Error).message);
    await ctx.wait({ seconds: 1 });
    return message;
  },
  '5-11': async (_input, ctx) => {
    const value = await ctx.step(async () => 'from step');
    return ctx.invoke('echo', ECHO, value);
  },
  '5-12': async (_input, ctx) => {
    const value = await ctx.invoke<string, string>('echo', ECHO, 'from invoke');
    return ctx.step(async () => value);
  },
  '5-13': (_input, ctx) =>
    ctx.runInChildContext(async (child) => child.invoke('echo', ECHO, 'from child')),
  '5-14': async (_input, ctx) => {
    const first = await ctx.invoke<string, string>('echo', ECHO, 'one');
    const second = await ctx.invoke<string, string>('echo', ECHO, 'two');
    return [first, second];
  },
  '5-15': (input: { data: string }, ctx) =>
    ctx.invoke<{ data: string }, unknown>('custom payload', ECHO, input, {
      payloadSerdes: {
        serialize: async (value) => JSON.stringify({ data: value?.data.toUpperCase() }),
        deserialize: async (data) => JSON.parse(data!) as { data: string },
      },
    }),
  '5-16': (input: string, ctx) =>
    ctx.invoke<string, string>('custom result', ECHO, input, {
      resultSerdes: {
        serialize: async (value) => value,
        deserialize: async (data) => data?.toUpperCase(),
      },
    }),
};
