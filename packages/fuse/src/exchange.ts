/** What a handler works with: the request, the reply to fill, and the file system. One object, reused. */
import type { Attributes, FileSystemOperations } from '@moorage/file-system';
import type { RequestCaller } from './caller.ts';
import type { EventNotes } from './event-notes.ts';
import type { Identity } from './identity.ts';
import type { KnownNodes } from './known-nodes.ts';
import type { ReplyBuffer } from './reply.ts';
import type { RequestBuffer } from './request.ts';
import type { ViewNames } from './view-names.ts';

export interface Exchange {
  readonly fileSystem: FileSystemOperations;
  readonly request: RequestBuffer;
  readonly reply: ReplyBuffer;
  readonly caller: RequestCaller;
  /** For out-parameters. */
  readonly attributes: Attributes;
  readonly identity: Identity;
  readonly nodes: KnownNodes;
  readonly notes: EventNotes;
  readonly viewNames: ViewNames;
  /** How long the kernel may keep names, attributes and the absence of names it is told now. */
  cacheSeconds: number;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  /** The kernel drops what it has cached of a file where a direct write changes it. */
  isDirectCoherent: boolean;
  /** See `Session`. */
  kernelKeepsFiles: boolean;
  /** The inode the request is about. */
  ino: number;
}

/**
 * Decodes one request, carries it out and encodes its reply: 0 = send it, -1 = Pending, `noReply`,
 * `noSuchCall`, else the `FsError` to answer.
 */
export type Handler = (x: Exchange) => number;

/** The request has no answer (FORGET). */
export const noReply = -2;
/** Answered with ENOSYS: the kernel does without it and does not ask again. */
export const noSuchCall = -3;
