/**
 * Finds out which promises of S3 a store keeps, by trying them with tiny objects below a reserved prefix, which are
 * removed with all their versions afterwards. Nothing but writing tells: stores answer 200 to conditions they ignore.
 *
 * Five groups run at the same time, each on a key of its own. What is refused for lack of permission is `unknown`.
 * Rejects when the store cannot be reached: nothing was found out then.
 */
import type { Bucket } from './bucket.ts';
import { collect } from './body.ts';
import { S3Error } from './errors.ts';
import { md5Of } from './own-write.ts';
import { carefulTraits } from './store-traits.ts';
import type { Kept, StoreTraits } from './store-traits.ts';

/** What a probe that was killed left behind goes after this time. */
const leftOverMs = 60 * 60 * 1000;
const racers = 6;
const wrongETag = '0123456789abcdef0123456789abcdef';

export interface ProbeOptions {
  /** Keys that start so are of probes and of nobody else. */
  prefix: string;
  /** 32 hexadecimal digits, never the same twice. */
  token: string;
  now: () => number;
}

export async function probeStore(bucket: Bucket, options: ProbeOptions): Promise<StoreTraits> {
  const key = options.prefix + options.token;
  const probe = new Probe(bucket, key);
  try {
    await bucket.put(`${key}/may`, bytes('may'));
  } catch (error) {
    if (isDenied(error)) return carefulTraits('The credentials may not write to the bucket.');
    throw error;
  }
  try {
    await Promise.all([
      probe.puts(),
      probe.copies(),
      probe.deletes(),
      probe.uploads(),
      probe.checksums(),
    ]);
    await probe.versions();
    await probe.races();
  } finally {
    await probe.cleanUp(options.prefix, options.now() - leftOverMs);
  }
  return probe.traits;
}

class Probe {
  readonly traits: StoreTraits = carefulTraits('');
  readonly #bucket: Bucket;
  readonly #key: string;

  constructor(bucket: Bucket, key: string) {
    this.#bucket = bucket;
    this.#key = key;
    delete this.traits.note;
  }

  async puts(): Promise<void> {
    const bucket = this.#bucket;
    const key = `${this.#key}/put`;
    const first = await attempt(() => bucket.put(key, bytes('1'), { ifNoneMatch: '*' }));
    if (first.how !== 'done') await bucket.put(key, bytes('1'));
    const second = await attempt(() => bucket.put(key, bytes('2'), { ifNoneMatch: '*' }));
    this.traits.putIfAbsent = kept(first.how, second.how);
    const { eTag } = await bucket.head(key);
    const wrong = await attempt(() => bucket.put(key, bytes('3'), { ifMatch: wrongETag }));
    const current = wrong.how === 'done' ? (await bucket.head(key)).eTag : eTag;
    const right = await attempt(() => bucket.put(key, bytes('4'), { ifMatch: current }));
    this.traits.putIfMatch = kept(right.how, wrong.how);
  }

  async copies(): Promise<void> {
    const bucket = this.#bucket;
    const from = { key: `${this.#key}/source` };
    const to = `${this.#key}/copy`;
    const { eTag } = await bucket.put(from.key, bytes('source'));
    const source = await attempt(() => bucket.copy({ ...from, ifMatch: wrongETag }, to));
    const fine = await attempt(() => bucket.copy({ ...from, ifMatch: eTag }, to));
    this.traits.copySourceIfMatch = kept(fine.how, source.how);
    if (fine.how !== 'done') await bucket.copy(from, to);
    const absent = await attempt(() => bucket.copy(from, to, { ifNoneMatch: '*' }));
    const wrong = await attempt(() => bucket.copy(from, to, { ifMatch: wrongETag }));
    const right = await attempt(() => bucket.copy(from, to, { ifMatch: eTag }));
    this.traits.copyCondition = kept(right.how, absent.how, wrong.how);
  }

  async deletes(): Promise<void> {
    const bucket = this.#bucket;
    const key = `${this.#key}/delete`;
    const { eTag } = await bucket.put(key, bytes('delete'));
    const wrong = await attempt(() => bucket.delete(key, { ifMatch: wrongETag }));
    if (wrong.how === 'done') await bucket.put(key, bytes('delete'));
    const right = await attempt(() => bucket.delete(key, { ifMatch: eTag }));
    this.traits.deleteIfMatch = kept(right.how, wrong.how);
  }

  async uploads(): Promise<void> {
    const bucket = this.#bucket;
    const key = `${this.#key}/upload`;
    await bucket.put(key, bytes('there'));
    const complete = async (condition: { ifMatch: string } | { ifNoneMatch: '*' }) => {
      const upload = await bucket.multipart(key);
      await upload.uploadPart(1, bytes('part'));
      const tried = await attempt(() => upload.complete(condition));
      if (tried.how !== 'done') await upload.abort();
      return tried.how;
    };
    try {
      const absent = await complete({ ifNoneMatch: '*' });
      const wrong = await complete({ ifMatch: wrongETag });
      const { eTag } = await bucket.head(key);
      const right = await complete({ ifMatch: eTag });
      this.traits.completeCondition = kept(right, absent, wrong);
    } catch (error) {
      if (!isDenied(error) && !isNotSupported(error)) throw error;
    }
  }

  /** MD5 of another body: whoever looks at it refuses. */
  async checksums(): Promise<void> {
    const key = `${this.#key}/checksum`;
    const body = bytes('not what the sum says');
    const answer = await this.#bucket.requestRaw({
      method: 'PUT',
      key,
      headers: { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' },
      body,
    });
    await answer.body[Symbol.asyncIterator]().return?.();
    if (answer.status < 300) {
      // Only an ETag that is an MD5 (it is not where the store encrypts with a key of its own) can be compared instead.
      const { eTag } = await this.#bucket.head(key);
      if (eTag === (await md5Of(body))) this.traits.checksums = 'no';
      return;
    }
    if (answer.status < 500 && answer.status !== 403) this.traits.checksums = 'yes';
  }

  async versions(): Promise<void> {
    const bucket = this.#bucket;
    const key = `${this.#key}/version`;
    const old = await bucket.put(key, bytes('old'));
    const current = await bucket.put(key, bytes('current'));
    this.traits.versionIds = await this.#isNamed(key, old.versionId, current.versionId);
    try {
      const { versions } = await bucket.listVersions({ prefix: key });
      const ids = new Set(versions.map(({ versionId }) => versionId));
      const isRight = ids.size === 2 && versions[0]?.eTag === current.eTag;
      this.traits.versionLists = isRight ? 'yes' : 'no';
    } catch (error) {
      if (!isDenied(error)) this.traits.versionLists = knownFailure(error);
    }
  }

  /** PUT and HEAD name the version, and GET gives the one that was asked for. */
  async #isNamed(key: string, old: string | undefined, now: string | undefined): Promise<Kept> {
    const head = await this.#bucket.head(key);
    if (old === undefined || old === now || head.versionId !== now) return 'no';
    try {
      const object = await this.#bucket.get(key, { versionId: old });
      const text = Buffer.from(await collect(object.body, object.length)).toString();
      return text === 'old' ? 'yes' : 'no';
    } catch (error) {
      return isDenied(error) ? 'unknown' : knownFailure(error);
    }
  }

  /** What holds between requests one after the other may not hold between simultaneous ones. */
  async races(): Promise<void> {
    const { traits } = this;
    const key = `${this.#key}/race`;
    if (traits.putIfAbsent === 'yes' && (await this.#winners(key, { ifNoneMatch: '*' })) > 1) {
      traits.putIfAbsent = 'racy';
    }
    if (traits.putIfMatch === 'yes') {
      const { eTag } = await this.#bucket.put(key, bytes('base'));
      if ((await this.#winners(key, { ifMatch: eTag })) > 1) traits.putIfMatch = 'racy';
    }
    const isRacy = traits.putIfAbsent === 'racy' || traits.putIfMatch === 'racy';
    // Copies, completions and deletions are judged by the same part of a store.
    for (const name of ['copyCondition', 'completeCondition', 'deleteIfMatch'] as const) {
      if (isRacy && traits[name] === 'yes') traits[name] = 'racy';
    }
  }

  async #winners(
    key: string,
    condition: { ifMatch: string } | { ifNoneMatch: '*' },
  ): Promise<number> {
    const tried = await Promise.all(
      Array.from({ length: racers }, (_, i) =>
        attempt(() => this.#bucket.put(key, bytes(`racer ${i}`), condition)),
      ),
    );
    return tried.filter(({ how }) => how === 'done').length;
  }

  /** Ours, and what other probes left behind long ago. */
  async cleanUp(prefix: string, before: number): Promise<void> {
    const bucket = this.#bucket;
    await attempt(async () => {
      const uploads = (await bucket.listUploads(prefix)).filter((u) => u.initiated < before);
      await Promise.all(uploads.map((u) => bucket.abortUpload(u.key, u.uploadId)));
    });
    try {
      const { versions } = await bucket.listVersions({ prefix });
      const found = versions.filter(
        ({ key, lastModified }) => key.startsWith(this.#key) || lastModified < before,
      );
      await Promise.all(found.map(({ key, versionId }) => bucket.delete(key, { versionId })));
      if (found.length > 0) return;
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
    }
    this.traits.note = `The versions of the objects below ${this.#key}/ could not be removed.`;
    const { objects } = await bucket.list({ prefix: this.#key });
    await Promise.all(objects.map(({ key }) => attempt(() => bucket.delete(key))));
  }
}

interface Attempt {
  how: 'done' | 'refused' | 'denied' | 'unsupported';
}

async function attempt(request: () => Promise<unknown>): Promise<Attempt> {
  try {
    await request();
    return { how: 'done' };
  } catch (error) {
    if (isDenied(error)) return { how: 'denied' };
    if (!(error instanceof S3Error)) throw error;
    if (error.code === 'PreconditionFailed' || error.code === 'NoSuchKey') {
      return { how: 'refused' };
    }
    if (isNotSupported(error)) return { how: 'unsupported' };
    throw error;
  }
}

/** `right` was to be done and each of `wrong` to be refused. */
function kept(right: Attempt['how'], ...wrong: Attempt['how'][]): Kept {
  if (right === 'denied' || wrong.includes('denied')) return 'unknown';
  return right === 'done' && wrong.every((how) => how === 'refused') ? 'yes' : 'no';
}

function isDenied(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'AccessDenied';
}

function isNotSupported(error: unknown): boolean {
  return (
    error instanceof S3Error && (error.code === 'NotSupported' || error.code === 'InvalidRequest')
  );
}

/** The store refuses for good. */
function knownFailure(error: unknown): Kept {
  if (error instanceof S3Error && !error.retryable) return 'no';
  throw error;
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}
