/**
 * Where changes of a bucket are told when its store does not stream them: a queue that is read (SQS), or an address
 * on this machine to which the store posts them (MinIO, Ceph and others call it a webhook).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MessageQueue, S3Error, Sequencers, readChangeEvents } from '@moorage/object-store';
import type { BucketLocation, ChangeEvent } from '@moorage/object-store';
import type { RemoteChange } from './jobs.ts';

// An import would evaluate every export, and one of them loads fetch: 50 ms of each start.
const { createServer } = process.getBuiltinModule('node:http');

/** Plain data: it is sent between processes. */
export type ChangeSource =
  /** The queue's whole address. Its messages are deleted once they are read, so it must be this mount's own. */
  | { kind: 'sqs'; url: string }
  /** A port of 127.0.0.1. */
  | { kind: 'webhook'; port: number };

export interface Listening {
  location: BucketLocation;
  /** Of the mount. */
  prefix: string;
  signal: AbortSignal;
  /** An empty list says that changes are told from now on. */
  emit: (changes: RemoteChange[]) => void;
}

/** Goes on until it fails or is aborted; rejects in either case. */
export function listenTo(source: ChangeSource, listening: Listening): Promise<never> {
  switch (source.kind) {
    case 'sqs':
      return readQueue(new URL(source.url), listening);
    case 'webhook':
      return receive(source.port, listening);
  }
}

async function readQueue(url: URL, listening: Listening): Promise<never> {
  const { location, signal } = listening;
  const queue = await MessageQueue.open(url, location);
  const news = newsFilter(listening);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const messages = await queue.receive(!isFirst, signal);
      if (isFirst) listening.emit([]);
      const read = messages.map((message) => ({ message, events: readChangeEvents(message.body) }));
      const changes = read.flatMap(({ events }) => events ?? []).filter(news);
      if (changes.length > 0) listening.emit(changes);
      // What is no notification is left to the queue's own rules for such messages.
      const done = read.filter(({ events }) => events !== undefined);
      if (done.length > 0) {
        await queue.delete(
          done.map(({ message }) => message),
          signal,
        );
      }
    }
  } finally {
    await queue.close();
  }
}

const bodyBytesMax = 4 * 1024 * 1024;

function receive(port: number, listening: Listening): Promise<never> {
  const news = newsFilter(listening);
  return new Promise((_, reject) => {
    const server = createServer((request, response) => {
      void take(request, response, (events) => {
        const changes = events.filter(news);
        if (changes.length > 0) listening.emit(changes);
      });
    });
    const fail = (message: string, cause?: unknown): void => {
      server.close();
      server.closeAllConnections();
      reject(new S3Error('BrokenTransfer', message, { cause }));
    };
    server.on('error', (error) => {
      fail(`Notifications cannot be received on 127.0.0.1:${port}: ${error.message}.`, error);
    });
    server.listen(port, '127.0.0.1', () => listening.emit([]));
    listening.signal.addEventListener('abort', () => fail('Stopped.'), { once: true });
  });
}

/** Stores ask with HEAD or GET whether somebody is there, and repeat what is not answered with 200. */
async function take(
  request: IncomingMessage,
  response: ServerResponse,
  tell: (events: ChangeEvent[]) => void,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > bodyBytesMax) {
        response.writeHead(413).end();
        return;
      }
    }
    if (request.method !== 'POST' && request.method !== 'PUT') {
      response.writeHead(200).end();
      return;
    }
    const events = readChangeEvents(Buffer.concat(chunks).toString('utf8'));
    if (events !== undefined) tell(events);
    response.writeHead(events === undefined ? 400 : 200).end();
  } catch {
    response.destroy();
  }
}

/** Of this mount, and not told before. */
function newsFilter({ location, prefix }: Listening): (event: ChangeEvent) => boolean {
  const sequencers = new Sequencers();
  return (event) => {
    const isHere = event.bucket === '' || event.bucket === location.bucket;
    return isHere && event.key.startsWith(prefix) && sequencers.isNews(event);
  };
}
