/** Starting and stopping an endpoint: directory, lock, credentials, port. */
import { isBucketName } from './bucket-name.ts';
import type { Credentials } from './credentials.ts';
import { loadCredentials } from './credentials.ts';
import { openStore, type Store } from './store.ts';
import { listen } from './server.ts';

/** What an endpoint is started with. */
export interface LocalS3Options {
  /** Holds everything; made when missing. One process at a time. */
  readonly dir: string;
  /** 0 (the default) lets the system choose. */
  readonly port?: number;
  /** Loopback unless said otherwise. */
  readonly host?: string;
  /** Replaces the credentials kept in the directory. */
  readonly credentials?: Credentials;
  /** `us-east-1` unless said otherwise. */
  readonly region?: string;
  /** Each is made, with versioning on, when it is not there yet. */
  readonly buckets?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Told of internal errors, one line each. */
  readonly log?: (line: string) => void;
}

/** A running endpoint. */
export interface LocalS3 {
  /** `http://host:port`, for path-style addressing. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Answers what is under way, then lets go of port and directory. */
  close(): Promise<void>;
}

/** Serves the directory as S3. Rejects, saying what to do, when the directory or port is taken. */
export async function startLocalS3(options: LocalS3Options): Promise<LocalS3> {
  const clock = options.clock ?? Date.now;
  const log = options.log ?? ((): void => undefined);
  const region = options.region ?? 'us-east-1';
  const store = openStore({ dir: options.dir, clock });
  try {
    const credentials = loadCredentials(options.dir, options.credentials);
    for (const name of options.buckets ?? []) ensureBucket(store, name, clock());
    const server = await listen({
      store,
      credentials,
      region,
      clock,
      log,
      host: options.host ?? '127.0.0.1',
      port: options.port ?? 0,
    });
    let closing: Promise<void> | undefined;
    return {
      endpoint: server.endpoint,
      region,
      credentials,
      close(): Promise<void> {
        closing ??= server.close().then(() => store.close());
        return closing;
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function ensureBucket({ buckets }: Store, name: string, now: number): void {
  if (buckets.list().some((bucket) => bucket.name === name)) return;
  if (!isBucketName(name)) {
    throw new Error(
      `local-s3: ${JSON.stringify(name)} cannot be a bucket: 3 to 63 lower-case letters, digits, dots and dashes`,
    );
  }
  buckets.create(name, now);
  buckets.setVersioning(name, 'Enabled');
}
