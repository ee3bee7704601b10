/** The AWS SDK with its defaults, as a program without a mount would use it. */
import { GetObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { inParallel, type TestStore } from './bucket.ts';

export class AwsSdk {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(store: TestStore, bucket: string) {
    const { endpoint, region, accessKeyId, secretAccessKey } = store;
    const credentials = { accessKeyId, secretAccessKey };
    this.#client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    this.#bucket = bucket;
  }

  /** Receives bytes `start` to `last` of an object and keeps none of them. */
  async receive(key: string, start: number, last: number): Promise<void> {
    const Range = `bytes=${start}-${last}`;
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range });
    const { Body } = await this.#client.send(command);
    for await (const chunk of Body as AsyncIterable<Uint8Array>) void chunk;
  }

  /** Lists what is below the prefix, then gets all of it into memory, 32 at a time. */
  async download(prefix: string): Promise<void> {
    const keys: string[] = [];
    const pages = { client: this.#client };
    for await (const page of paginateListObjectsV2(pages, { Bucket: this.#bucket, Prefix: prefix }))
      for (const { Key } of page.Contents ?? []) keys.push(Key!);
    await inParallel(keys.length, async (index) => {
      const command = new GetObjectCommand({ Bucket: this.#bucket, Key: keys[index]! });
      const { Body } = await this.#client.send(command);
      await Body!.transformToByteArray();
    });
  }

  close(): void {
    this.#client.destroy();
  }
}
