/**
 * A bucket on a store that does not keep all promises of S3, made to keep them as well as can be.
 *
 * A conditional write that the store ignores is made in three steps: the key is compared with the condition, the
 * write is sent, and the version below the new one shows whether somebody else was faster. If so the new version is
 * taken away again, so that theirs is the current one, and the write is refused as S3 would have done. All writers
 * that do this agree on one winner, the lowest of the versions. Between the steps readers may see a version that
 * is about to go; nothing is lost, because the bucket has versions.
 */
import type {
  Bucket,
  CopyOptions,
  CopySource,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  HeadOptions,
  ListedUpload,
  ListedVersion,
  ListOptions,
  ListPage,
  ListVersionsOptions,
  Multipart,
  ObjectBody,
  ObjectHead,
  PutOptions,
  PutResult,
  RawRequest,
  RawResponse,
  ReceiveOptions,
  SmallObject,
  StreamBody,
  VersionPage,
  WriteCondition,
} from './bucket.ts';
import { S3Error } from './errors.ts';
import { isSentObject, md5Of, multipartETag } from './own-write.ts';
import type { SentObject } from './own-write.ts';
import type { Kept, StoreTraits } from './store-traits.ts';

/** Writes wait until the traits are known; everything else does not. */
export function guardedBucket(bucket: Bucket, traits: Promise<StoreTraits>): Bucket {
  return new GuardedBucket(bucket, traits);
}

/** Versions of one key that are looked at for the one below ours. */
const versionsMax = 50;

class GuardedBucket implements Bucket {
  readonly #bucket: Bucket;
  readonly #traits: Promise<StoreTraits>;

  constructor(bucket: Bucket, traits: Promise<StoreTraits>) {
    this.#bucket = bucket;
    this.#traits = traits;
  }

  get name(): string {
    return this.#bucket.name;
  }
  get endpoint(): string {
    return this.#bucket.endpoint;
  }

  /** With the version also where the store does not name it. */
  async head(key: string, options: HeadOptions = {}): Promise<ObjectHead> {
    const head = await this.#bucket.head(key, options);
    if (head.versionId !== undefined) return head;
    const { versionIds, versionLists } = await this.#traits;
    if (versionIds !== 'no' || versionLists !== 'yes') return head;
    const current = (await this.#versions(key))[0];
    const isSame = current?.eTag === head.eTag && !current.deleteMarker;
    return isSame ? { ...head, versionId: current.versionId } : head;
  }

  async put(
    key: string,
    body: Uint8Array | StreamBody,
    options: PutOptions = {},
  ): Promise<PutResult> {
    const { putIfMatch, putIfAbsent, checksums } = await this.#traits;
    const kept = options.ifNoneMatch === undefined ? putIfMatch : putIfAbsent;
    const sent = async (): Promise<SentObject> => ({
      size: body instanceof Uint8Array ? body.length : body.size,
      eTag: await md5Of(body),
      metadata: options.metadata ?? {},
    });
    const write = (condition: WriteCondition): Promise<PutResult> =>
      this.#bucket.put(key, body, { ...unconditional(options), ...condition });
    const written = await this.#write(key, options, kept, write, sent);
    if (checksums !== 'no' || written.eTag === (await md5Of(body))) return written;
    throw damaged(key);
  }

  async copy(source: CopySource, key: string, options: CopyOptions = {}): Promise<PutResult> {
    const { copyCondition } = await this.#traits;
    const from = await this.#exactSource(source);
    return this.#write(key, options, copyCondition, (condition) =>
      this.#bucket.copy(from, key, { ...unconditional(options), ...condition }),
    );
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<DeleteResult> {
    const { ifMatch, ...rest } = options;
    const { deleteIfMatch: kept } = await this.#traits;
    if (ifMatch === undefined || options.versionId !== undefined || kept === 'yes') {
      return this.#bucket.delete(key, options);
    }
    if (kept !== 'racy' && !holds(await headOrNothing(this.#bucket, key), { ifMatch })) {
      throw refused(key);
    }
    const result = await this.#bucket.delete(key, kept === 'no' ? rest : options);
    if (!(await this.#canLookBack())) return result;
    const versions = await this.#versions(key);
    const marker = versions.findIndex(
      ({ deleteMarker, versionId }) =>
        deleteMarker && versionId === (result.versionId ?? versionId),
    );
    // A repeated DELETE leaves several markers.
    const below = versions.slice(marker + 1).find(({ deleteMarker }) => !deleteMarker);
    if (marker < 0 || below === undefined || below.eTag === ifMatch) return result;
    const mine = versions.slice(0, versions.indexOf(below)).filter((v) => v.deleteMarker);
    for (const { versionId } of mine) await this.#bucket.delete(key, { versionId });
    throw lost(key);
  }

  async multipart(
    key: string,
    options: Omit<PutOptions, 'ifMatch' | 'ifNoneMatch'> = {},
  ): Promise<Multipart> {
    const { checksums, completeCondition } = await this.#traits;
    const upload = await this.#bucket.multipart(key, options);
    /** MD5 of the parts sent, in order of their numbers; undefined once one was copied. */
    let sums: string[] | undefined = checksums === 'no' ? [] : undefined;
    return {
      uploadId: upload.uploadId,
      mayHaveTwin: upload.mayHaveTwin,
      uploadPart: async (n, body) => {
        await upload.uploadPart(n, body);
        if (sums !== undefined) sums[n] = await md5Of(body);
      },
      copyPart: async (n, source, range) => {
        sums = undefined;
        await upload.copyPart(n, await this.#exactSource(source), range);
      },
      complete: async (condition = {}) => {
        const written = await this.#write(key, condition, completeCondition, (sent) =>
          upload.complete(sent),
        );
        const isSame = sums === undefined || written.eTag === multipartETag(Object.values(sums));
        if (isSame) return written;
        throw damaged(key);
      },
      abort: () => upload.abort(),
    };
  }

  list(options: ListOptions): Promise<ListPage> {
    return this.#bucket.list(options);
  }
  listVersions(options: ListVersionsOptions): Promise<VersionPage> {
    return this.#bucket.listVersions(options);
  }
  get(key: string, options?: GetOptions): Promise<ObjectBody> {
    return this.#bucket.get(key, options);
  }
  getSmall(key: string, bytesMax: number): Promise<SmallObject> {
    return this.#bucket.getSmall(key, bytesMax);
  }
  receive(key: string, options: ReceiveOptions, sink: (bytes: Uint8Array) => void): Promise<void> {
    return this.#bucket.receive(key, options, sink);
  }
  listUploads(prefix: string): Promise<ListedUpload[]> {
    return this.#bucket.listUploads(prefix);
  }
  hasParts(key: string, uploadId: string): Promise<boolean> {
    return this.#bucket.hasParts(key, uploadId);
  }
  abortUpload(key: string, uploadId: string): Promise<void> {
    return this.#bucket.abortUpload(key, uploadId);
  }
  getTagging(key: string, options?: { versionId?: string }): Promise<string> {
    return this.#bucket.getTagging(key, options);
  }
  headBucket(): Promise<void> {
    return this.#bucket.headBucket();
  }
  putBucket(): Promise<void> {
    return this.#bucket.putBucket();
  }
  getVersioning(): Promise<'Enabled' | 'Suspended' | 'Off'> {
    return this.#bucket.getVersioning();
  }
  putVersioning(state: 'Enabled' | 'Suspended'): Promise<void> {
    return this.#bucket.putVersioning(state);
  }
  requestRaw(request: RawRequest): Promise<RawResponse> {
    return this.#bucket.requestRaw(request);
  }
  close(): Promise<void> {
    return this.#bucket.close();
  }

  async #write(
    key: string,
    { ifMatch, ifNoneMatch }: WriteCondition,
    kept: Kept,
    write: (condition: WriteCondition) => Promise<PutResult>,
    sent?: () => Promise<SentObject>,
  ): Promise<PutResult> {
    const condition: WriteCondition = {};
    if (ifMatch !== undefined) condition.ifMatch = ifMatch;
    if (ifNoneMatch !== undefined) condition.ifNoneMatch = ifNoneMatch;
    const isConditional = ifMatch !== undefined || ifNoneMatch !== undefined;
    if (kept === 'yes' || !isConditional) return write(condition);
    if (kept !== 'racy') {
      const head = await headOrNothing(this.#bucket, key);
      if (!holds(head, condition)) {
        // An earlier try whose answer was lost: whether that one was overtaken is still to be found out.
        const isOurs = head !== undefined && sent !== undefined && isSentObject(head, await sent());
        if (!isOurs || !(await this.#canLookBack())) throw refused(key);
        return this.#lookBack(key, condition, head);
      }
    }
    const written = await write(kept === 'no' ? {} : condition);
    return (await this.#canLookBack()) ? this.#lookBack(key, condition, written) : written;
  }

  async #canLookBack(): Promise<boolean> {
    return (await this.#traits).versionLists === 'yes';
  }

  /** Whether ours was put upon what it was meant to be put upon. */
  async #lookBack(key: string, condition: WriteCondition, written: PutResult): Promise<PutResult> {
    const { eTag } = written;
    const versions = await this.#versions(key);
    const at = versions.findIndex((version) =>
      written.versionId === undefined
        ? version.eTag === eTag && !version.deleteMarker
        : version.versionId === written.versionId,
    );
    const ours = versions[at];
    if (ours === undefined) return written;
    // A write that was repeated because its answer was lost left the same twice.
    let next = at + 1;
    while (condition.ifMatch !== eTag && isOf(versions[next], eTag)) next++;
    const below = versions[next];
    const isRight =
      condition.ifMatch === undefined
        ? below === undefined || below.deleteMarker
        : below === undefined || isOf(below, condition.ifMatch);
    if (isRight) return { ...written, versionId: ours.versionId };
    // Also from below others: those on top may go in their turn, and ours would be the current one again.
    for (const { versionId } of versions.slice(at, next)) {
      await this.#bucket.delete(key, { versionId });
    }
    throw lost(key);
  }

  /** Of one key, the latest first. */
  async #versions(key: string): Promise<ListedVersion[]> {
    const page = await this.#bucket.listVersions({ prefix: key, maxKeys: versionsMax });
    return page.versions.filter((version) => version.key === key);
  }

  /** A source that is named by its version, where the store does not compare ETags. */
  async #exactSource(source: CopySource): Promise<CopySource> {
    const { key, versionId, ifMatch } = source;
    const isTrusted = (await this.#traits).copySourceIfMatch === 'yes';
    if (isTrusted || ifMatch === undefined || versionId !== undefined) return source;
    const head = await this.head(key);
    if (head.eTag !== ifMatch) throw refused(key);
    return head.versionId === undefined ? source : { ...source, versionId: head.versionId };
  }
}

function holds(head: ObjectHead | undefined, condition: WriteCondition): boolean {
  return condition.ifMatch === undefined ? head === undefined : head?.eTag === condition.ifMatch;
}

function isOf(version: ListedVersion | undefined, eTag: string): boolean {
  return version !== undefined && !version.deleteMarker && version.eTag === eTag;
}

function unconditional<O extends WriteCondition>(options: O): Omit<O, 'ifMatch' | 'ifNoneMatch'> {
  const { ifMatch: _, ifNoneMatch: __, ...rest } = options;
  return rest;
}

async function headOrNothing(bucket: Bucket, key: string): Promise<ObjectHead | undefined> {
  try {
    return await bucket.head(key);
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NoSuchKey') return undefined;
    throw error;
  }
}

function refused(key: string): S3Error {
  return new S3Error('PreconditionFailed', `"${key}" holds something else than expected.`, {
    status: 412,
    key,
  });
}

function lost(key: string): S3Error {
  return new S3Error('PreconditionFailed', `Somebody else wrote "${key}" at the same moment.`, {
    status: 412,
    key,
  });
}

function damaged(key: string): S3Error {
  return new S3Error('BrokenTransfer', `"${key}" arrived damaged; it is sent again.`, { key });
}
