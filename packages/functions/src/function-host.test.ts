import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually, openFixture, processesWith, type Fixture } from './fixture.ts';
import type { Clock } from './ports.ts';

let fixture: Fixture;

beforeAll(() => {
  process.env['SECRET_OF_THE_HOST'] = 'not for functions';
  fixture = openFixture();
});

afterAll(() => fixture.close());

/** Runs one handler body once. */
async function run(body: string, event: unknown = {}, more = {}) {
  const name = `f${++count}`;
  fixture.define(name, `export const handler = async (event, context) => {${body}};`, more);
  return fixture.invoke(name, event);
}
let count = 0;

test('a handler gets its event and context, its answer comes back', async () => {
  fixture.define(
    'context',
    `export const handler = async (event, context) => {
      const { getRemainingTimeInMillis, ...rest } = context;
      return { event, rest, remaining: getRemainingTimeInMillis() };
    };`,
    { version: '7', aliases: ['live'], timeoutSeconds: 30, memoryMb: 192 },
  );
  const result = await fixture.invoke(
    'context:live',
    { a: 'ü' },
    { clientContext: '{"custom":"ö"}', requestId: 'req-1', traceId: 'Root=1-2-3', tenantId: 't' },
  );
  expect(result.functionError).toBeUndefined();
  expect(result.executedVersion).toBe('7');
  expect(result.requestId).toBe('req-1');
  const value = result.value as { event: unknown; rest: unknown; remaining: number };
  expect(value.event).toEqual({ a: 'ü' });
  expect(value.rest).toMatchObject({
    functionName: 'context',
    functionVersion: '7',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:context:live',
    memoryLimitInMB: '192',
    awsRequestId: 'req-1',
    logGroupName: '/aws/lambda/context',
    clientContext: { custom: 'ö' },
    tenantId: 't',
    xRayTraceId: 'Root=1-2-3',
  });
  expect(value.remaining).toBeGreaterThan(0);
  expect(value.remaining).toBeLessThanOrEqual(30_000);
});

test('the environment is Lambda’s and the function’s, with nothing of the host', async () => {
  const { value } = await run('return process.env', {}, { env: { MINE: '1', _HANDLER: 'x.y' } });
  const env = value as Record<string, string>;
  expect(env).toMatchObject({
    MINE: '1',
    _HANDLER: 'index.handler',
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  });
  expect(Object.values(env)).not.toContain('not for functions');
  const own = /^(AWS_|LAMBDA_|MINE$|PATH$|LANG$|TZ$|HOME$|TMPDIR$|_HANDLER$|PWD$|OLDPWD$)/;
  expect(Object.keys(env).filter((name) => !own.test(name))).toEqual([]);
});

test('undefined becomes null, an empty payload an empty object', async () => {
  expect((await run('return undefined')).value).toBeNull();
  fixture.define('echo', 'export const handler = async (event) => event;');
  expect((await fixture.invoke('echo', 0, { payload: new Uint8Array() })).value).toEqual({});
});

test('an environment is reused while warm', async () => {
  fixture.define('warm', 'let n = 0; export const handler = async () => ++n;');
  const first = await fixture.invoke('warm');
  expect(first.report.initDurationMs).toBeGreaterThan(0);
  for (let n = 2; n <= 5; n++) {
    const next = await fixture.invoke('warm');
    expect(next.value).toBe(n);
    expect(next.report.initDurationMs).toBeUndefined();
  }
});

test('warming starts the environment that the first invocation uses', async () => {
  fixture.define(
    'prepared',
    'const loaded = Date.now(); export const handler = async () => loaded;',
  );
  await fixture.host.warm('prepared');
  await fixture.host.warm('prepared');
  const mine = fixture.host.environments().filter((e) => e.functionName === 'prepared');
  expect(mine).toMatchObject([{ state: 'idle', version: '$LATEST' }]);
  const before = Date.now();
  const result = await fixture.invoke('prepared');
  expect(result.value).toBeLessThanOrEqual(before);
  expect(result.report.initDurationMs).toBeUndefined();
});

test('log lines are the invocation’s, in order, with START, END and REPORT', async () => {
  const lines: string[] = [];
  fixture.define(
    'logs',
    `export const handler = async () => {
      console.log('one', { a: 1 });
      console.error('two\\nlines');
      process.stdout.write('raw, without an end');
    };`,
  );
  const result = await fixture.invoke(
    'logs',
    {},
    { requestId: 'r', log: (line) => void lines.push(line) },
  );
  expect(lines[0]).toBe('START RequestId: r Version: $LATEST');
  expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\tr\tINFO\tone \{ a: 1 \}$/);
  expect(lines[2]).toMatch(/\tr\tERROR\ttwo\rlines$/);
  expect(lines[3]).toBe('raw, without an end');
  expect(lines[4]).toBe('END RequestId: r');
  expect(lines[5]).toMatch(
    /^REPORT RequestId: r\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms$/,
  );
  expect(lines).toHaveLength(6);
  expect(result.logTail).toBe(lines.map((line) => `${line}\n`).join(''));
  const file = readFileSync(join(fixture.dir, 'host', 'logs', 'logs.log'), 'utf8');
  expect(file).toBe(result.logTail);
});

test('logs as JSON, when asked for', async () => {
  const result = await run(
    'console.warn("careful", 1); console.log({ some: "object" }); console.error(new RangeError("x"))',
    {},
    { logFormat: 'JSON' },
  );
  const lines = result.logTail
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toMatchObject({ type: 'platform.start', record: { version: '$LATEST' } });
  expect(lines[1]).toMatchObject({
    level: 'WARN',
    message: 'careful 1',
    requestId: result.requestId,
  });
  expect(lines[2]).toMatchObject({ level: 'INFO', message: { some: 'object' } });
  expect(lines[3]).toMatchObject({ level: 'ERROR', errorType: 'RangeError', errorMessage: 'x' });
  expect(lines[4]).toMatchObject({ type: 'platform.report', record: { status: 'success' } });
});

test('the tail is the last 4 KB and starts with a whole character', async () => {
  const result = await run('for (let i = 0; i < 400; i++) console.log("é".repeat(30) + i)');
  expect(Buffer.byteLength(result.logTail)).toBeLessThanOrEqual(4096);
  expect(Buffer.byteLength(result.logTail)).toBeGreaterThan(4000);
  expect(result.logTail).not.toContain('\ufffd');
  expect(result.logTail).toContain('é399\n');
});

test('errors of the handler keep name, message and stack', async () => {
  const result = await run('class Odd extends Error { name = "Odd" }; throw new Odd("why")');
  expect(result.functionError).toBe('Unhandled');
  expect(result.value).toMatchObject({ errorType: 'Odd', errorMessage: 'why' });
  expect((result.value as { trace: string[] }).trace[0]).toBe('Odd: why');
  expect(result.report.status).toBe('error');
  expect(result.logTail).toContain('Invoke Error');
  expect(result.logTail).toContain('Status: error\tError Type: Odd');
});

test.each([
  ['"text"', 'string', 'text'],
  ['undefined', 'undefined', ''],
  ['null', 'object', ''],
  ['42', 'number', '42'],
  ['{ get name() { throw 1 }, __proto__: Error.prototype }', 'handled', /problem/],
])('throwing %s is an error all the same', async (thrown, errorType, errorMessage) => {
  const { value } = await run(`throw ${thrown}`);
  expect(value).toMatchObject({
    errorType,
    errorMessage:
      typeof errorMessage === 'string' ? errorMessage : expect.stringMatching(errorMessage),
  });
});

test.each([
  ['process.exit(0)', 'Runtime exited without providing a reason'],
  ['process.exit(3)', 'Runtime exited with error: exit status 3'],
  ['process.kill(process.pid, "SIGKILL"); await 0', 'Runtime exited with error: signal: killed'],
  ['process.abort()', 'Runtime exited with error: signal: aborted'],
])('%s in the handler is Runtime.ExitError', async (body, reason) => {
  const result = await run(`console.log("before"); ${body}; await new Promise(() => {})`);
  expect(result.functionError).toBe('Unhandled');
  expect(result.value).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${result.requestId} Error: ${reason}`,
  });
  expect(result.logTail).toContain('\tbefore\n');
});

test('uncaught exceptions and rejections are errors of the invocation', async () => {
  const uncaught = await run(
    'setImmediate(() => { throw new RangeError("late") }); await new Promise(() => {})',
  );
  expect(uncaught.value).toMatchObject({ errorType: 'RangeError', errorMessage: 'late' });
  const rejected = await run('Promise.reject(new Error("lost")); await new Promise(() => {})');
  expect(rejected.value).toMatchObject({
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: 'Error: lost',
  });
});

test('a worker killed from outside ends its invocation, the next one gets a new worker', async () => {
  fixture.define(
    'victim',
    `export const handler = async (e) => {
      if (!e.wait) return 'fine';
      console.log('begun');
      return new Promise(() => {});
    };`,
  );
  const victims = () => fixture.host.environments().filter((e) => e.functionName === 'victim');
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const pending = fixture.invoke('victim', { wait: true }, { log });
  await eventually(() => lines.some((line) => line.includes('begun')));
  process.kill(victims()[0]!.pid!, 'SIGKILL');
  expect((await pending).value).toMatchObject({
    errorType: 'Runtime.ExitError',
    errorMessage: expect.stringContaining('signal: killed'),
  });
  expect((await fixture.invoke('victim')).value).toBe('fine');
});

test('an invocation that a killed worker had not read is run by another', async () => {
  fixture.define('unread', 'export const handler = async () => "fine";');
  const victim = () => fixture.host.environments().find((e) => e.functionName === 'unread');
  await fixture.host.warm('unread');
  const pid = victim()!.pid!;
  process.kill(-pid, 'SIGSTOP');
  const pending = fixture.invoke('unread');
  await eventually(() => victim()?.state === 'busy');
  process.kill(pid, 'SIGKILL');
  expect((await pending).value).toBe('fine');
  expect(victim()?.pid).not.toBe(pid);
});

test('a worker that died while idle costs at most the invocation it was handed', async () => {
  fixture.define('idle-victim', 'export const handler = async () => "fine";');
  const victim = () => fixture.host.environments().find((e) => e.functionName === 'idle-victim');
  for (let round = 0; round < 6; round++) {
    await fixture.host.warm('idle-victim');
    process.kill(victim()!.pid!, 'SIGKILL');
    // At once, or a moment later: the host has not heard, has lost the connection, or knows.
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round));
    const { value } = await fixture.invoke('idle-victim');
    if (value !== 'fine') expect(value).toMatchObject({ errorType: 'Runtime.ExitError' });
    await eventually(() => victim()?.state !== 'busy');
  }
  expect((await fixture.invoke('idle-victim')).value).toBe('fine');
});

test('a handler that never returns is killed at its deadline, with all its children', async () => {
  const marker = `child-${process.pid}-${Date.now()}`;
  fixture.define(
    'hangs',
    `import { spawn } from 'node:child_process';
    export const handler = async () => {
      const script = 'setInterval(() => {}, 1000)';
      spawn(process.execPath, ['-e', script, '${marker}'], { detached: true, stdio: 'ignore' });
      spawn(process.execPath, ['-e', script, '${marker}'], { stdio: 'inherit' });
      console.log('started');
      await new Promise(() => {});
    };`,
    { timeoutSeconds: 1 },
  );
  const result = await fixture.invoke('hangs');
  expect(result.report.status).toBe('timeout');
  expect(result.value).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`,
  });
  expect(result.logTail).toContain('Status: timeout');
  await eventually(() => processesWith(marker).length === 0);
  expect(fixture.host.environments().filter((e) => e.functionName === 'hangs')).toEqual([]);
});

test('a busy loop is killed too', async () => {
  const result = await run('for (;;);', {}, { timeoutSeconds: 1 });
  expect(result.value).toMatchObject({ errorType: 'Sandbox.Timedout' });
});

test('garbage on the output changes no answer', async () => {
  const result = await run(
    `const { randomBytes } = await import('node:crypto');
    for (let i = 0; i < 50; i++) process.stdout.write(randomBytes(20000));
    process.stderr.write(Buffer.alloc(300000, 'x'));
    return 'clean'`,
  );
  expect(result.value).toBe('clean');
  expect(Buffer.byteLength(result.logTail)).toBeLessThanOrEqual(4096);
});

test('a response may be large, but not larger than Lambda allows', async () => {
  const fits = await run('return "x".repeat(6_291_000)');
  expect(fits.value).toHaveLength(6_291_000);
  const result = await run('return "x".repeat(9_000_000)');
  expect(result.functionError).toBe('Unhandled');
  expect(result.value).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
});

test('what has no JSON is an error or null', async () => {
  expect((await run('return 1n')).value).toMatchObject({ errorType: 'Runtime.JSONStringifyError' });
  expect((await run('return () => 1')).value).toBeNull();
});

test('a streaming handler’s answer is collected', async () => {
  fixture.define(
    'streams',
    `export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
      stream.write('{"part":');
      stream.write('1}');
      stream.end();
    });`,
  );
  expect((await fixture.invoke('streams')).value).toEqual({ part: 1 });
});

test('the invoke store knows the invocation', async () => {
  const result = await run(
    `const store = awslambda.InvokeStore;
    await new Promise((resolve) => setTimeout(resolve, 1));
    store.set('mine', 1);
    return [store.getRequestId(), store.getXRayTraceId() ?? null, store.get('mine')]`,
  );
  expect(result.value).toEqual([result.requestId, null, 1]);
});

test.each([
  ['export const handler = 1;', 'index.handler', 'Runtime.HandlerNotFound', /not a function/],
  ['', 'index.handler', 'Runtime.HandlerNotFound', /not exported/],
  ['', 'handler', 'Runtime.MalformedHandlerName', /Bad handler/],
  ['', '../index.handler', 'Runtime.MalformedHandlerName', /not a valid handler/],
  ['', 'other.handler', 'Runtime.ImportModuleError', /Cannot find module 'other'/],
  ['import "nowhere";', 'index.handler', 'Runtime.ImportModuleError', /nowhere/],
  ['const const;', 'index.handler', 'Runtime.UserCodeSyntaxError', /SyntaxError/],
  ['throw new RangeError("at load");', 'index.handler', 'RangeError', /at load/],
  [
    'export const handler = (event, context, callback) => callback(null, 1);',
    'index.handler',
    'Runtime.CallbackHandlerDeprecated',
    /async/,
  ],
  ['process.exit(5);', 'index.handler', 'Runtime.ExitError', /exit status 5/],
])('%s as %s is %s', async (source, handler, errorType, message) => {
  const name = `init${++count}`;
  fixture.define(name, source, { handler });
  const result = await fixture.invoke(name);
  expect(result.functionError).toBe('Unhandled');
  expect(result.value).toMatchObject({ errorType, errorMessage: expect.stringMatching(message) });
});

test('nested exports and the default export are found', async () => {
  fixture.define('nested', 'export default { a: { b: async () => "deep" } };', {
    handler: 'index.a.b',
  });
  expect((await fixture.invoke('nested')).value).toBe('deep');
});

test('no more environments than the concurrency; the rest waits its turn', async () => {
  fixture.define(
    'narrow',
    `export const handler = async (n) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return [n, process.env.AWS_LAMBDA_LOG_STREAM_NAME];
    };`,
    { concurrency: 2 },
  );
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, n) => fixture.invoke('narrow', n)),
  );
  const values = results.map((result) => result.value as [number, string]);
  expect(values.map(([n]) => n)).toEqual(Array.from({ length: 12 }, (_, n) => n));
  expect(new Set(values.map(([, stream]) => stream)).size).toBeLessThanOrEqual(2);
});

test('a replaced function answers anew, running invocations end as they began', async () => {
  const release = join(fixture.dir, 'release');
  const source = (answer: string): string =>
    `import { existsSync } from 'node:fs';
    export const handler = async (wait) => {
      while (wait && !existsSync(${JSON.stringify(release)}))
        await new Promise((resolve) => setTimeout(resolve, 10));
      return ${JSON.stringify(answer)};
    };`;
  const mine = () => fixture.host.environments().filter((e) => e.functionName === 'changes');
  fixture.define('changes', source('old'));
  const running = fixture.invoke('changes', true);
  await eventually(() => mine()[0]?.state === 'busy');
  fixture.define('changes', source('new'));
  expect((await fixture.invoke('changes', false)).value).toBe('new');
  writeFileSync(release, '');
  expect((await running).value).toBe('old');
  await eventually(() => mine().length === 1);
});

test('versions live side by side', async () => {
  for (const version of ['1', '2'])
    fixture.define('versioned', `export const handler = async () => ${version};`, { version });
  expect((await fixture.invoke('versioned')).value).toBe(2);
  expect((await fixture.invoke('versioned', {}, { qualifier: '1' })).value).toBe(1);
  expect((await fixture.invoke('versioned:$LATEST')).value).toBe(2);
  expect((await fixture.invoke('versioned:2')).executedVersion).toBe('2');
  await expect(fixture.invoke('versioned:3')).rejects.toThrow('Function not found: versioned:3');
});

test('idle environments are stopped after a while', async () => {
  const short = openFixture({ idleMsMax: 200 });
  try {
    short.define('brief', 'export const handler = async () => 1;');
    await short.invoke('brief');
    await eventually(() => short.host.environments().length === 0);
    expect((await short.invoke('brief')).value).toBe(1);
  } finally {
    await short.close();
  }
});

test('initialisation has ten seconds, then starts over within the timeout', async () => {
  const fast = openFixture({ clock: fasterClock(20) });
  try {
    const mark = join(fast.dir, 'mark');
    fast.define(
      'slow-start',
      `import { existsSync } from 'node:fs';
      if (!existsSync(process.env.MARK)) await new Promise(() => {});
      export const handler = async () => 'second try';`,
      { timeoutSeconds: 600, env: { MARK: mark } },
    );
    const log = (line: string): void => {
      if (line.startsWith('INIT_REPORT')) writeFileSync(mark, '');
    };
    const result = await fast.invoke('slow-start', {}, { log });
    expect(result.value).toBe('second try');
    expect(result.logTail).toContain('INIT_REPORT Init Duration: ');
    fast.define('never-starts', 'await new Promise(() => {});', { timeoutSeconds: 5 });
    expect((await fast.invoke('never-starts')).value).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringContaining('Task timed out after 5.00 seconds'),
    });
  } finally {
    await fast.close();
  }
});

test('closing ends everything, also what is running', async () => {
  const other = openFixture();
  const marker = `closing-${process.pid}-${Date.now()}`;
  other.define(
    'busy',
    `import { spawnSync } from 'node:child_process';
    export const handler = async () => {
      spawnSync(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '${marker}']);
    };`,
  );
  const running = other.invoke('busy').catch((error: unknown) => error);
  await eventually(() => processesWith(marker).length > 0);
  await other.close();
  await running;
  await eventually(() => processesWith(marker).length === 0);
  expect(existsSync(other.dir)).toBe(false);
});

test('the host’s directory holds no more than its queue, logs and tables', () => {
  const names = readdirSync(join(fixture.dir, 'host'));
  expect(names.filter((name) => !['logs', 'sandbox', 'events.jsonl'].includes(name))).toEqual([]);
});

function fasterClock(factor: number): Clock {
  const startMs = Date.now();
  return {
    now: () => startMs + (Date.now() - startMs) * factor,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
