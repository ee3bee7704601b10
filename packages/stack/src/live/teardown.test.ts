import { expect, test } from 'vitest';
import type { Clock } from '@moorage/functions';
import { Teardown } from './teardown.ts';

const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

function teardown(): { subject: Teardown; problems: string[] } {
  const problems: string[] = [];
  const subject = new Teardown(clock, (_level, message, fields) => {
    problems.push(`${message}: ${fields?.problem}`);
  });
  return { subject, problems };
}

test('higher stages stop first, steps of one stage side by side', async () => {
  const { subject } = teardown();
  const seen: string[] = [];
  const step = (name: string, stage: number): void =>
    subject.add({
      ...{ name, stage, limitMs: 5000 },
      stop: async () => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.push(`${name} ends`);
      },
    });
  step('store', 0);
  step('a', 1);
  step('b', 1);
  await subject.run();
  expect(seen).toEqual(['a begins', 'b begins', 'a ends', 'b ends', 'store begins', 'store ends']);
});

test('a step that fails or hangs does not keep the others from stopping', async () => {
  const { subject, problems } = teardown();
  let stopped = false;
  subject.add({ name: 'store', stage: 0, limitMs: 5000, stop: () => void (stopped = true) });
  subject.add({
    name: 'broken',
    stage: 1,
    limitMs: 5000,
    stop: () => Promise.reject(new Error('no')),
  });
  subject.add({ name: 'hanging', stage: 1, limitMs: 10, stop: () => new Promise(() => {}) });
  await subject.run();
  expect(stopped).toBe(true);
  expect(problems.sort()).toEqual([
    'stopping broken failed: no',
    'stopping hanging failed: took over 10 ms',
  ]);
});

test('it stops once, and also what was added while it ran', async () => {
  const { subject } = teardown();
  let stops = 0;
  subject.add({
    name: 'first',
    stage: 1,
    limitMs: 5000,
    stop: () => {
      stops++;
      subject.add({ name: 'late', stage: 2, limitMs: 5000, stop: () => void stops++ });
    },
  });
  await Promise.all([subject.run(), subject.run()]);
  await subject.run();
  expect(stops).toBe(2);
});
