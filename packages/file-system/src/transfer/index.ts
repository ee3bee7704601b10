export type { ChangeSource } from './change-sources.ts';
export { checkBucket, BucketUnusable } from './check-bucket.ts';
export type {
  ByteSpan,
  JobId,
  ObjectAttributes,
  ObjectPin,
  OwnMark,
  RemoteHead,
  RemoteObject,
  TransferJob,
  TransferResult,
} from './jobs.ts';
export { toSend } from './sent-results.ts';
export type { SentResult } from './sent-results.ts';
export { knowStore } from './store-knowledge.ts';
export type { StoreKnowledge, StoreLack, StoreReport } from './store-knowledge.ts';
export { Transfers } from './transfers.ts';
export type { TransfersOptions } from './transfers.ts';
