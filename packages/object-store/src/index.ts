export type {
  Bucket,
  BucketLocation,
  ByteRange,
  CopyOptions,
  CopySource,
  Credentials,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  HeadOptions,
  ListedObject,
  ListedUpload,
  ListedVersion,
  ListOptions,
  ListPage,
  ListVersionsOptions,
  Multipart,
  ObjectBody,
  ObjectHead,
  ObjectHeaders,
  PutOptions,
  PutResult,
  RawRequest,
  RawResponse,
  ReceiveOptions,
  SmallObject,
  StreamBody,
  VersionPage,
  VersionPosition,
  WriteCondition,
} from './bucket.ts';
export { Sequencers, readChangeEvents } from './change-events.ts';
export type { ChangeEvent } from './change-events.ts';
export { MessageQueue } from './message-queue.ts';
export type { QueueMessage } from './message-queue.ts';
export { guardedBucket } from './guarded-bucket.ts';
export { probeStore } from './probe.ts';
export { carefulTraits, fullTraits } from './store-traits.ts';
export type { Kept, StoreTraits } from './store-traits.ts';
export { S3Error } from './errors.ts';
export type { S3ErrorCode } from './errors.ts';
export { collect } from './body.ts';
export { openBucket } from './open-bucket.ts';
export type { OpenBucketOptions } from './open-bucket.ts';
export { isSentObject, md5Of, multipartETag } from './own-write.ts';
export type { SentObject } from './own-write.ts';
export type { Clock } from './retry.ts';
