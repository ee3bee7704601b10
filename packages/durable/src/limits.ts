/** Limits of AWS's service; sizes in bytes of UTF-8. */
export interface Limits {
  /** Updates in one checkpoint. */
  updatesMax: number;
  /** Payload of one step, context, callback, chained invoke. */
  payloadBytesMax: number;
  /** Input and result of an execution. */
  executionPayloadBytesMax: number;
  /** One error object, all its fields together. */
  errorBytesMax: number;
  /** Result sent to a callback. */
  callbackBytesMax: number;
  operationsMax: number;
  /** All payloads that an execution ever wrote. */
  storageBytesMax: number;
  /** Operations in an invocation's event; the rest is read page by page. */
  eventBytesMax: number;
  /** Crashed invocations in a row before the execution fails. */
  crashesMax: number;
}

export const AWS_LIMITS: Limits = {
  updatesMax: 250,
  payloadBytesMax: 1024 * 1024,
  executionPayloadBytesMax: 6 * 1024 * 1024,
  errorBytesMax: 1024 * 1024,
  callbackBytesMax: 256 * 1024,
  operationsMax: 3000,
  storageBytesMax: 100 * 1024 * 1024,
  eventBytesMax: 5 * 1024 * 1024,
  crashesMax: 5,
};

export const WAIT_SECONDS_MAX = 31_622_400;
export const RETENTION_DAYS_DEFAULT = 14;
