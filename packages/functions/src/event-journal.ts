/**
 * The file behind the queue of asynchronous invocations: JSON lines, appended in batches, each batch
 * synced before anyone is told. Reading it is recovery: a torn last line was never acknowledged and
 * is dropped, any other unreadable line is reported.
 *
 * Only one process may have it open.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Log } from './ports.ts';

/** An accepted asynchronous invocation. */
export interface QueuedEvent {
  id: string;
  functionName: string;
  qualifier?: string;
  payloadBase64: string;
  clientContext?: string;
  traceId?: string;
  tenantId?: string;
  /** The durable execution that it has started already: what is left is to tell of its end. */
  executionArn?: string;
  acceptedMs: number;
  /** Tries that failed. */
  failures: number;
  notBeforeMs: number;
}

export type JournalRecord =
  | { type: 'accepted'; event: QueuedEvent }
  | { type: 'failed'; id: string; failures: number; notBeforeMs: number }
  | { type: 'started'; id: string; executionArn: string }
  | { type: 'done'; id: string };

const COMPACT_BYTES = 16 * 1024 * 1024;

interface Pending {
  line: string;
  done: () => void;
  fail: (error: unknown) => void;
}

export class EventJournal {
  readonly live: Map<string, QueuedEvent>;
  readonly #path: string;
  #file: FileHandle | undefined;
  /** Everything up to here is whole. */
  #bytes = 0;
  #compactAt = COMPACT_BYTES;
  #pending: Pending[] = [];
  #writing: Promise<void> | undefined;

  constructor(path: string, log: Log) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.live = read(path, log);
  }

  /** Resolves once the record is on disk; rejects when it is not and never will be. */
  append(record: JournalRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        apply(this.live, record);
        resolve();
      };
      this.#pending.push({ line: `${JSON.stringify(record)}\n`, done, fail: reject });
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0);
      try {
        if (this.#file === undefined || this.#bytes > this.#compactAt) await this.#rewrite();
        const bytes = Buffer.from(batch.map((entry) => entry.line).join(''));
        try {
          await writeAll(this.#file!, bytes, this.#bytes);
          await this.#file!.datasync();
        } catch (cause) {
          // Half a batch must not come back after a restart: its callers are told that it failed.
          await this.#file!.truncate(this.#bytes).catch(() => {});
          throw cause;
        }
        this.#bytes += bytes.byteLength;
        for (const entry of batch) entry.done();
      } catch (cause) {
        for (const entry of batch) entry.fail(cause);
      }
    }
  }

  /** Replaces the file by one that holds what is live. */
  async #rewrite(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const temporary = `${this.#path}.new`;
    const lines = [...this.live.values()].map((event) => {
      const record: JournalRecord = { type: 'accepted', event };
      return `${JSON.stringify(record)}\n`;
    });
    const bytes = Buffer.from(lines.join(''));
    const fd = openSync(temporary, 'w', 0o600);
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.#path);
    const dir = openSync(dirname(this.#path), 'r');
    fsyncSync(dir);
    closeSync(dir);
    this.#file = await open(this.#path, 'r+');
    this.#bytes = bytes.byteLength;
    this.#compactAt = Math.max(COMPACT_BYTES, 2 * bytes.byteLength);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.byteLength - at, position + at);
    at += bytesWritten;
  }
}

function read(path: string, log: Log): Map<string, QueuedEvent> {
  const live = new Map<string, QueuedEvent>();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return live;
    throw cause;
  }
  const lines = text.split('\n');
  lines.pop();
  lines.forEach((line, index) => {
    try {
      apply(live, JSON.parse(line) as JournalRecord);
    } catch {
      log('error', 'the event queue has an unreadable line; that event is lost', {
        path,
        line: index + 1,
      });
    }
  });
  return live;
}

function apply(live: Map<string, QueuedEvent>, record: JournalRecord): void {
  switch (record.type) {
    case 'accepted':
      live.set(record.event.id, record.event);
      return;
    case 'failed': {
      const event = live.get(record.id);
      if (event === undefined) return;
      event.failures = record.failures;
      event.notBeforeMs = record.notBeforeMs;
      return;
    }
    case 'started': {
      const event = live.get(record.id);
      if (event !== undefined) event.executionArn = record.executionArn;
      return;
    }
    case 'done':
      live.delete(record.id);
      return;
    default:
      throw new Error('unknown record');
  }
}
