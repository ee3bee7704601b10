/** `git clone` of many small files onto the mount, beside ext4; both kept on one processor. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openBucket } from '@moorage/object-store';
import type { BenchmarkCase, Prepared } from '../case.ts';
import { Moorage } from '../moorage.ts';
import { generateRepository } from '../repository.ts';

const run = promisify(execFile);
const ONE_PROCESSOR = ['taskset', '-c', '0'];

export const clone: BenchmarkCase = {
  name: 'clone',
  title: 'git clone onto the mount, pinned to one processor',
  async prepare({ small, directory }): Promise<Prepared> {
    const repository = join(directory, 'repository');
    await mkdir(repository);
    await generateRepository(repository, small ? 50 : 3000);
    const moorage = new Moorage(join(directory, 'data'), ONE_PROCESSOR);
    const store = await moorage.startStore(join(directory, 'store'));
    const bucket = await openBucket({
      ...{ bucket: 'bench', endpoint: store.endpoint, region: store.region },
      credentials: { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey },
    });
    await bucket.putBucket();
    await bucket.putVersioning('Enabled');
    await bucket.close();
    const mountPoint = join(directory, 'mount');
    const plain = join(directory, 'plain');
    await Promise.all([mkdir(mountPoint), mkdir(plain)]);
    await moorage.run(['mount', 's3://bench', mountPoint, '--endpoint', store.endpoint], {
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      AWS_REGION: store.region,
    });
    const cloneInto = async (target: string): Promise<number> => {
      const start = performance.now();
      const git = ['git', 'clone', '--quiet', '--no-local', repository, target];
      await run(ONE_PROCESSOR[0]!, [...ONE_PROCESSOR.slice(1), ...git]);
      return performance.now() - start;
    };
    return {
      subjects: [
        {
          name: 'ext4',
          async round() {
            const target = join(plain, 'clone');
            const cloneMs = await cloneInto(target);
            await rm(target, { recursive: true });
            return { cloneMs };
          },
        },
        {
          name: 'moorage mount',
          async round() {
            const target = join(mountPoint, 'clone');
            const cloneMs = await cloneInto(target);
            const start = performance.now();
            await moorage.run(['sync', '--wait', target]);
            const restToS3Ms = performance.now() - start;
            await rm(target, { recursive: true });
            return { cloneMs, restToS3Ms };
          },
        },
      ],
      async close() {
        await moorage.run(['unmount', mountPoint]);
        await store.stop();
      },
    };
  },
};
