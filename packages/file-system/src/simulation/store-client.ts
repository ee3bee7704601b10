/**
 * One process's connection to the model store. Every request is parked until the simulation lets it happen, in any
 * order, and can go wrong: refused before it is carried out, its answer lost, carried out long after the client has
 * given up, its body cut short, its listing out of date. What the client was answered counts as told.
 */
import { S3Error, collect } from '@moorage/object-store';
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
  ListVersionsOptions,
  Multipart,
  ObjectBody,
  ObjectHead,
  PutOptions,
  PutResult,
  RawResponse,
  ReceiveOptions,
  SmallObject,
  S3ErrorCode,
  StreamBody,
  VersionPage,
  WriteCondition,
} from '@moorage/object-store';
import { ModelStore, refusal } from './model-store.ts';
import type { About, ObjectVersion } from './model-store.ts';
import type { Weather } from './plan.ts';
import type { SeededRandom } from './seeded-random.ts';

interface Parked {
  label: string;
  /** Of a write. */
  key: string | undefined;
  effect: () => unknown;
  resolve: (value: never) => void;
  reject: (error: S3Error) => void;
}

const lateMsMax = 15_000;

export class StoreClient implements Bucket {
  readonly name = 'simulated';
  readonly endpoint = 'memory:';
  readonly #store: ModelStore;
  readonly #now: () => number;
  readonly #pageKeys: number;
  readonly #trace: (line: string) => void;
  #parked: Parked[] = [];
  #dead = false;
  /** In force while one request is carried out. */
  #staleMs = 0;
  #cut = false;

  constructor(o: {
    store: ModelStore;
    now: () => number;
    pageKeys: number;
    trace: (line: string) => void;
  }) {
    this.#store = o.store;
    this.#now = o.now;
    this.#pageKeys = o.pageKeys;
    this.#trace = o.trace;
  }

  get waiting(): number {
    return this.#parked.length;
  }

  /** One parked request is carried out, or goes wrong. False: there is none. */
  step(random: SeededRandom, weather: Weather): boolean {
    // Files are read by the transfer side at its own pace: the order of parking is not part of the schedule.
    this.#parked.sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
    const request = this.#parked.splice(random.below(this.#parked.length), 1)[0];
    if (request === undefined) return false;
    const goesWrong = random.chance(weather.faults);
    const how = random.next();
    this.#staleMs = weather.staleMs > 0 ? random.below(weather.staleMs) : 0;
    if (goesWrong && how < 0.5) {
      const code = random.pick<S3ErrorCode>(['ServerError', 'SlowDown', 'Unreachable', 'TimedOut']);
      this.#answer(request, code);
    } else if (goesWrong && request.key !== undefined && how < 0.6) {
      this.#later(request, random);
      this.#answer(request, 'TimedOut');
    } else if (goesWrong && request.key !== undefined) {
      this.#carryOut(request, 'lost');
    } else {
      this.#cut = goesWrong;
      this.#carryOut(request, 'heard');
      this.#cut = false;
    }
    return true;
  }

  /** The process is gone: what it had sent may be carried out now, later or never. */
  kill(random: SeededRandom): void {
    this.#dead = true;
    for (const request of this.#parked.splice(0)) {
      const fate = random.next();
      if (request.key !== undefined && fate < 0.3) this.#carryOut(request, 'lost');
      else {
        if (request.key !== undefined && fate < 0.5) this.#later(request, random);
        request.reject(new S3Error('Aborted', 'simulated: the process is gone'));
      }
    }
  }

  /**
   * Not when the key was looked at or written to since: a store that carries out what was given up after it has said
   * that nothing is there makes an object of ours look like somebody else's. That is not modelled.
   */
  #later(request: Parked, random: SeededRandom): void {
    const { label, effect, key } = request;
    const before = this.#store.countOf(key);
    this.#store.late.push({
      at: this.#now() + random.next() * lateMsMax,
      label,
      effect: () => {
        if (this.#store.countOf(key) !== before) return;
        this.#trace(`store late ${label} ${this.#outcome(effect)}`);
      },
    });
  }

  #outcome(effect: () => unknown): string {
    try {
      effect();
      return 'done';
    } catch (error) {
      if (error instanceof S3Error) return error.code;
      throw error;
    }
  }

  #answer(request: Parked, code: S3ErrorCode): void {
    this.#trace(`store ${request.label} fails ${code}`);
    request.reject(new S3Error(code, `simulated: ${code}`, { status: 0 }));
  }

  #carryOut(request: Parked, answer: 'heard' | 'lost'): void {
    try {
      const value = request.effect();
      this.#trace(`store ${request.label} done${answer === 'lost' ? ', answer lost' : ''}`);
      if (answer === 'heard') request.resolve(value as never);
      else request.reject(new S3Error('TimedOut', 'simulated: the answer was lost'));
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      this.#trace(
        `store ${request.label} ${error.code}${answer === 'lost' ? ', answer lost' : ''}`,
      );
      request.reject(answer === 'heard' ? error : new S3Error('TimedOut', 'simulated: lost'));
    }
  }

  list(o: ListOptions): Promise<ListPage> {
    const from = o.continuation ?? '';
    return this.#park(undefined, `list ${o.prefix} ${from}`, () => {
      const at = this.#now() - this.#staleMs;
      const entries = new Map<string, ObjectVersion | undefined>();
      for (const key of this.#store.keys(at)) {
        if (!key.startsWith(o.prefix)) continue;
        const slash = o.delimiter === undefined ? -1 : key.indexOf(o.delimiter, o.prefix.length);
        if (slash >= 0) entries.set(key.slice(0, slash + 1), undefined);
        else entries.set(key, this.#store.current(key, at));
      }
      const after = [...entries].filter(([key]) => key > from);
      const page: ListPage = { objects: [], prefixes: [] };
      for (const [key, version] of after.slice(0, this.#pageKeys)) {
        if (version === undefined) page.prefixes.push(key);
        else {
          const { eTag, body } = version;
          this.#store.tell(key, eTag);
          const lastModified = this.#store.lastModified(version);
          page.objects.push({ key, size: body?.length ?? 0, eTag, lastModified });
        }
      }
      const last = after[this.#pageKeys - 1];
      if (after.length > this.#pageKeys && last !== undefined) page.continuation = last[0];
      return page;
    });
  }

  head(key: string, o: HeadOptions = {}): Promise<ObjectHead> {
    return this.#park(undefined, `head ${key} ${o.versionId ?? ''}`, () =>
      this.#told(key, this.#store.find(key, o)),
    );
  }

  get(key: string, o: GetOptions = {}): Promise<ObjectBody> {
    const span = o.range === undefined ? '' : `${o.range.start}-${o.range.end ?? ''}`;
    return this.#park(undefined, `get ${key} ${o.versionId ?? ''} ${span}`, () => {
      const version = this.#store.find(key, o);
      const all = version.body!;
      const start = o.range?.start ?? 0;
      if (o.range !== undefined && start >= all.length) throw refusal('InvalidRange', 416, key);
      const bytes = all.slice(start, (o.range?.end ?? all.length) + 1);
      const isCut = this.#cut;
      async function* body(): AsyncGenerator<Uint8Array> {
        const half = bytes.length >>> 1;
        yield bytes.subarray(0, half);
        if (isCut) throw new S3Error('BrokenTransfer', 'simulated: cut short', { key });
        yield bytes.subarray(half);
      }
      return { ...this.#told(key, version), body: body(), length: bytes.length };
    });
  }

  async getSmall(key: string, bytesMax: number): Promise<SmallObject> {
    const object = await this.get(key);
    if (object.length > bytesMax) return { head: object };
    return { head: object, body: await collect(object.body, object.length) };
  }

  async receive(key: string, o: ReceiveOptions, sink: (bytes: Uint8Array) => void): Promise<void> {
    const { body } = await this.get(key, o);
    for await (const bytes of body) {
      // As memory that is used again would be.
      const lent = Uint8Array.from(bytes);
      sink(lent);
      lent.fill(0xdd);
    }
  }

  put(key: string, body: Uint8Array | StreamBody, o: PutOptions = {}): Promise<PutResult> {
    if (!(body instanceof Uint8Array)) return this.#unused();
    const bytes = Uint8Array.from(body);
    return this.#park(key, `put ${key} ${conditionText(o)} ${bytes.length}`, () => {
      this.#store.judge(key, o);
      return this.#written(key, this.#store.write(key, bytes, aboutOf(o), 'ours'));
    });
  }

  copy(source: CopySource, key: string, o: CopyOptions = {}): Promise<PutResult> {
    const from = `${source.key}@${source.versionId ?? ''}`;
    return this.#park(key, `copy ${from} ${key} ${conditionText(o)}`, () => {
      const version = this.#store.find(source.key, source);
      this.#store.judge(key, o);
      const { about } = version;
      const replaced =
        o.replace === undefined ? about : { ...aboutOf(o.replace), ...tagsOf(about) };
      return this.#written(key, this.#store.write(key, version.body!, replaced, 'ours'));
    });
  }

  delete(key: string, o: DeleteOptions = {}): Promise<DeleteResult> {
    const { versionId } = o;
    if (versionId !== undefined) {
      return this.#park(key, `delete ${key} ${versionId}`, () => {
        this.#store.removeVersion(key, versionId);
        return { deleteMarker: false };
      });
    }
    return this.#park(key, `delete ${key} ${conditionText(o)}`, () => {
      this.#store.judge(key, o);
      return { versionId: this.#store.remove(key, 'ours').versionId, deleteMarker: true };
    });
  }

  async multipart(key: string, o: PutOptions = {}): Promise<Multipart> {
    const store = this.#store;
    const label = `upload ${key}`;
    const begin = (): string => store.beginUpload(key, aboutOf(o));
    const uploadId = await this.#park(key, `${label} begin`, begin);
    return {
      uploadId,
      mayHaveTwin: false,
      uploadPart: (n, body) => {
        const bytes = Uint8Array.from(body);
        return this.#park(key, `${label} part ${n}`, () => {
          store.upload(uploadId).parts.set(n, bytes);
        });
      },
      copyPart: (n, source, range) =>
        this.#park(key, `${label} copy part ${n}`, () => {
          const { body } = store.find(source.key, source);
          const end = (range?.end ?? Infinity) + 1;
          store.upload(uploadId).parts.set(n, body!.slice(range?.start ?? 0, end));
        }),
      complete: (condition = {}) =>
        this.#park(key, `${label} complete ${conditionText(condition)}`, () => {
          const { parts, about } = store.upload(uploadId);
          store.judge(key, condition);
          const pieces = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
          store.uploads.delete(uploadId);
          const eTag = `${uploadId.padStart(32, '0')}-${pieces.length}`;
          return this.#written(key, store.write(key, Buffer.concat(pieces), about, 'ours', eTag));
        }),
      abort: () =>
        this.#park(key, `${label} abort`, () => {
          store.uploads.delete(uploadId);
        }),
    };
  }

  listUploads(prefix: string): Promise<ListedUpload[]> {
    return this.#park(undefined, `uploads ${prefix}`, () => {
      const uploads = [...this.#store.uploads].filter(([, { key }]) => key.startsWith(prefix));
      return uploads.map(([uploadId, { key, at }]) => ({ key, uploadId, initiated: at }));
    });
  }

  hasParts(key: string, uploadId: string): Promise<boolean> {
    return this.#park(undefined, `upload ${key} has parts`, () => {
      return this.#store.upload(uploadId).parts.size > 0;
    });
  }

  abortUpload(key: string, uploadId: string): Promise<void> {
    return this.#park(key, `upload ${key} abort ${uploadId}`, () => {
      this.#store.uploads.delete(uploadId);
    });
  }

  listVersions({ prefix }: ListVersionsOptions): Promise<VersionPage> {
    return this.#park(undefined, `versions ${prefix}`, () => {
      const page: VersionPage = { versions: [], prefixes: [] };
      for (const [key, versions] of this.#store.versions) {
        if (!key.startsWith(prefix)) continue;
        for (const version of versions.toReversed()) {
          const { versionId, eTag, body } = version;
          page.versions.push({
            key,
            versionId,
            eTag,
            size: body?.length ?? 0,
            isLatest: version === versions.at(-1),
            deleteMarker: body === undefined,
            lastModified: this.#store.lastModified(version),
          });
        }
      }
      return page;
    });
  }

  getTagging(key: string, o: { versionId?: string } = {}): Promise<string> {
    return this.#park(undefined, `tags ${key}`, () => this.#store.find(key, o).about.tagging);
  }

  close(): Promise<void> {
    return Promise.resolve();
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
  requestRaw(): Promise<RawResponse> {
    return this.#unused();
  }

  #unused(): never {
    throw new Error('The simulated store does not do this.');
  }

  #park<T>(key: string | undefined, label: string, effect: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#dead) reject(new S3Error('Aborted', 'simulated: the process is gone'));
      else this.#parked.push({ label, key, effect, resolve, reject });
    });
  }

  #told(key: string, version: ObjectVersion): ObjectHead {
    this.#store.tell(key, version.eTag);
    return this.#store.headOf(key, version);
  }

  /** Whoever sends the bytes knows their ETag, so an own write is told even when its answer is lost. */
  #written(key: string, version: ObjectVersion): PutResult {
    const { eTag, versionId } = version;
    this.#store.tell(key, eTag);
    return { eTag, versionId, dateMs: this.#store.lastModified(version) };
  }
}

function conditionText({ ifMatch, ifNoneMatch }: WriteCondition): string {
  return ifMatch === undefined ? `none-match ${ifNoneMatch ?? ''}` : `match ${ifMatch.slice(0, 8)}`;
}

function aboutOf(o: PutOptions): About {
  const { metadata, contentType, contentEncoding, cacheControl, tagging } = o;
  const about: About = { metadata: { ...metadata }, headers: {}, tagging: tagging ?? '' };
  if (contentType !== undefined) about.headers.contentType = contentType;
  if (contentEncoding !== undefined) about.headers.contentEncoding = contentEncoding;
  if (cacheControl !== undefined) about.headers.cacheControl = cacheControl;
  return about;
}

function tagsOf({ tagging }: About): { tagging: string } {
  return { tagging };
}
