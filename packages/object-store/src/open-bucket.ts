/** The entrance: a bucket from a location, with the clock, randomness and log of this process unless given. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket, BucketLocation } from './bucket.ts';
import { Connection } from './connection.ts';
import { Requests } from './requests.ts';
import type { Clock, RetryContext } from './retry.ts';
import { S3Bucket } from './s3-bucket.ts';
import { resolveSettings } from './settings.ts';

export interface OpenBucketOptions extends BucketLocation {
  clock?: Clock;
  random?: () => number;
  /** One line per retried request; never with a secret in it. */
  log?: (line: string) => void;
}

/**
 * Resolves region, endpoint and credentials, but sends nothing yet: `headBucket` tells whether it can be used.
 *
 * @example
 * const bucket = await openBucket({ bucket: 'data' });
 * await bucket.headBucket();
 */
export async function openBucket(options: OpenBucketOptions): Promise<Bucket> {
  const clock = options.clock ?? systemClock;
  const context: RetryContext = {
    clock,
    random: options.random ?? Math.random,
    log: options.log ?? ignore,
  };
  const settings = await resolveSettings(options, process.env);
  return new S3Bucket(new Requests(new Connection(settings, clock), context));
}

const systemClock: Clock = {
  now: Date.now,
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, signal === undefined ? {} : { signal });
    } catch {
      // Aborted: the request that follows says so itself.
    }
  },
};

function ignore(): void {}
