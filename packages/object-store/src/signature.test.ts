import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { expect, test } from 'vitest';
import { Signer } from './signature.ts';
import type { Unsigned } from './signature.ts';

/** Node's own hashing in the shape that the SDK's signer takes. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not used');
  }
}

const requests: [string, Unsigned][] = [
  [
    'a GET',
    { method: 'GET', path: '/b/k', search: '', headers: { host: 'h:1', range: 'bytes=0-9' } },
  ],
  [
    'a query',
    {
      method: 'GET',
      path: '/',
      search: 'encoding-type=url&list-type=2&prefix=a%2Fb%20c',
      headers: { host: 'b.s3.amazonaws.com' },
    },
  ],
  [
    'a body, headers with blanks and one that proxies change',
    {
      method: 'PUT',
      path: '/b/%C3%BC%20x',
      search: '',
      headers: {
        host: 'h',
        'x-amz-meta-b': '  two   blanks ',
        'cache-control': 'no-store',
        'X-Amz-Meta-A': '1',
      },
      body: Buffer.from('bytes'),
    },
  ],
  [
    'a body that is not hashed',
    {
      method: 'PUT',
      path: '/b/k',
      search: 'partNumber=1&uploadId=u',
      headers: { host: 'h', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '5' },
    },
  ],
];

test.each(requests)('%s is signed as the SDK signs it', async (_, request) => {
  const signer = new Signer('s3');
  const at = new Date('2026-11-21T23:59:59.900Z');
  for (const [region, secretAccessKey, sessionToken, ms] of [
    ['us-east-1', 'secret', undefined, 0],
    ['us-east-1', 'secret', 'token', 1],
    ['eu-central-1', 'secret', undefined, 2],
    ['eu-central-1', 'another', undefined, 3],
    ['eu-central-1', 'another', undefined, 86_400_000],
  ] as const) {
    const credentials = {
      accessKeyId: 'AKID',
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    };
    const date = new Date(at.getTime() + ms);
    const theirs = await new SignatureV4({
      service: 's3',
      region,
      credentials,
      sha256: Sha256,
      uriEscapePath: false,
    }).sign(
      {
        method: request.method,
        protocol: 'https:',
        hostname: 'h',
        path: request.path,
        query: Object.fromEntries(new URLSearchParams(request.search)),
        headers: request.headers,
        body: request.body,
      },
      { signingDate: date },
    );
    const ours = signer.sign(request, { credentials, region, at: date });
    const lower = Object.entries(theirs.headers).map(([name, value]) => [
      name.toLowerCase(),
      value,
    ]);
    expect(ours).toEqual(Object.fromEntries(lower));
  }
});
