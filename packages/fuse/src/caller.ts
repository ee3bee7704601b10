/** Who made the request being handled. One object, filled for each request. */
import { readFileSync } from 'node:fs';
import type { Caller } from '@moorage/file-system';
import type { Identity } from './identity.ts';
import type { RequestBuffer } from './request.ts';

const none: readonly number[] = [];

export class RequestCaller implements Caller {
  view = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  request = 0;
  readonly #identity: Identity;
  #groups: readonly number[] | undefined;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  fill(request: RequestBuffer, view: number): void {
    this.view = view;
    const own = this.#identity.kind === 'own';
    this.uid = own ? request.uid() : 0;
    this.gid = own ? request.gid() : 0;
    this.pid = request.pid();
    this.request = request.uniqueLow() + (request.uniqueHigh() & 0x7fffffff) * 0x1_0000_0000;
    this.#groups = undefined;
  }

  /** The kernel does not send them: they are read from the process, once a request and only when asked for. */
  groups(): readonly number[] {
    this.#groups ??= this.#identity.kind === 'own' ? groupsOf(this.pid) : none;
    return this.#groups;
  }
}

function groupsOf(pid: number): readonly number[] {
  const line = statusLine(pid, 'Groups');
  return line === undefined ? none : line.split(/\s+/).filter(Boolean).map(Number);
}

/** One field of /proc/<pid>/status; undefined when the process is gone or not visible from here. */
export function statusLine(pid: number, field: string): string | undefined {
  if (pid === 0) return undefined;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
  return new RegExp(`^${field}:(.*)$`, 'm').exec(text)?.[1]?.trim();
}
