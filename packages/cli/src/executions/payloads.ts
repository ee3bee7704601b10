// Payloads that the SDK's `createFileSystemSerdes` has put into files of the workspace: the payload is then
// `{"file": "/mnt/…", "preview": …}`. A run that is alive is asked for the file; of one that is not, it is
// taken from the bucket, where everything is that the run had exported.
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  belowMount,
  PAYLOAD_FILE_BYTES_MAX,
  readPayloadRoots,
  type BucketLocation,
} from '@moorage/stack';
import { openRun } from '../review/run-directory.ts';
import type { HistoryEvent } from './api.ts';
import type { Run } from './runs.ts';
import { functionName } from './text.ts';

/** What a payload stands for. `Problem` completes "it cannot be shown: …". */
export interface PayloadFile {
  readonly File: string;
  readonly Content?: string;
  readonly Problem?: string;
}

/** Reads files that payloads of a run's executions point to. */
export class Payloads {
  readonly #run: Run;
  readonly #alive: boolean;
  readonly #opened: { close(): Promise<void> }[] = [];
  #store: Promise<Omit<BucketLocation, 'bucket'>> | undefined;

  constructor(run: Run, alive: boolean) {
    this.#run = run;
    this.#alive = alive;
  }

  /** undefined when the payload is no pointer to a file. */
  async file(functionArn: string, payload: string | undefined): Promise<PayloadFile | undefined> {
    const File = pointerOf(payload);
    if (File === undefined) return undefined;
    try {
      const Content = await this.#read(functionName(functionArn), File);
      return { File, Content };
    } catch (error) {
      return { File, Problem: (error as Error).message };
    }
  }

  /** The event with a `PayloadFile` beside each payload that points to one. */
  async event(functionArn: string, event: HistoryEvent): Promise<HistoryEvent> {
    const key = `${event.EventType}Details` as const;
    const details = await this.#resolved(functionArn, event[key]);
    return details === event[key] ? event : { ...event, [key]: details };
  }

  async close(): Promise<void> {
    for (const opened of this.#opened) await opened.close();
  }

  async #resolved<T>(functionArn: string, details: T): Promise<T> {
    if (typeof details !== 'object' || details === null) return details;
    let found: Record<string, unknown> | undefined;
    for (const [name, value] of Object.entries(details)) {
      if (name === 'Payload' && typeof value === 'string') {
        const file = await this.file(functionArn, value);
        if (file) found = { ...details, ...found, PayloadFile: file };
      } else {
        const inner = await this.#resolved(functionArn, value as unknown);
        if (inner !== value) found = { ...details, ...found, [name]: inner };
      }
    }
    return (found as T | undefined) ?? details;
  }

  async #read(functionOf: string, file: string): Promise<string> {
    if (!this.#alive) return this.#fromBucket(functionOf, file);
    const query = new URLSearchParams({ function: functionOf, file });
    const reply = await fetch(`${this.#run.endpoint}/moorage/payload-file?${query}`);
    const text = await reply.text();
    if (reply.status === 200) return text;
    throw new Error((JSON.parse(text) as { message: string }).message);
  }

  async #fromBucket(functionOf: string, file: string): Promise<string> {
    const root = readPayloadRoots(this.#run.stack)[functionOf];
    const below = root && belowMount(root.mountPath, file);
    if (!root || below === undefined) throw new Error('it is not in the workspace of its function');
    this.#store ??= this.#openStore();
    const { openBucket, collect, S3Error } = await import('@moorage/object-store');
    const bucket = await openBucket({ ...(await this.#store), bucket: root.bucket });
    const key = root.keyPrefix + below;
    try {
      const { size } = await bucket.head(key);
      if (size > PAYLOAD_FILE_BYTES_MAX)
        throw new Error(`it is larger than ${PAYLOAD_FILE_BYTES_MAX} bytes`);
      const { body, length } = await bucket.get(key);
      return Buffer.from(await collect(body, length)).toString('utf8');
    } catch (error) {
      if (error instanceof S3Error && error.code === 'NoSuchKey')
        throw new Error('it is not in the bucket', { cause: error });
      throw error;
    } finally {
      await bucket.close();
    }
  }

  /** The given bucket's place, or the run's own store, served for as long as this is open. */
  async #openStore(): Promise<Omit<BucketLocation, 'bucket'>> {
    const own = path.join(this.#run.stack, 's3');
    if (existsSync(own)) {
      const { startLocalS3 } = await import('@moorage/local-s3');
      const store = await startLocalS3({ dir: own });
      this.#opened.push(store);
      const { endpoint, region, credentials } = store;
      return { endpoint, region, credentials, addressing: 'path' };
    }
    const given = openRun(this.#run.dataDir, this.#run.runId).request.bucket;
    if (!given) throw new Error('the run has no bucket');
    const { endpoint, region } = given;
    return { ...(endpoint !== undefined && { endpoint }), ...(region !== undefined && { region }) };
  }
}

/** The file a payload points to, in the form the SDK gives it. */
function pointerOf(payload: string | undefined): string | undefined {
  if (payload === undefined || !payload.startsWith('{')) return undefined;
  let pointer: { file?: unknown };
  try {
    pointer = JSON.parse(payload) as { file?: unknown };
  } catch {
    return undefined;
  }
  const others = Object.keys(pointer).filter((key) => key !== 'file' && key !== 'preview');
  return typeof pointer.file === 'string' && others.length === 0 ? pointer.file : undefined;
}
