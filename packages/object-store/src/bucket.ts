/**
 * What a bucket can do: the one contract between S3 and everything above it.
 *
 * Keys are JavaScript strings (their UTF-8 bytes are the key). ETags are kept without their quotes.
 * Times are milliseconds since the epoch. Every method rejects with an S3Error and with nothing else.
 */

/** Static credentials; without them the AWS SDK's own providers are asked. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Where a bucket is and as whom to talk to it. A plain object: it can be sent to another thread. */
export interface BucketLocation {
  bucket: string;
  /** Else AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1. */
  region?: string;
  /** Else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's endpoint_url, Amazon S3. */
  endpoint?: string;
  /** Else AWS_PROFILE. */
  profile?: string;
  credentials?: Credentials;
  /** Else 'virtual' for Amazon S3 and 'path' for every other endpoint. */
  addressing?: 'path' | 'virtual';
}

/** One object of a listing. Listings carry no user metadata and no version. */
export interface ListedObject {
  key: string;
  size: number;
  eTag: string;
  lastModified: number;
  storageClass?: string;
}

/** One page; `continuation` is absent on the last one. */
export interface ListPage {
  /** Read from the answer when it is asked for: the next page can be requested before. */
  readonly objects: ListedObject[];
  prefixes: string[];
  continuation?: string;
}

export interface ListOptions {
  prefix: string;
  delimiter?: string;
  startAfter?: string;
  continuation?: string;
  /** 1,000 is the most a store gives. */
  maxKeys?: number;
  /** Hears where the next page begins, at most once: mostly long before this page is here. */
  onContinuation?: (continuation: string) => void;
  signal?: AbortSignal;
}

/** One version or delete marker of a key. */
export interface ListedVersion {
  key: string;
  versionId: string;
  isLatest: boolean;
  deleteMarker: boolean;
  size: number;
  eTag: string;
  lastModified: number;
}

export interface VersionPage {
  versions: ListedVersion[];
  prefixes: string[];
  next?: VersionPosition;
}

/** Where a listing of versions goes on. */
export interface VersionPosition {
  keyMarker: string;
  versionIdMarker?: string;
}

export interface ListVersionsOptions {
  prefix: string;
  delimiter?: string;
  after?: VersionPosition;
  maxKeys?: number;
  signal?: AbortSignal;
}

/** The standard headers an object keeps besides its user metadata. */
export interface ObjectHeaders {
  contentType?: string;
  contentEncoding?: string;
  contentDisposition?: string;
  contentLanguage?: string;
  cacheControl?: string;
  expires?: string;
}

/** What HEAD and GET say about an object. */
export interface ObjectHead extends ObjectHeaders {
  key: string;
  /** Of the whole object, also in the answer to a ranged GET. */
  size: number;
  eTag: string;
  versionId?: string;
  lastModified: number;
  /** User metadata: names in lower case and without `x-amz-meta-`. */
  metadata: Record<string, string>;
  storageClass?: string;
  /** Server-side encryption: `AES256`, `aws:kms`, …; with the latter an ETag is no MD5. */
  encryption?: string;
  /** How many tags the object has, when the store tells. */
  tagCount?: number;
}

/** The head and the bytes asked for. The body is read once, and to its end or cancelled by `return()`. */
export interface ObjectBody extends ObjectHead {
  body: AsyncIterable<Uint8Array>;
  /** How many bytes the body holds. */
  length: number;
}

/** First and last byte, both included; without `end` to the object's end. */
export interface ByteRange {
  start: number;
  end?: number;
}

export interface HeadOptions {
  versionId?: string;
  ifMatch?: string;
  signal?: AbortSignal;
}

export interface GetOptions extends HeadOptions {
  range?: ByteRange;
}

/** Without the bytes when there are more than were wanted. */
export interface SmallObject {
  head: ObjectHead;
  body?: Uint8Array<ArrayBuffer>;
}

/** Bytes of one exact object. */
export interface ReceiveOptions {
  versionId?: string;
  ifMatch: string;
  range: { start: number; end: number };
}

/** Preconditions on the object that is about to be written. */
export interface WriteCondition {
  ifMatch?: string;
  ifNoneMatch?: '*';
}

export interface PutOptions extends WriteCondition, ObjectHeaders {
  metadata?: Record<string, string>;
  /** URL-encoded tags: `a=1&b=2`. */
  tagging?: string;
  signal?: AbortSignal;
}

export interface PutResult {
  eTag: string;
  versionId?: string;
  /** The store's own time of its answer: the object's `lastModified` is not later. In ms, to the second. */
  dateMs?: number;
}

/** A body that can be sent again from its start for a retry. */
export interface StreamBody {
  size: number;
  stream: () => AsyncIterable<Uint8Array>;
}

export interface CopySource {
  key: string;
  versionId?: string;
  ifMatch?: string;
}

/** Without `replace` the copy keeps the source's metadata, headers and tags. */
export interface CopyOptions extends WriteCondition {
  replace?: ObjectHeaders & { metadata: Record<string, string> };
  signal?: AbortSignal;
}

export interface DeleteOptions {
  ifMatch?: string;
  versionId?: string;
  signal?: AbortSignal;
}

export interface DeleteResult {
  versionId?: string;
  deleteMarker: boolean;
}

/** An upload in parts. Parts may be sent in parallel and in any order; numbers start at 1. */
export interface Multipart {
  readonly uploadId: string;
  /** The answer to an earlier try to begin it was lost: the store may have another one that nobody knows. */
  readonly mayHaveTwin: boolean;
  uploadPart(n: number, body: Uint8Array): Promise<void>;
  copyPart(n: number, source: CopySource, range?: ByteRange): Promise<void>;
  complete(condition?: WriteCondition): Promise<PutResult>;
  abort(): Promise<void>;
}

/** An upload in parts that was begun and neither completed nor aborted. */
export interface ListedUpload {
  key: string;
  uploadId: string;
  /** By the store's clock; milliseconds since the epoch. */
  initiated: number;
}

export interface RawRequest {
  method: string;
  /** Absent: the bucket itself. */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array;
  signal?: AbortSignal;
  /** No limit on the time between two pieces of the answer's body. */
  endless?: boolean;
}

export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
}

/** One bucket of one store, with one set of credentials. */
export interface Bucket {
  readonly name: string;
  readonly endpoint: string;
  list(options: ListOptions): Promise<ListPage>;
  listVersions(options: ListVersionsOptions): Promise<VersionPage>;
  head(key: string, options?: HeadOptions): Promise<ObjectHead>;
  get(key: string, options?: GetOptions): Promise<ObjectBody>;
  /** What a HEAD tells, and the bytes when there are not more than `bytesMax`: one request. */
  getSmall(key: string, bytesMax: number): Promise<SmallObject>;
  /**
   * The same bytes as they come in, for little more than the copy: each array is good only until `sink` returns, and
   * what `sink` throws ends it and is what it rejects with.
   */
  receive(key: string, options: ReceiveOptions, sink: (bytes: Uint8Array) => void): Promise<void>;
  put(key: string, body: Uint8Array | StreamBody, options?: PutOptions): Promise<PutResult>;
  copy(source: CopySource, key: string, options?: CopyOptions): Promise<PutResult>;
  delete(key: string, options?: DeleteOptions): Promise<DeleteResult>;
  multipart(key: string, options?: Omit<PutOptions, 'ifMatch' | 'ifNoneMatch'>): Promise<Multipart>;
  /** Unfinished uploads of keys that start so, at most 1,000. */
  listUploads(prefix: string): Promise<ListedUpload[]>;
  /** Whether an upload has received a part. */
  hasParts(key: string, uploadId: string): Promise<boolean>;
  /** One that is completed or aborted already is no error. */
  abortUpload(key: string, uploadId: string): Promise<void>;
  /** URL-encoded tags, empty when there are none. */
  getTagging(key: string, options?: { versionId?: string }): Promise<string>;
  /** Rejects with the reason a bucket cannot be used: no such bucket, wrong credentials, unreachable, … */
  headBucket(): Promise<void>;
  /** Creates the bucket; one of ours that exists already is no error. */
  putBucket(): Promise<void>;
  getVersioning(): Promise<'Enabled' | 'Suspended' | 'Off'>;
  putVersioning(state: 'Enabled' | 'Suspended'): Promise<void>;
  /** A signed request that is neither retried nor read; any status resolves. */
  requestRaw(request: RawRequest): Promise<RawResponse>;
  close(): Promise<void>;
}
