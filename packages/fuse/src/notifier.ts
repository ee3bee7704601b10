/**
 * Writing notifications to the kernel. It may block for as long as a request we have yet to answer holds a lock,
 * and then not even kill -9 ends the process. So a process of its own does it: the server must be able to
 * die at any time, and its successor answers what the notifier waits for.
 */
import { errno, errnoName, poll, read, sendNow, write } from './system-calls.ts';
import { Errno } from './wire.ts';

/** How long a change waits for the kernel to know of it: nothing else to do, and with requests waiting. */
const settleMsMax = 20;
const settleBusyMsMax = 2;
const pollIn = 1;

/**
 * The serving thread's end: takes batches (see `EventNotes`) and does not block, but for a moment in `settle`.
 * The notifier answers with one byte for each notification the kernel has taken, and one when it starts.
 */
export class NotificationPipe {
  readonly socket: number;
  readonly #wanted: () => void;
  #asked = false;
  /** Waiting for room in the socket. */
  readonly #queue: Uint8Array[] = [];
  /** Notifications, and with them the notifier's sign that it is there. */
  #sent = 0;
  #taken = 0;
  /** There is a notifier, and it kept up the last time it was looked at: what is sent is told at once. */
  prompt = false;
  readonly #fds: Buffer = Buffer.alloc(16);
  readonly #answers: Buffer = Buffer.alloc(4096);

  /**
   * `fuse`: when the kernel has requests there, `settle` waits less. `wanted` is called once, when there is
   * something to notify: then somebody has to serve the other end.
   */
  constructor(socket: number, fuse: number, wanted: () => void) {
    this.socket = socket;
    this.#wanted = wanted;
    this.#fds.writeInt32LE(socket, 0);
    this.#fds.writeInt16LE(pollIn, 4);
    this.#fds.writeInt32LE(fuse, 8);
    this.#fds.writeInt16LE(pollIn, 12);
  }

  /** Notifications are to be expected. */
  prepare(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#sent++;
    this.#wanted();
  }

  /** `count`: of the notifications in the batch. */
  send(batch: Uint8Array, count: number): void {
    this.prepare();
    this.#sent += count;
    this.#queue.push(batch);
    this.push();
  }

  /** Notifications sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether the kernel has taken the first `count` of them. */
  taken(count: number): boolean {
    if (this.#taken < count) this.#wait(1, 0);
    return this.#taken >= count;
  }

  /** Tries to get rid of what waits. True when nothing does any more. */
  push(): boolean {
    for (let batch = this.#queue[0]; batch !== undefined; batch = this.#queue[0]) {
      const sent = sendNow(this.socket, batch, batch.length);
      if (sent === batch.length) this.#queue.shift();
      else if (sent > 0) this.#queue[0] = batch.subarray(sent);
      else return false;
    }
    return true;
  }

  /**
   * Waits until the kernel knows what was sent, so that a change made through one view is seen through all others
   * once it is acknowledged. Only for a moment: the kernel may need an answer of ours first (for a
   * lock held by another request), and then it learns of the change a little later.
   */
  settle(): void {
    let idle = this.#wait(2, this.prompt ? settleMsMax : 0);
    while (idle && this.prompt && this.#taken < this.#sent) idle = this.#wait(2, settleMsMax);
    if (this.#taken < this.#sent && this.prompt) this.#wait(1, settleBusyMsMax);
    this.prompt = this.#taken >= this.#sent;
  }

  /** False when it was not an answer that ended the wait. */
  #wait(fds: number, msMax: number): boolean {
    if (poll(this.#fds, fds, msMax) <= 0) return false;
    const busy = fds === 2 && this.#fds[14] !== 0;
    this.#fds[14] = 0;
    if (this.#fds[6] !== 0) {
      this.#fds[6] = 0;
      this.takeAnswers();
    }
    return !busy;
  }

  /** Call when the socket is readable. */
  takeAnswers(): void {
    const n = read(this.socket, this.#answers, this.#answers.length);
    if (n > 0) this.#taken += n;
    if (this.#taken >= this.#sent) this.prompt = true;
  }
}

const notificationBytesMin = 16;

/** The notifier process: writes what comes over `socket` to the kernel until the other end is closed. */
export function runNotifier(socket: number, fuse: number, warn: (message: string) => void): void {
  const buffer = Buffer.alloc(256 * 1024);
  const answers = Buffer.alloc(buffer.length / notificationBytesMin);
  let held = 0;
  sendNow(socket, answers, 1);
  for (;;) {
    const n = read(socket, buffer.subarray(held), buffer.length - held);
    if (n < 0 && errno() === Errno.EINTR) continue;
    if (n <= 0) return;
    held += n;
    let at = 0;
    let count = 0;
    while (held - at >= 4 && held - at >= buffer.readUInt32LE(at)) {
      const length = buffer.readUInt32LE(at);
      writeNotification(fuse, buffer.subarray(at, at + length), warn);
      at += length;
      count++;
    }
    sendNow(socket, answers, count);
    buffer.copyWithin(0, at, held);
    held -= at;
  }
}

function writeNotification(fuse: number, message: Uint8Array, warn: (text: string) => void): void {
  if (write(fuse, message, message.length) >= 0) return;
  const number = errno();
  // Not known to the kernel (any more), or the file system is being unmounted.
  if (number === Errno.ENOENT || number === Errno.ENODEV || number === Errno.ENOTCONN) return;
  warn(`a cache invalidation was refused by the kernel: ${errnoName(number)}`);
}
