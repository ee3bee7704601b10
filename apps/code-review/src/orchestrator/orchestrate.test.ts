import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DurableLambdaHandler, OperationUpdate } from '@aws/durable-execution-sdk-js';
import { newRunId } from '@moorage/workspace';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReviewRequest, ReviewResult } from '../events.ts';
import { handler as coverage } from '../handlers/coverage.ts';
import { handler as orchestrator } from '../handlers/orchestrator.ts';
import { handler as security } from '../handlers/security.ts';
import { handler as style } from '../handlers/style.ts';
import { DurableHost, type ExecutionEnd } from '../testing/durable-host.ts';
import { git, makeRepository } from '../testing/repository.ts';
import type { ReviewRecord } from './run-directory.ts';

const files = {
  'src/app.ts':
    "import { createHash } from 'node:crypto';\nif (1 === NaN) debugger;\nexport const h = (s: string) => createHash('md5').update(s).digest('hex');\n",
  'src/keys.ts': `export const cookieSecret = 'q8Zr4VtY1nB7mK2xWc9L';\n`,
  'README.md': '# Fixture\n',
};

let root: string;
let workspace: string;
let repository: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orchestrate-'));
  workspace = mkdtempSync(join(root, 'workspace-'));
  repository = join(root, 'repository');
  makeRepository(repository, files);
  process.env['WORKSPACE'] = workspace;
  for (const name of ['SECURITY', 'STYLE', 'COVERAGE']) {
    process.env[`${name}_FUNCTION`] = `${name.toLowerCase()}:$LATEST`;
  }
  delete process.env['MODEL'];
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const functions: ReadonlyMap<string, DurableLambdaHandler> = new Map([
  ['orchestrator', orchestrator],
  ['security:$LATEST', security],
  ['style:$LATEST', style],
  ['coverage:$LATEST', coverage],
]);

function request(more: Partial<ReviewRequest> = {}): ReviewRequest {
  const runId = newRunId({
    clock: Date.now,
    random: (bytes) => void globalThis.crypto.getRandomValues(bytes),
  });
  return { runId, url: `file://${repository}`, ...more };
}

async function run(
  event: unknown,
  options: {
    functions?: ReadonlyMap<string, DurableLambdaHandler>;
    crash?: (functionName: string, update: OperationUpdate) => 'before' | 'after' | null;
  } = {},
): Promise<ExecutionEnd> {
  const host = new DurableHost({
    functions: options.functions ?? functions,
    ...(options.crash ? { crash: options.crash } : {}),
  });
  return host.execute('orchestrator', event);
}

function record(runId: string): ReviewRecord {
  return JSON.parse(readFileSync(join(workspace, runId, 'run.json'), 'utf8')) as ReviewRecord;
}

describe('a review', () => {
  test('clones, reviews in parallel, merges and publishes', async () => {
    const event = request();
    const end = await run(event);
    expect(end.error).toBeUndefined();
    const result = end.result as ReviewResult;
    expect(result.status).toBe('complete');
    expect(result.commit).toBe(git(repository, ['rev-parse', 'HEAD']));
    expect(result.files.total).toBe(3);
    expect(result.reviewers.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'security done',
      'style done',
      'coverage done',
    ]);
    const directory = join(workspace, event.runId);
    for (const name of ['findings.json', 'report.sarif', 'report.md']) {
      expect(existsSync(join(directory, 'report', name))).toBe(true);
    }
    const report = JSON.parse(readFileSync(join(directory, 'report/findings.json'), 'utf8'));
    expect(report.findings.map((finding: { ruleId: string }) => finding.ruleId)).toEqual(
      expect.arrayContaining(['moorage/secret-assigned', 'oxlint/eslint.use-isnan']),
    );
    expect(record(event.runId)).toMatchObject({ status: 'complete', commit: result.commit });
    expect(statSync(join(directory, 'agents')).mode & 0o7777).toBe(0o750);
    expect(statSync(join(directory, 'source/src/app.ts')).mode & 0o777).toBe(0o440);
    expect(end.operations).toEqual([
      'open',
      // Side by side.
      'clone',
      'claim-security',
      'claim-style',
      'claim-coverage',
      'seal',
      'review-security',
      'review-style',
      'review-coverage',
      'verify',
      'merge',
      'publish',
    ]);
  });

  test('puts paths, hashes and counts through checkpoints, never findings or code', async () => {
    const end = await run(request());
    expect(end.checkpointed).not.toContain('q8Zr');
    expect(end.checkpointed).not.toContain('secret-assigned');
    expect(end.checkpointed).not.toContain('use-isnan');
  });

  test('continues after a crash at every checkpoint of the orchestrator', async () => {
    const whole = await run(request());
    for (const name of new Set(whole.operations)) {
      // A step is repeated when its result was lost, an invocation is waited for when its start was kept.
      for (const when of ['before', 'after'] as const) {
        let crashed = false;
        const end = await run(request(), {
          crash: (functionName, update) => {
            const action = update.Type === 'CHAINED_INVOKE' ? 'START' : 'SUCCEED';
            if (crashed || functionName !== 'orchestrator') return null;
            crashed = update.Name === name && update.Action === action;
            return crashed ? when : null;
          },
        });
        expect(crashed, name).toBe(true);
        expect(end.error, `${name} ${when}`).toBeUndefined();
        expect((end.result as ReviewResult).status).toBe('complete');
        expect((end.result as ReviewResult).counts).toEqual((whole.result as ReviewResult).counts);
      }
    }
  }, 120_000);

  test('is incomplete, and says so everywhere, when one reviewer fails twice', async () => {
    const failing: DurableLambdaHandler = (event, context) => {
      const input = event.InitialExecutionState.Operations[0]?.ExecutionDetails?.InputPayload;
      if (!input?.includes('"review"')) return style(event, context);
      return Promise.resolve({
        Status: 'FAILED',
        Error: { ErrorType: 'Broken', ErrorMessage: 'the reviewer is broken' },
      } as Awaited<ReturnType<DurableLambdaHandler>>);
    };
    const event = request();
    const end = await run(event, {
      functions: new Map([...functions, ['style:$LATEST', failing]]),
    });
    const result = end.result as ReviewResult;
    expect(result.status).toBe('incomplete');
    expect(result.reviewers.find(({ name }) => name === 'style')).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('broken'),
    });
    expect(end.operations.filter((name) => name === 'review-style')).toHaveLength(2);
    const markdown = readFileSync(join(workspace, event.runId, 'report/report.md'), 'utf8');
    expect(markdown).toContain('This review is incomplete');
    expect(record(event.runId).status).toBe('incomplete');
  });
});

describe('a review that cannot be made', () => {
  test.each([
    ['no address', { url: undefined }, 'BadRequest'],
    ['a scheme that is not spoken', { url: 'http://example.org/x' }, 'BadRequest'],
    ['an option as address', { url: '--upload-pack=touch /tmp/x' }, 'BadRequest'],
    ['a command as address', { url: 'ext::sh -c touch% /tmp/x' }, 'BadRequest'],
    ['an option as revision', { revision: '--help' }, 'BadRequest'],
    ['a path out of the workspace', { url: undefined, path: '../repository' }, 'BadRequest'],
    ['a directory without repository', { url: 'file:///nonexistent' }, 'RepositoryNotFound'],
    ['a revision that does not exist', { revision: 'nowhere' }, 'RevisionNotFound'],
    ['a commit that does not exist', { revision: '0123456789abcdef' }, 'RevisionNotFound'],
    ['too many files', { limits: { filesMax: 1 } }, 'RepositoryTooLarge'],
    ['too many bytes', { limits: { totalBytesMax: 10 } }, 'RepositoryTooLarge'],
    ['a download too large', { limits: { downloadBytesMax: 10 } }, 'RepositoryTooLarge'],
    ['a run id that is a path', { runId: '../../etc' }, 'BadRequest'],
  ])('%s', async (_name, more, code) => {
    const { url, ...rest } = { ...request(), ...more };
    const event = url === undefined ? rest : { url, ...rest };
    const end = await run(event);
    expect(end.status).toBe('FAILED');
    expect(end.error?.ErrorType).toBe(code);
    expect(end.error?.ErrorMessage).toMatch(/\.$/);
    if (existsSync(join(workspace, event.runId, 'run.json'))) {
      expect(record(event.runId)).toMatchObject({ status: 'failed', failure: { code } });
    }
    expect(existsSync(join(workspace, event.runId, 'report'))).toBe(false);
  });

  test('an empty repository', async () => {
    const empty = join(root, 'empty');
    git(root, ['init', '--quiet', empty]);
    const end = await run(request({ url: `file://${empty}` }));
    expect(end.error?.ErrorType).toBe('RepositoryEmpty');
  });

  test('a run id that was used before', async () => {
    const event = request();
    await run(event);
    const end = await run(event);
    expect(end.error?.ErrorType).toBe('BadRequest');
    expect(record(event.runId).status).toBe('complete');
  });

  test('a workspace that is not mounted', async () => {
    process.env['WORKSPACE'] = join(root, 'nowhere');
    const end = await run(request());
    expect(end.error?.ErrorType).toBe('WorkspaceNotWritable');
  });
});
