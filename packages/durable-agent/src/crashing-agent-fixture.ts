/**
 * For tests: a durable handler that runs in a worker of its own. Writes each model call and each
 * tool call to the file LEDGER, and kills its process on the first `die` of either.
 */
import { appendFileSync, readFileSync } from 'node:fs';

import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { tool } from '@strands-agents/sdk';
import { z } from 'zod';

import { durableAgent } from './durable-agent.ts';
import { ScriptedModel } from './scripted-model.ts';

const LEDGER = process.env['LEDGER'] ?? '';

function enter(line: string, fatal: boolean): void {
  const before = readFileSync(LEDGER, 'utf8').split('\n');
  appendFileSync(LEDGER, `${line}\n`);
  if (fatal && !before.includes(line)) process.kill(process.pid, 'SIGKILL');
}

const work = tool({
  name: 'work',
  description: 'Works.',
  inputSchema: z.object({ what: z.string() }),
  callback: ({ what }) => {
    enter(`tool ${what}`, what === 'die');
    return `did ${what}`;
  },
});

export const handler: unknown = withDurableExecution(async (_event: unknown, context) => {
  const model = new ScriptedModel(
    [
      { tool: 'work', input: { what: 'one' } },
      { tool: 'work', input: { what: 'die' } },
      { tool: 'work', input: { what: 'two' } },
      { text: 'finished' },
    ],
    (position) => enter(`turn ${position}`, position === 2),
  );
  const agent = durableAgent(context, { model, tools: [work] });
  const result = await agent.invoke('go');
  return { text: result.toString(), usage: result.metrics?.accumulatedUsage };
});
