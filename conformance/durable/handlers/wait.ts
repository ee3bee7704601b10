/** Handlers of AWS's wait cases. */
import type { CaseHandlers } from '../case-tools.ts';

export const waitHandlers: CaseHandlers = {
  '2-1': (_input, ctx) => ctx.wait({ seconds: 2 }),
  '2-2': (_input, ctx) => ctx.wait('custom_wait_name', { seconds: 2 }),
  '2-3': async (_input, ctx) => {
    await ctx.wait('wait-1', { seconds: 2 });
    await ctx.wait('wait-2', { seconds: 2 });
    return { completedWaits: 2 };
  },
  '2-4': (_input, ctx) => ctx.wait({ minutes: 1 }),
  '2-5': (_input, ctx) => ctx.wait({ hours: 1 }),
};
