/**
 * A workflow that uses every operation, for tests that cut it off anywhere. Every step tells
 * `effect` its name when it runs; the result is always the same.
 */
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { StepSemantics, withDurableExecution } from '@aws/durable-execution-sdk-js';
import type { DurableContext, DurablePromise } from '@aws/durable-execution-sdk-js';
import type { LocalFunction, LocalHandler } from './local-host.ts';

export const CRASH_INPUT: { n: number } = { n: 7 };

export const CRASH_RESULT: Record<string, unknown> = {
  reserved: 7,
  branches: ['p1', 'p2', 'nested'],
  mapped: [10, 20, 30],
  flaky: 'at last',
  plain: { doubled: 14 },
  child: 'child of 7',
  polled: 3,
  callback: 'answer to approval',
  waited: 'answer to review',
  large: 300_000,
  all: ['x', 'y'],
  once: 'once',
};

const LARGE_CHARS = 300_000;
const again = (): { shouldRetry: true; delay: { seconds: number } } => ({
  shouldRetry: true,
  delay: { seconds: 1 },
});

export function crashFunctions(
  client: LambdaClient,
  effect: (step: string) => void,
): Record<string, LocalFunction> {
  const step = <T>(ctx: DurableContext, name: string, value: T): DurablePromise<T> =>
    ctx.step(name, async () => {
      effect(name);
      return value;
    });
  let flakyFailed = false;
  return {
    workflow: {
      durableSeconds: 86_400,
      handler: withDurableExecution(
        async (event: { n: number }, ctx) => {
          const reserved = await step(ctx, 'reserve', event.n);
          const batch = await ctx.parallel('fan out', [
            (branch) => step(branch, 'p1', 'p1'),
            async (branch) => {
              await branch.wait('pause', { seconds: 2 });
              return step(branch, 'p2', 'p2');
            },
            (branch) =>
              branch.runInChildContext('nest', (inner) => step(inner, 'nested', 'nested')),
          ]);
          const mapped = await ctx.map('each', [1, 2, 3], (inner, item) =>
            step(inner, `item ${item}`, item * 10),
          );
          const flaky = await ctx.step(
            'flaky',
            async () => {
              effect('flaky');
              if (flakyFailed) return 'at last';
              flakyFailed = true;
              throw new Error('not yet');
            },
            { retryStrategy: again },
          );
          const plain = await ctx.invoke('plain', 'plain', { n: event.n });
          const child = await ctx.invoke('child', 'child', { n: event.n });
          const polled = await ctx.waitForCondition('poll', async (state: number) => state + 1, {
            initialState: 0,
            waitStrategy: (state) =>
              state < 3
                ? { shouldContinue: true, delay: { seconds: 5 } }
                : { shouldContinue: false },
          });
          const [answer] = await ctx.createCallback('approval', { timeout: { days: 30 } });
          const callback = await answer;
          const waited = await ctx.waitForCallback('review', async () => effect('submit'), {
            heartbeatTimeout: { days: 30 },
          });
          const large = await ctx.runInChildContext('large', async (inner) => {
            const seed = await step(inner, 'seed', 'x');
            return seed.repeat(LARGE_CHARS);
          });
          const all = await ctx.promise.all('both', [step(ctx, 'x', 'x'), step(ctx, 'y', 'y')]);
          await ctx.wait('last pause', { hours: 1 });
          const once = await ctx.step(
            'once',
            async () => {
              effect('once');
              return 'once';
            },
            { semantics: StepSemantics.AtMostOncePerRetry, retryStrategy: again },
          );
          return {
            reserved,
            branches: batch.getResults(),
            mapped: mapped.getResults(),
            flaky,
            plain,
            child,
            polled,
            callback,
            waited,
            large: large.length,
            all,
            once,
          };
        },
        { client },
      ) as LocalHandler,
    },
    child: {
      durableSeconds: 3600,
      handler: withDurableExecution(
        async (event: { n: number }, ctx) => {
          const value = await step(ctx, 'child step', `child of ${event.n}`);
          await ctx.wait({ seconds: 1 });
          return value;
        },
        { client },
      ) as LocalHandler,
    },
    plain: {
      handler: (async (event: { n: number }) => ({ doubled: event.n * 2 })) as LocalHandler,
    },
  };
}

interface CallbackEvent {
  EventType?: unknown;
  ParentId?: unknown;
  Name?: unknown;
  Id?: unknown;
  CallbackStartedDetails?: { CallbackId: string };
}

/** The callbacks of a history nobody has answered, with the answers the result expects. */
export function openCallbacks(history: readonly object[]): { id: string; answer: string }[] {
  const events = history as readonly CallbackEvent[];
  const ended = new Set(
    events.filter((event) => event.EventType === 'CallbackSucceeded').map((event) => event.Id),
  );
  return events
    .filter((event) => event.EventType === 'CallbackStarted' && !ended.has(event.Id))
    .map((event) => ({
      id: event.CallbackStartedDetails!.CallbackId,
      answer: `answer to ${event.ParentId === undefined ? 'approval' : 'review'}`,
    }));
}

/** Names of the steps a history shows as done. */
export function doneSteps(history: readonly object[]): Set<unknown> {
  return new Set(
    (history as { EventType?: unknown; Name?: unknown; StepSucceededDetails?: object }[])
      .filter((event) => event.EventType === 'StepSucceeded')
      .map((event) => event.Name),
  );
}
