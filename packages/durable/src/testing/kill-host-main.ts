/**
 * A host to be killed: runs the crash workflow on the directory given, appends every step that runs
 * to DIR/effects, answers its callbacks, and prints the result. Waits take a hundredth of their time.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { CRASH_INPUT, crashFunctions, doneSteps, openCallbacks } from './crash-workflow.ts';
import { startLocalHost } from './local-host.ts';

const dir = process.argv[2]!;
const say = (line: string): void => appendFileSync(join(dir, 'effects'), `${line}\n`);
const done = new Set<unknown>();
const host = await startLocalHost({
  dir: join(dir, 'journal'),
  timeScale: 10_000,
  functions: (endpoint) =>
    crashFunctions(
      new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      }),
      (step) => say(`${done.has(step) ? 'AGAIN ' : ''}${step}`),
    ),
});
for (const { executionArn } of host.service.list()) {
  for (const step of doneSteps(host.service.history(executionArn))) done.add(step);
}
const { executionArn } = await host.service.startExecution({
  functionName: 'workflow',
  name: 'the-one',
  payload: JSON.stringify(CRASH_INPUT),
});
const answering = setInterval(() => {
  for (const { id, answer } of openCallbacks(host.service.history(executionArn))) {
    host.service.callbacks.succeed(id, answer).catch(() => {});
  }
}, 20);
const { result, error } = await host.service.waitFor(executionArn);
clearInterval(answering);
process.stdout.write(`${result ?? JSON.stringify(error)}\n`);
await host.close();
process.exit();
