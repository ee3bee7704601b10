/** What the threads of a server process say to each other. */
import type { SentResult, TransferJob } from '@moorage/file-system/transfer';
import type { Session } from '@moorage/fuse';
import type { ServerConfiguration, ServerReply, ServerRequest } from './control-messages.ts';
import type { FileConflict, FileSystemServerErrorCode, LogLevel } from './file-system-server.ts';

/** `workerData` of the serving thread. */
export interface ServingStart {
  configuration: ServerConfiguration;
}

export type ToServing =
  | { kind: 'results'; results: SentResult[] }
  | { kind: 'request'; id: number; request: ServerRequest }
  | { kind: 'stop' };

export type FromServing =
  /**
   * `wakeFd` (see `openEventFd`) is written after every message to the serving thread, which waits in poll(2);
   * `notifierSocket` is the notifier process' end of the socket that notifications go over.
   */
  | { kind: 'opened'; wakeFd: number; notifierSocket: number }
  | { kind: 'jobs'; jobs: readonly TransferJob[] }
  | { kind: 'session'; session: Session }
  /** Somebody has called fsync: a thread is to flush, which shares this. */
  | { kind: 'flusher-wanted'; shared: SharedArrayBuffer }
  | { kind: 'conflict'; conflict: FileConflict }
  /** The kernel is to be told something for the first time: somebody must read the socket. */
  | { kind: 'notifier-wanted' }
  /** Every view exists; requests are read from now on. */
  | { kind: 'serving' }
  | { kind: 'reply'; id: number; reply: ServerReply }
  | { kind: 'log'; level: LogLevel; message: string }
  | { kind: 'failed'; code: FileSystemServerErrorCode; message: string }
  /** The store is closed; nothing more will be said. */
  | { kind: 'ended'; why: 'unmounted' | 'stopped' };
