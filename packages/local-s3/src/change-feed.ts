/** Tells subscribers of a bucket about every change of a current object, once it is durable. */

/** One line of the change stream. */
export interface Change {
  readonly key: string;
  /** Of the object or delete marker that is current now; `null` where there is no id. */
  readonly versionId: string;
  /** Without quotes; '' for deletes. */
  readonly eTag: string;
  readonly size: number;
  readonly type: 'put' | 'delete';
  /** Hexadecimal, 16 digits: later changes sort after earlier ones, over restarts too. */
  readonly sequencer: string;
}

type Subscriber = (line: string) => void;

/** The subscribers of one endpoint. */
export class ChangeFeed {
  readonly #byBucket = new Map<number, Set<Subscriber>>();

  publish(bucket: number, change: Change): void {
    const subscribers = this.#byBucket.get(bucket);
    if (subscribers === undefined) return;
    const line = `${JSON.stringify(change)}\n`;
    for (const tell of subscribers) tell(line);
  }

  /** Returns the way to unsubscribe. */
  subscribe(bucket: number, tell: Subscriber): () => void {
    let subscribers = this.#byBucket.get(bucket);
    if (subscribers === undefined) {
      subscribers = new Set();
      this.#byBucket.set(bucket, subscribers);
    }
    subscribers.add(tell);
    return () => {
      subscribers.delete(tell);
      if (subscribers.size === 0) this.#byBucket.delete(bucket);
    };
  }
}
