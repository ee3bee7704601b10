/**
 * For tests: a versioned bucket in memory whose every request waits until the simulation lets it happen, and which
 * can fail before or after its effect (a lost answer). What it does is determined by the seed alone.
 */
import { createHash } from 'node:crypto';
import { S3Error } from '@moorage/object-store';
import type {
  Bucket,
  CopyOptions,
  CopySource,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  HeadOptions,
  ListedUpload,
  ListOptions,
  ListPage,
  Multipart,
  ObjectBody,
  ObjectHead,
  PutOptions,
  PutResult,
  RawResponse,
  S3ErrorCode,
  StreamBody,
  VersionPage,
  WriteCondition,
} from '@moorage/object-store';

export interface SimulatedVersion {
  versionId: string;
  /** Undefined = a delete marker. */
  body: Uint8Array | undefined;
  eTag: string;
  metadata: Record<string, string>;
  lastModified: number;
}

interface Waiting {
  effect: () => unknown;
  resolve: (value: never) => void;
  reject: (error: S3Error) => void;
  isWrite: boolean;
}

export class SimulatedBucket implements Bucket {
  readonly name = 'simulated';
  readonly endpoint = 'memory:';
  readonly versions: Map<string, SimulatedVersion[]> = new Map();
  readonly #random: () => number;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  #lastVersion = 0;
  /** Share of requests that fail. */
  faults = 0;

  constructor(random: () => number, now: () => number) {
    this.#random = random;
    this.#now = now;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** One of the waiting requests happens, or fails. */
  step(): void {
    const index = Math.floor(this.#random() * this.#waiting.length);
    const [request] = this.#waiting.splice(index, 1);
    if (request === undefined) return;
    const chance = this.#random();
    if (chance < this.faults / 2) {
      request.reject(new S3Error('SlowDown', 'simulated: refused', { status: 503 }));
      return;
    }
    let value: unknown;
    try {
      value = request.effect();
    } catch (error) {
      request.reject(error as S3Error);
      return;
    }
    if (request.isWrite && chance < this.faults) {
      request.reject(new S3Error('TimedOut', 'simulated: the answer was lost'));
    } else request.resolve(value as never);
  }

  /** The client has died: what it had sent happens or does not. */
  abandon(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { effect } of waiting) {
      if (this.#random() < 0.5) continue;
      try {
        effect();
      } catch {
        // Nobody is there to hear of it.
      }
    }
  }

  // The outside writer, to whom nothing ever fails.

  put_(key: string, text: string, metadata: Record<string, string> = {}): void {
    this.#write(key, Buffer.from(text), metadata);
  }

  delete_(key: string): void {
    if (this.current(key) !== undefined) this.#mark(key);
  }

  current(key: string): SimulatedVersion | undefined {
    const last = this.versions.get(key)?.at(-1);
    return last?.body === undefined ? undefined : last;
  }

  keys(): string[] {
    return [...this.versions.keys()].filter((key) => this.current(key) !== undefined).toSorted();
  }

  // The client's side.

  list(o: ListOptions): Promise<ListPage> {
    return this.#request(false, () => {
      const page: ListPage = { objects: [], prefixes: [] };
      const prefixes = new Set<string>();
      for (const key of this.keys()) {
        if (!key.startsWith(o.prefix)) continue;
        const slash = o.delimiter === undefined ? -1 : key.indexOf(o.delimiter, o.prefix.length);
        const version = this.current(key);
        if (slash >= 0) prefixes.add(key.slice(0, slash + 1));
        else if (version?.body !== undefined) {
          const { eTag, lastModified } = version;
          page.objects.push({ key, size: version.body.length, eTag, lastModified });
        }
      }
      page.prefixes.push(...prefixes);
      return page;
    });
  }

  head(key: string, o: HeadOptions = {}): Promise<ObjectHead> {
    return this.#request(false, () => headOf(key, this.#find(key, o)));
  }

  get(key: string, o: GetOptions = {}): Promise<ObjectBody> {
    return this.#request(false, () => {
      const version = this.#find(key, o);
      const all = version.body ?? new Uint8Array(0);
      const start = o.range?.start ?? 0;
      if (o.range !== undefined && start >= all.length) throw failed('InvalidRange', 416);
      const bytes = all.slice(start, (o.range?.end ?? all.length) + 1);
      async function* body(): AsyncGenerator<Uint8Array> {
        yield bytes;
      }
      return { ...headOf(key, version), body: body(), length: bytes.length };
    });
  }

  put(key: string, body: Uint8Array | StreamBody, o: PutOptions = {}): Promise<PutResult> {
    const bytes = Uint8Array.from(body as Uint8Array);
    return this.#request(true, () => {
      this.#judge(key, o);
      return this.#write(key, bytes, o.metadata ?? {});
    });
  }

  copy(source: CopySource, key: string, o: CopyOptions = {}): Promise<PutResult> {
    return this.#request(true, () => {
      const from = this.#find(source.key, source);
      this.#judge(key, o);
      return this.#write(key, from.body ?? new Uint8Array(0), o.replace?.metadata ?? from.metadata);
    });
  }

  delete(key: string, o: DeleteOptions = {}): Promise<DeleteResult> {
    return this.#request(true, () => {
      this.#judge(key, o);
      return { versionId: this.#mark(key), deleteMarker: true };
    });
  }

  getTagging(): Promise<string> {
    return this.#request(false, () => '');
  }

  listVersions(): Promise<VersionPage> {
    return this.#unused();
  }
  multipart(): Promise<Multipart> {
    return this.#unused();
  }
  listUploads(): Promise<ListedUpload[]> {
    return this.#unused();
  }
  hasParts(): Promise<boolean> {
    return this.#unused();
  }
  abortUpload(): Promise<void> {
    return this.#unused();
  }
  headBucket(): Promise<void> {
    return this.#unused();
  }
  putBucket(): Promise<void> {
    return this.#unused();
  }
  getVersioning(): Promise<'Enabled'> {
    return this.#unused();
  }
  putVersioning(): Promise<void> {
    return this.#unused();
  }
  /** It does not tell of changes. */
  requestRaw(): Promise<RawResponse> {
    async function* body(): AsyncGenerator<Uint8Array> {}
    return Promise.resolve({ status: 400, headers: {}, body: body() });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  #unused(): never {
    throw new Error('The simulation does not do this.');
  }

  #request<T>(isWrite: boolean, effect: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ effect, resolve: resolve as (value: never) => void, reject, isWrite });
    });
  }

  #find(key: string, o: { versionId?: string; ifMatch?: string }): SimulatedVersion {
    const version =
      o.versionId === undefined
        ? this.current(key)
        : this.versions.get(key)?.find(({ versionId }) => versionId === o.versionId);
    if (version?.body === undefined) throw failed('NoSuchKey', 404, key);
    if (o.ifMatch !== undefined && o.ifMatch !== version.eTag) {
      throw failed('PreconditionFailed', 412, key);
    }
    return version;
  }

  #judge(key: string, condition: WriteCondition): void {
    const current = this.current(key);
    if (condition.ifNoneMatch !== undefined && current !== undefined) {
      throw failed('PreconditionFailed', 412, key);
    }
    if (condition.ifMatch === undefined) return;
    if (current === undefined) throw failed('NoSuchKey', 404, key);
    if (current.eTag !== condition.ifMatch) throw failed('PreconditionFailed', 412, key);
  }

  #write(key: string, body: Uint8Array, metadata: Record<string, string>): PutResult {
    const versionId = `v${++this.#lastVersion}`;
    const eTag = createHash('md5').update(body).digest('hex');
    this.#add(key, {
      versionId,
      body,
      eTag,
      metadata: { ...metadata },
      lastModified: Math.floor(this.#now()),
    });
    return { eTag, versionId };
  }

  #mark(key: string): string {
    const versionId = `v${++this.#lastVersion}`;
    const lastModified = Math.floor(this.#now());
    this.#add(key, { versionId, body: undefined, eTag: '', metadata: {}, lastModified });
    return versionId;
  }

  #add(key: string, version: SimulatedVersion): void {
    const versions = this.versions.get(key);
    if (versions === undefined) this.versions.set(key, [version]);
    else versions.push(version);
  }
}

function headOf(key: string, version: SimulatedVersion): ObjectHead {
  const { eTag, versionId, lastModified, metadata } = version;
  return { key, size: version.body?.length ?? 0, eTag, versionId, lastModified, metadata };
}

function failed(code: S3ErrorCode, status: number, key?: string): S3Error {
  return new S3Error(code, `simulated: ${code}`, { status, key });
}
