/** A puppet host of its own for every test, in a directory that is removed afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import type { TestAPI } from 'vitest';
import { startPuppetHost } from './puppet-host.ts';
import type { PuppetHost } from './puppet-host.ts';

export interface HostFixtures {
  dir: string;
  host: PuppetHost;
}

export const hostTest: TestAPI<HostFixtures> = test.extend<HostFixtures>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  dir: async ({}, use) => {
    const dir = await mkdtemp(join(tmpdir(), 'durable-'));
    await use(dir);
    await rm(dir, { recursive: true, force: true });
  },
  host: async ({ dir }, use) => {
    const host = await startPuppetHost({ dir });
    await use(host);
    await host.close();
  },
});
