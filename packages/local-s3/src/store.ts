/** Everything an endpoint keeps in its directory. */
import { mkdirSync } from 'node:fs';
import { BlobStore } from './blob-store.ts';
import { BucketTable } from './bucket-table.ts';
import { ChangeFeed } from './change-feed.ts';
import { Database } from './database.ts';
import { Listing } from './listing.ts';
import { schema } from './schema.ts';
import { UploadTable } from './upload-table.ts';
import { VersionTable } from './version-table.ts';

/** Sequence numbers are reserved on disk this many at a time. */
const reservedAtOnce = 100_000;

/** The parts of an open directory. */
export interface Store {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly buckets: BucketTable;
  readonly versions: VersionTable;
  readonly uploads: UploadTable;
  readonly listing: Listing;
  readonly feed: ChangeFeed;
  close(): Promise<void>;
}

/** Opens the directory, making it when missing; throws when another process has it. */
export function openStore(o: { readonly dir: string; readonly clock: () => number }): Store {
  mkdirSync(o.dir, { recursive: true, mode: 0o700 });
  const database = new Database(o.dir, schema);
  const nextSequence = sequenceCounter(database);
  const blobs = new BlobStore(o.dir, database, nextSequence);
  const feed = new ChangeFeed();
  const versions = new VersionTable(database, blobs, feed, nextSequence, o.clock);
  return {
    database,
    blobs,
    buckets: new BucketTable(database),
    versions,
    uploads: new UploadTable(database, blobs, versions, o.clock),
    listing: new Listing(database),
    feed,
    async close(): Promise<void> {
      await database.close();
      blobs.close();
    },
  };
}

/**
 * Numbers that only grow, over restarts and rollbacks too: they are reserved ahead, and one is only
 * handed out when its reservation is at least in the batch that will name it.
 */
function sequenceCounter(database: Database): () => number {
  const read = database.prepare('SELECT reserved FROM counter');
  const reserve = database.prepare('UPDATE counter SET reserved = ?');
  let next = (read.get() as { reserved: number }).reserved;
  let reserved = next;
  database.onRollback(() => {
    reserved = (read.get() as { reserved: number }).reserved;
  });
  return () => {
    if (next >= reserved) {
      database.write(() => reserve.run(next + reservedAtOnce));
      reserved = next + reservedAtOnce;
    }
    return next++;
  };
}
