/**
 * Notifications of changes in a bucket, in the shapes in which they arrive: S3's own (also from MinIO, Ceph and
 * others), the same within an SNS message, and EventBridge's. They come twice, late and out of order; S3 numbers those
 * of one key with a `sequencer` that grows.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */

/** The current object of a key has changed. */
export interface ChangeEvent {
  bucket: string;
  key: string;
  /** '' when it was deleted. */
  eTag: string;
  versionId?: string;
  /** Hexadecimal; absent from stores that do not number. */
  sequencer?: string;
}

/** The changes that a message tells of; undefined when it is no message of this kind. */
export function readChangeEvents(text: string): ChangeEvent[] | undefined {
  try {
    return readValue(JSON.parse(text), 0);
  } catch {
    return undefined;
  }
}

interface Message {
  Event?: unknown;
  Type?: unknown;
  Message?: unknown;
  Records?: unknown;
  detail?: unknown;
  'detail-type'?: unknown;
}

const depthMax = 3;

function readValue(value: unknown, depth: number): ChangeEvent[] | undefined {
  if (typeof value !== 'object' || value === null || depth > depthMax) return undefined;
  if (Array.isArray(value)) {
    const all = value.map((one: unknown) => readValue(one, depth + 1));
    return all.every((one) => one !== undefined) ? all.flat() : undefined;
  }
  const message: Message = value;
  if (message.Event === 's3:TestEvent') return [];
  if (message.Type === 'Notification' && typeof message.Message === 'string') {
    return readValue(JSON.parse(message.Message), depth + 1);
  }
  if (Array.isArray(message.Records)) return message.Records.flatMap(readRecord);
  if (typeof message['detail-type'] === 'string') return readBridged(message);
  return undefined;
}

interface Record {
  eventName?: string;
  s3?: {
    bucket?: { name?: string };
    object?: { key?: string; eTag?: string; versionId?: string; sequencer?: string };
  };
}

/** Event names have been seen with and without `s3:` before them. */
const created = /^(?:s3:)?ObjectCreated:/;
const removed = /^(?:s3:)?(?:ObjectRemoved|LifecycleExpiration):/;

function readRecord(record: Record): ChangeEvent[] {
  const { eventName = '', s3 } = record;
  const { key, eTag = '', versionId, sequencer } = s3?.object ?? {};
  const isCreated = created.test(eventName);
  if (key === undefined || (!isCreated && !removed.test(eventName))) return [];
  return [
    {
      bucket: s3?.bucket?.name ?? '',
      // Encoded as in a form.
      key: decodeURIComponent(key.replaceAll('+', '%20')),
      eTag: isCreated ? eTag.replaceAll('"', '') : '',
      ...(versionId !== undefined && { versionId }),
      ...(sequencer !== undefined && { sequencer }),
    },
  ];
}

interface Bridged {
  bucket?: { name?: string };
  object?: { key?: string; etag?: string; 'version-id'?: string; sequencer?: string };
}

/** Here keys are not encoded. */
function readBridged({ 'detail-type': type, detail }: Message): ChangeEvent[] {
  const { bucket, object } = (detail ?? {}) as Bridged;
  const isCreated = type === 'Object Created';
  if (object?.key === undefined || (!isCreated && type !== 'Object Deleted')) return [];
  return [
    {
      bucket: bucket?.name ?? '',
      key: object.key,
      eTag: isCreated ? (object.etag ?? '') : '',
      ...(object['version-id'] !== undefined && { versionId: object['version-id'] }),
      ...(object.sequencer !== undefined && { sequencer: object.sequencer }),
    },
  ];
}

const keysMax = 10_000;

/** Which events are news: neither told before nor older than one that was. */
export class Sequencers {
  readonly #last = new Map<string, string>();

  isNews({ key, sequencer }: ChangeEvent): boolean {
    if (sequencer === undefined) return true;
    const last = this.#last.get(key);
    if (last !== undefined && !isLater(sequencer, last)) return false;
    this.#last.delete(key);
    this.#last.set(key, sequencer);
    if (this.#last.size > keysMax) this.#last.delete(this.#last.keys().next().value ?? '');
    return true;
  }
}

/** Of different lengths the shorter one is filled up with zeros on the right before they are compared. */
function isLater(a: string, b: string): boolean {
  const length = Math.max(a.length, b.length);
  return a.toUpperCase().padEnd(length, '0') > b.toUpperCase().padEnd(length, '0');
}
