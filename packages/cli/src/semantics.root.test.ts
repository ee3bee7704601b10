// The examples of docs/SEMANTICS.md, run as they stand.
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAIN, Sandbox } from './testing/command.ts';
import { consoleSections, matches, runSession } from './testing/console-session.ts';

const LIMIT_MS = 180_000;
const document = fileURLToPath(new URL('../../../docs/SEMANTICS.md', import.meta.url));
const markdown = readFileSync(document, 'utf8');
/** What the document defines for its readers. */
const definitions = /```sh\n([^]*?)```/.exec(markdown)![1]!;

/** The shell functions of the document run in children too (`until_ok`), and a store that can be away. */
const prelude = `
moorage() { '${process.execPath}' '${MAIN}' "$@"; }
start_store() {
  '${process.execPath}' '${MAIN}' local-s3 --dir store --bucket work --port "\${port:-0}" --json > store.json 2> store.log < /dev/null &
  store_pid=$!
  until [ -s store.json ] && jq -e . store.json > /dev/null 2>&1; do sleep 0.05; done
  export AWS_ENDPOINT_URL_S3=$(jq -r .endpoint store.json) AWS_REGION=$(jq -r .region store.json)
  export AWS_ACCESS_KEY_ID=$(jq -r .accessKeyId store.json) AWS_SECRET_ACCESS_KEY=$(jq -r .secretAccessKey store.json)
  port=\${AWS_ENDPOINT_URL_S3##*:}
}
stop_store() { kill $store_pid; wait $store_pid; rm store.json; }
${definitions}
export -f moorage s3
start_store
trap 'moorage unmount --force mnt > /dev/null 2>&1; stop_store' EXIT
moorage mount s3://work mnt > mount.log || { cat mount.log; exit 1; }
`;

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
  for (const name of ['mnt', 'store']) mkdirSync(sandbox.path(name));
});
afterEach(async () => {
  expect(await sandbox.clean()).toEqual([]);
  sandbox.remove();
}, 60_000);

describe('docs/SEMANTICS.md', () => {
  const sections = consoleSections(markdown);

  test('has examples in every section but the tenets', () => {
    const titles = [...markdown.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(['Tenets', ...sections.map(({ title }) => title)].sort()).toEqual(titles.sort());
  });

  test.each(sections)(
    '$title',
    async ({ steps }) => {
      const printed = await runSession(steps, {
        cwd: sandbox.root,
        env: sandbox.environment,
        prelude,
        timeoutMs: LIMIT_MS - 30_000,
      });
      for (const [index, { command, expected, line }] of steps.entries()) {
        const text = printed[index] ?? '(not reached)';
        if (!matches(text, expected)) {
          expect.soft(text, `docs/SEMANTICS.md:${line}: ${command}`).toBe(expected);
        }
      }
    },
    LIMIT_MS,
  );
});
