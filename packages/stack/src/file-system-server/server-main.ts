/**
 * Entry of the server process. Its main thread talks to the supervisor and to S3; the serving thread owns the
 * file system and answers the kernel; another process writes cache invalidations.
 *
 * This thread loads as little as it can, because applications wait while a server is restarted.
 *
 * It ends with its supervisor: an orphan takes the mount away and exits, losing nothing (what is not in S3 is in
 * the data directory). A defect in any thread ends the process at once; the supervisor starts another.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { TransferJob, Transfers } from '@moorage/file-system/transfer';
import type { BucketLocation } from '@moorage/object-store';
import type { FromServer, ServerConfiguration, ToServer } from './control-messages.ts';
import { mountDescriptor } from './server-process.ts';
import type { FromServing, ServingStart, ToServing } from './thread-messages.ts';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** What an event descriptor counts up by. */
const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

let serving: Worker | undefined;
let wakeFd = -1;
let notifierSocket = -1;
let mountPoint: string | undefined;
let transfers: Transfers | undefined;
/** Settles when nothing of the probe of the store is left in the bucket; it is waited for at the end. */
let probed: Promise<unknown> = Promise.resolve();
const probedMsMax = 3_000;
/** Where the bucket is, when that was not known at the start. */
const located = Promise.withResolvers<BucketLocation>();
/** Jobs that came before the bucket was open. */
const early: TransferJob[] = [];

process.on('message', (message) => {
  const to = message as ToServer;
  switch (to.kind) {
    case 'start':
      void start(to.configuration).catch((error: unknown) =>
        tell({ kind: 'failed', code: 'BUCKET_UNUSABLE', message: said(error) }),
      );
      return;
    case 'bucket':
      return located.resolve(to.bucket);
    case 'request':
      return toServing({ kind: 'request', id: to.id, request: to.request });
    case 'stop':
      return toServing({ kind: 'stop' });
  }
});
process.on('disconnect', () => void orphaned());

async function start(configuration: ServerConfiguration): Promise<void> {
  mountPoint = configuration.mountPoint;
  serving = servingThread({ configuration });
  const served = Promise.withResolvers<void>();
  serving.on('message', (message: FromServing) => {
    if (message.kind === 'serving') served.resolve();
    else heard(message);
  });
  await Promise.all([served.promise, openTransfers(configuration)]);
  tell({ kind: 'ready' });
}

function servingThread(start: ServingStart): Worker {
  const worker = new Worker(new URL(`./serving-thread.${extension}`, import.meta.url), {
    workerData: start,
    name: 'serving',
  });
  worker.on('error', (error) => {
    console.error(error);
    // Not `exit`: it would wait for a thread that may be waiting in the kernel.
    process.kill(process.pid, 'SIGKILL');
  });
  return worker;
}

function startFlusher(shared: SharedArrayBuffer): void {
  const flusher = new Worker(new URL(`./serving-flush-thread.${extension}`, import.meta.url), {
    workerData: { shared, wakeFd },
    name: 'flusher',
  });
  flusher.on('error', (error) => {
    console.error(error);
    process.kill(process.pid, 'SIGKILL');
  });
}

const notifierPauseMs = 1_000;

/** A process of its own, because it may have to wait in the kernel for our successor (see `runNotifier`). */
function startNotifier(): void {
  const main = fileURLToPath(new URL(`./notifier-main.${extension}`, import.meta.url));
  const notifier = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'inherit', mountDescriptor, notifierSocket],
  });
  // It ends when we do, by itself. Before that only if it was killed.
  notifier.on('exit', () => setTimeout(startNotifier, notifierPauseMs));
  notifier.on('error', (error) => tell({ kind: 'log', level: 'error', message: error.message }));
}

/** A mount for the first time must have a usable bucket; one that is resumed goes on without S3 if it must. */
async function openTransfers(configuration: ServerConfiguration): Promise<void> {
  const { Transfers, checkBucket, knowStore, toSend } =
    await import('@moorage/file-system/transfer');
  const { guardedBucket, openBucket } = await import('@moorage/object-store');
  const location = configuration.bucketFollows ? await located.promise : configuration.bucket;
  const bucket = await openBucket(location);
  if (!configuration.restarted) await checkBucket(bucket);
  const { dataDir: dir, prefix, readOnly, ownStore: own, changes } = configuration;
  const now = (): number => Date.now();
  const token = (): string => randomBytes(16).toString('hex');
  const known = knowStore({ bucket, dir, prefix, readOnly, own, now, token });
  probed = known.then(({ report }) => tell({ kind: 'store', report }));
  transfers = new Transfers({
    bucket: guardedBucket(
      bucket,
      known.then(({ traits }) => traits),
    ),
    ...(changes !== undefined && { changes: { source: changes, location } }),
    deliver: (results) => toServing({ kind: 'results', results: toSend(results) }),
  });
  transfers.accept(early.splice(0));
}

function heard(message: Exclude<FromServing, { kind: 'serving' }>): void {
  switch (message.kind) {
    case 'jobs':
      if (transfers === undefined) early.push(...message.jobs);
      else transfers.accept(message.jobs);
      return;
    case 'opened':
      ({ wakeFd, notifierSocket } = message);
      return wake();
    case 'flusher-wanted':
      return startFlusher(message.shared);
    case 'notifier-wanted':
      return startNotifier();
    case 'session':
    case 'reply':
    case 'conflict':
    case 'log':
    case 'failed':
      return tell(message);
    case 'ended':
      if (message.why === 'unmounted') tell({ kind: 'unmounted' });
      void end();
  }
}

async function end(): Promise<void> {
  await Promise.race([probed, new Promise((resolve) => setTimeout(resolve, probedMsMax))]);
  // The channel delivers what was said before it is closed.
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
  process.exit(0);
}

function toServing(message: ToServing): void {
  serving?.postMessage(message);
  wake();
}

/** What was sent before the serving thread can be woken is found by it when it starts. */
function wake(): void {
  if (wakeFd !== -1) writeSync(wakeFd, one);
}

function tell(message: FromServer): void {
  if (process.connected) process.send!(message);
}

async function orphaned(): Promise<void> {
  const { unmount } = await import('@moorage/fuse/mounting');
  if (mountPoint !== undefined)
    await unmount(mountPoint, { lazy: true, abort: true }).catch(() => {});
  if (serving === undefined) process.exit(0);
  toServing({ kind: 'stop' });
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
