/**
 * A versioned S3 bucket in memory, and what it notices about its client: whether a write was conditional, and
 * whether it named only versions that the client had been told of.
 */
import { createHash } from 'node:crypto';
import { S3Error } from '@moorage/object-store';
import type { ObjectHead, ObjectHeaders, WriteCondition } from '@moorage/object-store';

export type Writer = 'ours' | 'outside';

export interface ObjectVersion {
  versionId: string;
  /** Undefined = a delete marker. */
  body: Uint8Array | undefined;
  eTag: string;
  about: About;
  /** Virtual time, with a fraction. */
  at: number;
  by: Writer;
}

export interface About {
  metadata: Record<string, string>;
  headers: ObjectHeaders;
  tagging: string;
}

export interface OpenUpload {
  key: string;
  about: About;
  parts: Map<number, Uint8Array>;
  /** When it was begun. */
  at: number;
}

export class ModelStore {
  readonly versions: Map<string, ObjectVersion[]> = new Map();
  readonly uploads: Map<string, OpenUpload> = new Map();
  /** What the client must not have done. */
  readonly violations: string[] = [];
  /** Effects of requests that were given up by their sender, and when they come to pass. */
  readonly late: { at: number; label: string; effect: () => void }[] = [];
  /** It answers conditional writes as if their conditions held. */
  readonly isCareless: boolean;
  readonly #told = new Set<string>();
  readonly #looks = new Map<string, number>();
  readonly #now: () => number;
  #serial = 0;

  constructor(now: () => number, isCareless: boolean) {
    this.#now = now;
    this.isCareless = isCareless;
  }

  current(key: string, at: number = Infinity): ObjectVersion | undefined {
    const last = this.versions.get(key)?.findLast((version) => version.at <= at);
    return last?.body === undefined ? undefined : last;
  }

  /** How often the client has had an answer about the key, or it was written to. */
  countOf(key: string | undefined): number {
    return key === undefined ? 0 : (this.#looks.get(key) ?? 0);
  }

  keys(at: number = Infinity): string[] {
    return [...this.versions.keys()]
      .filter((key) => this.current(key, at) !== undefined)
      .sort((a, b) => (a < b ? -1 : 1));
  }

  /** The client learns that this version exists. */
  tell(key: string, eTag: string): void {
    this.#told.add(`${eTag} ${key}`);
  }

  find(key: string, o: { versionId?: string; ifMatch?: string }): ObjectVersion {
    this.#look(key);
    const version =
      o.versionId === undefined
        ? this.current(key)
        : this.versions.get(key)?.find(({ versionId }) => versionId === o.versionId);
    if (version?.body === undefined) {
      throw refusal(o.versionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', 404, key);
    }
    if (o.ifMatch !== undefined && o.ifMatch !== version.eTag) {
      throw refusal('PreconditionFailed', 412, key);
    }
    return version;
  }

  /** Throws what S3 answers to a precondition that does not hold. */
  judge(key: string, condition: WriteCondition): void {
    this.#look(key);
    if (this.isCareless) return;
    const current = this.current(key);
    const { ifMatch, ifNoneMatch } = condition;
    if (ifMatch === undefined && ifNoneMatch === undefined) {
      this.violations.push(`a write to ${key} without a precondition`);
    }
    if (ifMatch !== undefined && !this.#told.has(`${ifMatch} ${key}`)) {
      this.violations.push(`a write to ${key} over ${ifMatch}, which it was never told of`);
    }
    if (ifNoneMatch !== undefined && current !== undefined) {
      throw refusal('PreconditionFailed', 412, key);
    }
    if (ifMatch === undefined) return;
    if (current === undefined) throw refusal('NoSuchKey', 404, key);
    if (current.eTag !== ifMatch) throw refusal('PreconditionFailed', 412, key);
  }

  write(key: string, body: Uint8Array, about: About, by: Writer, eTag?: string): ObjectVersion {
    const written = this.#add(key, {
      versionId: `v${++this.#serial}`,
      body,
      eTag: eTag ?? createHash('md5').update(body).digest('hex'),
      about,
      at: this.#now(),
      by,
    });
    return written;
  }

  remove(key: string, by: Writer): ObjectVersion {
    return this.#add(key, {
      versionId: `v${++this.#serial}`,
      body: undefined,
      eTag: '',
      about: { metadata: {}, headers: {}, tagging: '' },
      at: this.#now(),
      by,
    });
  }

  removeVersion(key: string, versionId: string): void {
    this.#look(key);
    const versions = this.versions.get(key) ?? [];
    this.versions.set(
      key,
      versions.filter((version) => version.versionId !== versionId),
    );
  }

  beginUpload(key: string, about: About): string {
    const uploadId = `u${++this.#serial}`;
    this.uploads.set(uploadId, { key, about, parts: new Map(), at: this.#now() });
    return uploadId;
  }

  upload(uploadId: string): OpenUpload {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) throw refusal('NoSuchUpload', 404);
    return upload;
  }

  headOf(key: string, version: ObjectVersion): ObjectHead {
    const { eTag, versionId, about } = version;
    const head: ObjectHead = {
      key,
      size: version.body?.length ?? 0,
      eTag,
      versionId,
      lastModified: this.lastModified(version),
      metadata: { ...about.metadata },
      ...about.headers,
    };
    if (about.tagging !== '') head.tagCount = about.tagging.split('&').length;
    return head;
  }

  now(): number {
    return this.#now();
  }

  /** S3 tells whole seconds. */
  secondOf(at: number): number {
    return Math.floor(at / 1000) * 1000;
  }

  lastModified(version: ObjectVersion): number {
    return this.secondOf(version.at);
  }

  /** Lets those late effects happen that are due. */
  settleLate(now: number): void {
    for (let i = 0; i < this.late.length;) {
      const { at, effect } = this.late[i]!;
      if (at > now) i++;
      else {
        this.late.splice(i, 1);
        effect();
      }
    }
  }

  /** Whether these bytes were in the store and somebody else put something in their place or deleted them. */
  isSuperseded(bytes: Uint8Array): boolean {
    for (const versions of this.versions.values()) {
      for (const [i, { body }] of versions.entries()) {
        if (versions[i + 1]?.by === 'outside' && body !== undefined && sameBytes(body, bytes)) {
          return true;
        }
      }
    }
    return false;
  }

  #look(key: string): void {
    this.#looks.set(key, this.countOf(key) + 1);
  }

  #add(key: string, version: ObjectVersion): ObjectVersion {
    this.#look(key);
    const versions = this.versions.get(key);
    if (versions === undefined) this.versions.set(key, [version]);
    else versions.push(version);
    return version;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

export function refusal(
  code: 'NoSuchKey' | 'NoSuchVersion' | 'NoSuchUpload' | 'PreconditionFailed' | 'InvalidRange',
  status: number,
  key?: string,
): S3Error {
  return new S3Error(code, `simulated: ${code}`, { status, key });
}
