/** Entry of the notifier thread: writes cache invalidations to the kernel and may block while it does. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { writeNotifications } from '@moorage/fuse';
import type { FromServing } from './thread-messages.ts';

const { fd, batches } = workerData as { fd: number; batches: MessagePort };

batches.on('message', (batch: Uint8Array) => {
  writeNotifications(fd, batch, (message) => {
    const log: FromServing = { kind: 'log', level: 'warn', message };
    parentPort!.postMessage(log);
  });
});
