/**
 * The serving thread's loop: wait for the kernel or for another thread, read a request, carry it out, answer.
 *
 * Ordering rules, on which recovery after a crash rests:
 *  - each request is answered (or parked, having changed nothing) before the next is read, so at most one
 *    change is carried out and not yet answered at any moment;
 *  - other views' caches are told of a change before it is answered, if they can be at once (notifier.ts);
 *  - a lock is answered when they have been told of every change before it, so that who reads under a lock reads
 *    what was written under it. Nothing the kernel holds while it waits for a lock keeps it from being told.
 * An exception is a defect: the process ends and is restarted, the kernel sends the request again, and if
 * it fails again it alone is answered with EIO.
 */
import { newAttributes, ok, pending } from '@moorage/file-system';
import type { FileSystemOperations, WaitId } from '@moorage/file-system';
import { cacheSeconds } from './cache-lifetimes.ts';
import { RequestCaller } from './caller.ts';
import { answerCarriedOut, handlers, isUnawaited } from './dispatch.ts';
import { errnoOf } from './errno.ts';
import type { EventNotes } from './event-notes.ts';
import { noReply, noSuchCall } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { isLockTaken } from './handlers/locks.ts';
import type { Identity } from './identity.ts';
import type { KnownNodes } from './known-nodes.ts';
import { isDirectCoherent, negotiate } from './negotiate.ts';
import type { Session } from './negotiate.ts';
import type { NotificationPipe } from './notifier.ts';
import { ParkedRequests } from './parked.ts';
import { ReplyBuffer } from './reply.ts';
import { RequestBuffer } from './request.ts';
import { errno, errnoName, poll, read, setNonBlocking, write } from './system-calls.ts';
import { Traffic } from './traffic.ts';
import type { ViewNames } from './view-names.ts';
import {
  Errno,
  Notify,
  Opcode,
  replyHeaderBytes,
  requestHeaderBytes,
  uniqueResendHigh,
} from './wire.ts';

/** What else the serving thread does between requests. */
export interface ServingWork {
  /** Another thread wrote to `wakeFd`: take its messages. Return false to stop serving. */
  drain(): boolean;
  /** After every request, wake-up and tick. Returns the milliseconds until `tick` is due; 0 = now, Infinity = never. */
  settled(): number;
  tick(): void;
  /** False: leave requests in the kernel's queue for now (views are being prepared). */
  accepts(): boolean;
}

export interface ServeOptions {
  /** The open /dev/fuse of a mount. */
  fd: number;
  /** See `openEventFd`. */
  wakeFd: number;
  fileSystem: FileSystemOperations;
  nodes: KnownNodes;
  notes: EventNotes;
  /** Where the notes' batches go. */
  notifications: NotificationPipe;
  viewNames: ViewNames;
  /** There are, or may come to be, views besides the whole file system. Fixed for a mount. */
  hasViews: boolean;
  identity: Identity;
  /** What a process that served this mount before had agreed with the kernel, if it got that far. */
  session: Session | undefined;
  /** A process before this one has served the mount: what it left unanswered is to be had again. */
  resumed: boolean;
  /** Called before INIT is answered; must be durable when it returns. */
  onSession(session: Session): void;
  work: ServingWork;
  /** Milliseconds that only go forward. */
  now(): number;
  log(level: 'warn' | 'error', message: string): void;
}

/** Why `serve` returned. */
export type ServeEnd = 'unmounted' | 'stopped' | 'kernel-too-old';

/** How soon to try again when the notifier is behind. */
const notifierLookMs = 10;
/** How long a request interrupted by a harmless signal waits before its process is looked at again. */
const interruptedLookMs = 200;
/** How often, and how many times, it is looked at whether a lock may be answered. */
const heldLookMs = 1;
const heldLooksMax = 10_000;
/** Requests that are read before anything else is looked at. */
const readsMax = 16;
const pollIn = 1;

/** A lock that was given; its answer waits until the kernel has taken the first `after` notifications. */
interface HeldLock {
  uniqueLow: number;
  uniqueHigh: number;
  after: number;
  looks: number;
}

export class ServingLoop {
  readonly #o: ServeOptions;
  readonly #x: Exchange;
  readonly #request = new RequestBuffer();
  readonly #reply = new ReplyBuffer();
  readonly #caller: RequestCaller;
  readonly #parked = new ParkedRequests();
  #held: HeldLock[] = [];
  readonly #whenReady = new Map<WaitId, () => void>();
  readonly #pollFds: Buffer = Buffer.alloc(24);
  readonly #wakeCounter: Buffer = Buffer.alloc(8);
  #end: ServeEnd | undefined;
  /** Requests so far, parked ones again each time they are repeated. */
  handled = 0;
  readonly traffic: Traffic = new Traffic();

  constructor(options: ServeOptions) {
    this.#o = options;
    this.#caller = new RequestCaller(options.identity);
    this.#x = {
      fileSystem: options.fileSystem,
      request: this.#request,
      reply: this.#reply,
      caller: this.#caller,
      attributes: newAttributes(),
      identity: options.identity,
      nodes: options.nodes,
      notes: options.notes,
      viewNames: options.viewNames,
      isDirectCoherent: isDirectCoherent(options.session),
      kernelKeepsFiles: options.session?.kernelKeepsFiles === true,
      now: () => options.now(),
      cacheSeconds: 0,
      ino: 0,
    };
    this.#pollFds.writeInt32LE(options.wakeFd, 0);
    this.#pollFds.writeInt16LE(pollIn, 4);
    this.#pollFds.writeInt32LE(options.notifications.socket, 8);
    this.#pollFds.writeInt16LE(pollIn, 12);
    this.#pollFds.writeInt32LE(options.fd, 16);
    this.#pollFds.writeInt16LE(pollIn, 20);
  }

  /** Runs `repeat` once when `waitId` is ready: for operations that are not requests of the kernel. */
  whenReady(waitId: WaitId, repeat: () => void): void {
    this.#whenReady.set(waitId, repeat);
  }

  /** Serves until the file system is unmounted or `work.drain` says stop. Blocks the thread. */
  run(): ServeEnd {
    setNonBlocking(this.#o.fd);
    if (this.#o.resumed && this.#o.session?.resend !== false) this.#askAgain();
    while (this.#end === undefined) this.#wait(this.#settle());
    return this.#end;
  }

  /** The requests the process before us left unanswered, please. */
  #askAgain(): void {
    const message = Buffer.alloc(replyHeaderBytes);
    message.writeUInt32LE(replyHeaderBytes, 0);
    message.writeInt32LE(Notify.resend, 4);
    if (write(this.#o.fd, message, message.length) < 0)
      this.#o.log('error', `the kernel did not repeat open requests: ${errnoName(errno())}`);
  }

  /** Repeats what became ready, hands on notes, ticks: until there is nothing to do for the time returned. */
  #settle(): number {
    for (;;) {
      for (let id = this.#o.notes.takeReady(); id !== undefined; id = this.#o.notes.takeReady())
        this.#repeat(id);
      this.#o.notes.flush();
      this.#answerHeld();
      const behind = !this.#o.notifications.push();
      const dueMs = this.#o.work.settled();
      if (dueMs > 0) return behind ? Math.min(dueMs, notifierLookMs) : dueMs;
      this.#o.work.tick();
    }
  }

  #repeat(waitId: WaitId): void {
    for (const parked of this.#parked.take(waitId)) {
      this.#request.load(parked.copy);
      this.#handle(parked.interrupted);
    }
    const own = this.#whenReady.get(waitId);
    this.#whenReady.delete(waitId);
    own?.();
  }

  #wait(dueMs: number): void {
    const interrupted = this.#parked.hasInterrupted();
    const due = Math.min(
      dueMs,
      interrupted ? interruptedLookMs : Infinity,
      this.#held.length > 0 ? heldLookMs : Infinity,
    );
    const timeout = due === Infinity ? -1 : Math.ceil(Math.min(due, 0x7fffffff));
    const fds = this.#pollFds;
    const ready = poll(fds, this.#o.work.accepts() ? 3 : 2, timeout);
    if (ready < 0) return;
    if (interrupted)
      for (const parked of this.#parked.takeEnding()) this.#answerInterrupted(parked);
    if (ready === 0) return;
    if (fds[6] !== 0) {
      fds[6] = 0;
      read(this.#o.wakeFd, this.#wakeCounter, 8);
      if (!this.#o.work.drain()) this.#end = 'stopped';
    }
    if (fds[14] !== 0) {
      fds[14] = 0;
      this.#o.notifications.takeAnswers();
    }
    if (fds[22] !== 0) {
      fds[22] = 0;
      this.#readAndHandle();
    }
  }

  /**
   * What nobody waits for is sent on the way to something else: after it the next request is most likely there, and
   * reading it finds that out for less than a poll(2).
   */
  #readAndHandle(): void {
    for (let left = readsMax; left > 0; left--) {
      const n = read(this.#o.fd, this.#request.bytes, this.#request.bytes.length);
      if (n < requestHeaderBytes) return this.#readFailed(n);
      const opcode = this.#request.opcode();
      this.#handle(false);
      if (!isUnawaited(opcode)) return;
    }
  }

  #readFailed(n: number): void {
    const number = errno();
    // There is none, the request was withdrawn while we read it, or a signal came.
    if (n < 0 && (number === Errno.ENOENT || number === Errno.EINTR || number === Errno.EAGAIN))
      return;
    if (n < 0 && number !== Errno.ENODEV && number !== Errno.ECONNABORTED)
      this.#o.log('error', `reading requests failed: ${errnoName(number)}`);
    this.#end = 'unmounted';
  }

  /** Carries out the request in the buffer. */
  #handle(interrupted: boolean): void {
    const opcode = this.#request.opcode();
    this.handled++;
    this.#reply.length = 0;
    switch (opcode) {
      case Opcode.init:
        return this.#init();
      case Opcode.interrupt:
        return this.#interrupt();
      case Opcode.destroy:
        return this.#answer(ok);
      default: {
        const status = this.#perform(opcode);
        if (status === pending) return this.#park(opcode, interrupted);
        this.traffic.count(opcode, this.#request.length(), status === ok ? this.#reply.length : 0);
        // Whoever hears of the change may look at it through another view at once.
        if (this.#o.notes.flush()) this.#o.notifications.settle();
        if (status === ok && isLockTaken(opcode, this.#request) && this.#hold()) return;
        this.#answer(status);
      }
    }
  }

  /** False when the answer need not wait. */
  #hold(): boolean {
    const after = this.#o.notifications.sent;
    if (this.#o.notifications.taken(after)) return false;
    const uniqueLow = this.#request.uniqueLow();
    const uniqueHigh = this.#request.uniqueHigh();
    this.#held.push({ uniqueLow, uniqueHigh, after, looks: 0 });
    return true;
  }

  /** A notifier that died may have taken notifications with it: the wait is not for ever. */
  #answerHeld(): void {
    if (this.#held.length === 0) return;
    this.#held = this.#held.filter((lock) => {
      if (!this.#o.notifications.taken(lock.after) && lock.looks++ < heldLooksMax) return true;
      this.#reply.length = 0;
      this.#send(0, lock.uniqueLow, lock.uniqueHigh);
      return false;
    });
  }

  #perform(opcode: number): number {
    const x = this.#x;
    x.ino = this.#request.inode(16);
    x.cacheSeconds =
      this.#o.nodes.views().length === 1 || this.#o.notifications.prompt ? cacheSeconds : 0;
    this.#caller.fill(this.#request, this.#request.view(16));
    const handler = handlers[opcode];
    if (handler === undefined) return noSuchCall;
    if (this.#request.uniqueHigh() < uniqueResendHigh) return handler(x);
    const done = x.fileSystem.carriedOut(this.#caller.request);
    try {
      return done === undefined ? handler(x) : answerCarriedOut(x, opcode, done);
    } catch (error) {
      this.#o.log('error', `request ${opcode} failed twice: ${String(error)}`);
      return errorAfterDefect;
    }
  }

  #park(opcode: number, interrupted: boolean): void {
    this.#parked.add({
      copy: this.#request.copy(),
      waitId: this.#x.fileSystem.pendingOn,
      opcode,
      pid: this.#request.pid(),
      uniqueLow: this.#request.uniqueLow(),
      uniqueHigh: this.#request.uniqueHigh(),
      interrupted,
    });
  }

  #answer(status: number): void {
    if (status === noReply) return;
    const number = status === ok ? 0 : status === noSuchCall ? Errno.ENOSYS : errnoOf(status);
    this.#send(number, this.#request.uniqueLow(), this.#request.uniqueHigh());
  }

  #send(number: number, uniqueLow: number, uniqueHigh: number): void {
    const length = this.#reply.finish(number, uniqueLow, uniqueHigh);
    if (write(this.#o.fd, this.#reply.bytes, length) >= 0) return;
    const failed = errno();
    // ENOENT: whoever asked is gone. ENODEV: unmounted, as the next read will tell.
    if (failed === Errno.ENOENT || failed === Errno.ENODEV) return;
    this.#o.log('error', `a reply was refused by the kernel: ${errnoName(failed)}`);
    // The caller must not wait for ever for an answer that was malformed.
    if (number === 0) this.#send(Errno.EIO, uniqueLow, uniqueHigh);
  }

  #init(): void {
    const session = negotiate(this.#request, this.#reply, this.#o.hasViews);
    if (session === undefined) {
      this.#send(Errno.ENOSYS, this.#request.uniqueLow(), this.#request.uniqueHigh());
      this.#end = 'kernel-too-old';
      return;
    }
    this.#x.isDirectCoherent = isDirectCoherent(session);
    this.#x.kernelKeepsFiles = session.kernelKeepsFiles;
    this.#o.onSession(session);
    this.#answer(ok);
  }

  /** struct fuse_interrupt_in: u64 unique of the request. Not answered itself. */
  #interrupt(): void {
    const ending = this.#parked.interrupt(
      this.#request.u32(requestHeaderBytes),
      this.#request.u32(requestHeaderBytes + 4),
    );
    if (ending !== undefined) this.#answerInterrupted(ending);
  }

  #answerInterrupted(parked: { waitId: WaitId; uniqueLow: number; uniqueHigh: number }): void {
    if (!this.#parked.waitFor(parked.waitId)) this.#x.fileSystem.cancelWait(parked.waitId);
    this.#send(Errno.EINTR, parked.uniqueLow, parked.uniqueHigh);
  }
}

/** Not an `FsError`, so that it becomes EIO. */
const errorAfterDefect = 63;
