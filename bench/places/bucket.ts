/** The store that moorage, s3fs and rclone mount from, and a bucket for each. */
import { join } from 'node:path';
import { type Bucket, openBucket } from '@moorage/object-store';
import { Moorage, type Store } from '../moorage.ts';
import { countTraffic } from './traffic.ts';

export interface TestStore extends Store {
  /** Bytes the mounts have sent to it, when that is counted. */
  sentBytes(): number;
  /** Opens a bucket with versions, made when missing. Close it. */
  open(name: string): Promise<Bucket>;
}

export async function startTestStore(
  directory: string,
  prefix: readonly string[],
  counted: boolean,
): Promise<TestStore> {
  const moorage = new Moorage(join(directory, 'store-data'), prefix);
  const store = await moorage.startStore(join(directory, 'store'));
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const counter = counted ? await countTraffic(endpoint) : undefined;
  return {
    ...store,
    endpoint: counter?.endpoint ?? endpoint,
    sentBytes: () => counter?.sentBytes() ?? 0,
    async stop() {
      counter?.close();
      await store.stop();
    },
    async open(name) {
      const credentials = { accessKeyId, secretAccessKey };
      const bucket = await openBucket({ bucket: name, endpoint, region, credentials });
      await bucket.putBucket();
      await bucket.putVersioning('Enabled');
      return bucket;
    },
  };
}

/** Keys in the bucket below the prefix. */
export async function keysBelow(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let continuation: string | undefined;
  do {
    const page = await bucket.list({
      prefix,
      ...(continuation === undefined ? {} : { continuation }),
    });
    for (const { key } of page.objects) keys.push(key);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return keys;
}

/** Does `work` for the numbers below `count`, 32 at a time. */
export async function inParallel(
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 32 }, lane));
}
