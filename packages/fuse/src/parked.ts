/**
 * Requests that returned Pending: copied, and repeated from their start when what they wait for is ready.
 *
 * INTERRUPT ends a blocking lock at once, as fcntl(2) says. Anything else that waits is ended only by a
 * signal that would kill a process on a network file system mounted `intr`: programs do not expect
 * stat(2) or read(2) of a file to fail with EINTR because a timer went off.
 */
import type { WaitId } from '@moorage/file-system';
import { statusLine } from './caller.ts';
import { Opcode } from './wire.ts';

export interface ParkedRequest {
  copy: Uint8Array;
  waitId: WaitId;
  opcode: number;
  pid: number;
  uniqueLow: number;
  uniqueHigh: number;
  /** The kernel told us of a signal; whether it ends the request is looked at again now and then. */
  interrupted: boolean;
}

/** SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM as in /proc/<pid>/status. */
const endingSignals = [1, 2, 3, 9, 15].reduce((mask, n) => mask | (1n << BigInt(n - 1)), 0n);

export class ParkedRequests {
  readonly #byWait = new Map<WaitId, ParkedRequest[]>();
  #interrupted = 0;

  add(request: ParkedRequest): void {
    const waiting = this.#byWait.get(request.waitId);
    if (waiting === undefined) this.#byWait.set(request.waitId, [request]);
    else waiting.push(request);
    if (request.interrupted) this.#interrupted++;
  }

  /** Those that waited for it, oldest first. */
  take(waitId: WaitId): ParkedRequest[] {
    const waiting = this.#byWait.get(waitId);
    if (waiting === undefined) return [];
    this.#byWait.delete(waitId);
    for (const request of waiting) if (request.interrupted) this.#interrupted--;
    return waiting;
  }

  /** Whether any request waits for it. */
  waitFor(waitId: WaitId): boolean {
    return this.#byWait.has(waitId);
  }

  /** A signal reached the process behind a request: the request, if it is to end now. */
  interrupt(uniqueLow: number, uniqueHigh: number): ParkedRequest | undefined {
    for (const waiting of this.#byWait.values()) {
      const request = waiting.find((r) => r.uniqueLow === uniqueLow && r.uniqueHigh === uniqueHigh);
      if (request === undefined) continue;
      if (!request.interrupted) this.#interrupted++;
      request.interrupted = true;
      if (!ends(request)) return undefined;
      this.#remove(request);
      return request;
    }
    return undefined;
  }

  /** Whether a signal came that did not end its request: then ask `takeEnding` from time to time. */
  hasInterrupted(): boolean {
    return this.#interrupted > 0;
  }

  /** Interrupted requests whose process has an ending signal by now: the kernel tells of the first only. */
  takeEnding(): ParkedRequest[] {
    const ending = [...this.#byWait.values()].flat().filter((r) => r.interrupted && ends(r));
    for (const request of ending) this.#remove(request);
    return ending;
  }

  #remove(request: ParkedRequest): void {
    const left = this.#byWait.get(request.waitId)!.filter((r) => r !== request);
    if (left.length > 0) this.#byWait.set(request.waitId, left);
    else this.#byWait.delete(request.waitId);
    if (request.interrupted) this.#interrupted--;
  }
}

function ends(request: ParkedRequest): boolean {
  if (request.opcode === Opcode.setlkw) return true;
  for (const field of ['SigPnd', 'ShdPnd']) {
    const pendingSignals = statusLine(request.pid, field);
    if (pendingSignals === undefined) return true;
    if ((BigInt(`0x${pendingSignals}`) & endingSignals) !== 0n) return true;
  }
  return false;
}
