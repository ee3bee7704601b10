import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { LambdaClient } from '@aws-sdk/client-lambda';
import { withDurableExecution, type DurableContext } from '@aws/durable-execution-sdk-js';
import {
  AfterToolCallEvent,
  type Agent,
  ContextWindowOverflowError,
  FunctionTool,
  MaxTokensError,
  ModelThrottledError,
  NullConversationManager,
  SummarizingConversationManager,
  tool,
} from '@strands-agents/sdk';
import {
  startLocalHost,
  VirtualClock,
  type LocalHandler,
  type LocalHost,
} from '@moorage/durable/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';

import {
  durableAgent,
  type DurableAgentConfig,
  type DurableAgentOptions,
} from './durable-agent.ts';
import { ScriptedModel, type ScriptedTurn } from './scripted-model.ts';

let dir: string;
let host: LocalHost | undefined;
/** Positions of the script that the model was asked for, in order. */
let paid: number[];
/** Inputs that the tool `note` was called with. */
let noted: unknown[];
let invocations: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'durable-agent-'));
  paid = [];
  noted = [];
  invocations = 0;
});

afterEach(async () => {
  await host?.close();
  await rm(dir, { recursive: true });
});

const note = tool({
  name: 'note',
  description: 'Notes a text.',
  inputSchema: z.object({ text: z.string() }),
  callback: ({ text }) => {
    noted.push(text);
    return `noted ${text}`;
  },
});

/** Runs a durable handler to its end; returns its result and the names of its steps. */
async function run<T>(
  handler: (context: DurableContext) => Promise<T>,
): Promise<{ value: T; steps: string[] }> {
  host = await startLocalHost({
    dir,
    clock: new VirtualClock(Date.now()),
    functions: (endpoint) => ({
      main: {
        durableSeconds: 86_400,
        handler: withDurableExecution(
          (_event: unknown, context) => {
            invocations++;
            return handler(context);
          },
          {
            client: new LambdaClient({
              endpoint,
              region: 'us-east-1',
              credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
            }),
          },
        ) as LocalHandler,
      },
    }),
  });
  const result = await host.run('main', {}, 'main-1');
  if (result.error !== undefined) throw new Error(JSON.stringify(result.error));
  const [summary] = host.service.list('main');
  const steps = host.service
    .history(summary!.executionArn)
    .filter((event) => event['EventType'] === 'StepStarted')
    .map((event) => String(event['Name']));
  return { value: JSON.parse(result.result ?? 'null') as T, steps };
}

/** The agent under test, on a script. */
function agentOf(
  context: DurableContext,
  script: readonly ScriptedTurn[],
  config: DurableAgentConfig = {},
  options: DurableAgentOptions = {},
) {
  const model = new ScriptedModel(script, (position) => void paid.push(position));
  return durableAgent(context, { model, tools: [note], ...config }, options);
}

const contentOf = (agent: Agent): string =>
  JSON.stringify(agent.messages.map((message) => message.toJSON().content));

const SCRIPT: ScriptedTurn[] = [
  { tool: 'note', input: { text: 'one' } },
  {
    tools: [
      { tool: 'note', input: { text: 'two' } },
      { tool: 'note', input: { text: 'three' } },
    ],
  },
  { text: 'all noted' },
];

test('each turn and each tool call is a step of its own, in order', async () => {
  const { value, steps } = await run(async (context) => {
    const result = await agentOf(context, SCRIPT, { name: 'clerk' }).invoke('go');
    return {
      text: result.toString(),
      usage: result.metrics?.accumulatedUsage,
      cycles: result.metrics?.cycleCount,
    };
  });
  expect(value).toMatchObject({
    text: 'all noted',
    usage: { inputTokens: 30, outputTokens: 15, totalTokens: 45 },
    cycles: 3,
  });
  expect(steps).toEqual([
    'clerk: turn 1',
    'clerk: note use-0-0',
    'clerk: turn 2',
    'clerk: note use-1-0',
    'clerk: note use-1-1',
    'clerk: turn 3',
  ]);
  expect(noted).toEqual(['one', 'two', 'three']);
});

test('a replay pays nothing, repeats no tool and ends the same', async () => {
  const seen: string[] = [];
  const { value } = await run(async (context) => {
    const agent = agentOf(context, [...SCRIPT, { text: 'still here' }]);
    const outcome = async (prompt: string) => {
      const result = await agent.invoke(prompt);
      return [result.toString(), result.metrics?.accumulatedUsage.totalTokens];
    };
    const first = await outcome('go');
    seen.push(contentOf(agent));
    await context.wait('pause', { hours: 1 });
    return [first, await outcome('and?')];
  });
  expect(invocations).toBe(2);
  expect(seen[1]).toBe(seen[0]);
  expect(paid).toEqual([0, 1, 2, 3]);
  expect(noted).toEqual(['one', 'two', 'three']);
  expect(value).toEqual([
    ['all noted', 45],
    ['still here', 60],
  ]);
});

test('a tool’s failure is the model’s to see, live and replayed alike', async () => {
  const errors: unknown[] = [];
  const fails = tool({
    name: 'fails',
    description: 'Fails.',
    inputSchema: z.object({}),
    callback: () => {
      noted.push('failed');
      throw new RangeError('too far');
    },
  });
  const { value } = await run(async (context) => {
    const agent = agentOf(context, [{ tool: 'fails', input: {} }, { text: 'a pity' }], {
      tools: [fails],
    });
    agent.addHook(AfterToolCallEvent, ({ error, result }) => {
      errors.push([error?.name, error?.message, result.status]);
    });
    const result = await agent.invoke('go');
    await context.wait('pause', { seconds: 5 });
    return result.toString();
  });
  expect(value).toBe('a pity');
  expect(noted).toEqual(['failed']);
  expect(errors).toHaveLength(2);
  expect(errors[1]).toEqual(errors[0]);
  expect(errors[0]).toEqual([expect.any(String), 'too far', 'error']);
});

test('a throttled model is asked again by the step, holding no worker', async () => {
  let failures = 2;
  const { value } = await run(async (context) => {
    const model = new ScriptedModel([{ text: 'at last' }], (position) => {
      paid.push(position);
      if (failures-- > 0) throw new ModelThrottledError('slow down');
    });
    return (await durableAgent(context, { model }).invoke('go')).toString();
  });
  expect(value).toBe('at last');
  expect(paid).toEqual([0, 0, 0]);
  expect(invocations).toBeGreaterThan(1);
});

test('a refusal of the provider is not repeated', async () => {
  const refused = Object.assign(new Error('no such model'), {
    $metadata: { httpStatusCode: 404 },
  });
  const { value } = await run(async (context) => {
    const agent = agentOf(context, [() => refused]);
    const error = await agent.invoke('go').then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    await context.wait('pause', { seconds: 5 });
    return [error?.name, error?.message];
  });
  expect(value).toEqual(['ModelError', expect.stringContaining('turn 1: no such model')]);
  expect(paid).toEqual([0]);
});

test('an overflowing context is shortened and asked again, and so it is replayed', async () => {
  let overflows = 1;
  const seen: unknown[] = [];
  await run(async (context) => {
    const model = new ScriptedModel(SCRIPT, (position) => {
      paid.push(position);
      if (position === 2 && overflows-- > 0) throw new ContextWindowOverflowError('too long');
    });
    const agent = durableAgent(context, { model, tools: [note] });
    const result = await agent.invoke('go');
    seen.push([result.toString(), contentOf(agent), paid.length]);
    await context.wait('pause', { seconds: 5 });
  });
  expect(paid.filter((position) => position === 2)).toHaveLength(2);
  expect(seen).toHaveLength(2);
  expect(seen[1]).toEqual(seen[0]);
});

test('an overflow that cannot be helped, and a cut answer, keep their kind', async () => {
  const outcome = async (agent: ReturnType<typeof agentOf>): Promise<unknown[]> => {
    const error = await agent.invoke('go').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return [
      error instanceof ContextWindowOverflowError,
      error instanceof MaxTokensError ? error.partialMessage.toJSON().content : undefined,
    ];
  };
  const { value } = await run(async (context) => {
    const conversationManager = new NullConversationManager();
    const overflow = await outcome(
      agentOf(context, [() => new ContextWindowOverflowError('full')], { conversationManager }),
    );
    const cut = await outcome(agentOf(context, [{ maxTokens: 'and the' }]));
    await context.wait('pause', { seconds: 5 });
    return [overflow, cut];
  });
  expect(value).toEqual([
    [true, null],
    [false, [{ text: 'and the' }]],
  ]);
  expect(paid).toEqual([0, 0]);
});

test('a cancelled run is cancelled in its replay, too', async () => {
  const { value } = await run(async (context) => {
    const model = new ScriptedModel(SCRIPT, (position) => {
      paid.push(position);
      if (position === 1) agent.cancel();
    });
    const agent = durableAgent(context, { model, tools: [note] });
    const result = await agent.invoke('go');
    await context.wait('pause', { seconds: 5 });
    return result.stopReason;
  });
  expect(value).toBe('cancelled');
  expect(paid).toEqual([0, 1]);
  expect(invocations).toBe(2);
});

test('structured output comes out, live and replayed alike', async () => {
  const schema = z.object({ verdict: z.enum(['good', 'bad']), score: z.coerce.number() });
  const script = [
    { tool: 'strands_structured_output', input: { verdict: 'odd', score: '7' } },
    { tool: 'strands_structured_output', input: { verdict: 'good', score: '7' } },
  ];
  const { value, steps } = await run(async (context) => {
    const agent = agentOf(context, script, { structuredOutputSchema: schema });
    const { structuredOutput } = await agent.invoke('go');
    await context.wait('pause', { seconds: 5 });
    return structuredOutput;
  });
  expect(value).toEqual({ verdict: 'good', score: 7 });
  expect(paid).toEqual([0, 1]);
  expect(steps).toEqual(['turn 1', 'turn 2']);
});

test('a result too large for a checkpoint is an error that says what to do', async () => {
  const large = new FunctionTool({
    name: 'large',
    description: 'Returns much.',
    inputSchema: { type: 'object' },
    callback: () => 'x'.repeat(5000),
  });
  const { value } = await run(async (context) => {
    const agent = agentOf(
      context,
      [{ tool: 'large', input: {} }, { text: 'ok' }],
      { tools: [large] },
      { toolResultBytesMax: 1000 },
    );
    await agent.invoke('go');
    return agent.messages[2]!.toJSON();
  });
  expect(JSON.stringify(value)).toContain('more than the 1000 a checkpoint may hold');
});

test('agents in parallel branches do not disturb each other', async () => {
  const { value } = await run(async (context) => {
    const branch = (name: string) => async (inner: DurableContext) => {
      const result = await agentOf(inner, SCRIPT, { name }).invoke(name);
      return `${name} ${result.toString()} ${result.metrics?.accumulatedUsage.totalTokens}`;
    };
    const results = await context.parallel('reviewers', [branch('a'), branch('b'), branch('c')]);
    await context.wait('pause', { seconds: 5 });
    return results.getResults();
  });
  expect(value).toEqual(['a all noted 45', 'b all noted 45', 'c all noted 45']);
  expect(noted).toHaveLength(9);
  expect(paid).toHaveLength(9);
});

test('the turn limit counts replayed turns', async () => {
  const { value } = await run(async (context) => {
    const agent = agentOf(context, SCRIPT);
    const result = await agent.invoke('go', { limits: { turns: 2 } });
    await context.wait('pause', { seconds: 5 });
    return result.stopReason;
  });
  expect(value).toBe('limitTurns');
  expect(paid).toEqual([0, 1]);
});

test('an interrupt from a tool is refused with the remedy', async () => {
  const asks = new FunctionTool({
    name: 'asks',
    description: 'Asks a person.',
    inputSchema: { type: 'object' },
    callback: (_input, context) => {
      context.interrupt({ name: 'approve', reason: 'may I?' });
      return 'done';
    },
  });
  const { value } = await run(async (context) => {
    const agent = agentOf(context, [{ tool: 'asks', input: {} }], { tools: [asks] });
    return agent.invoke('go').then(
      () => 'no error',
      (error: unknown) => (error as Error).message,
    );
  });
  expect(value).toContain('context.waitForCallback');
});

test('settings that cannot be durable are refused', () => {
  const context = { step: () => undefined } as unknown as DurableContext;
  const model = new ScriptedModel([], () => {});
  const make = (more: object) => () => durableAgent(context, { model, ...more });
  expect(make({ toolExecutor: 'concurrent' })).toThrow(/one after the other/);
  expect(make({ retryStrategy: null })).toThrow(/retryModelCall/);
  expect(make({ sessionManager: {} })).toThrow(/the session/);
  expect(make({ conversationManager: new SummarizingConversationManager() })).toThrow(
    /SlidingWindowConversationManager/,
  );
  expect(make({})).not.toThrow();
});
