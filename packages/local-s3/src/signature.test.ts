import { describe, expect, it } from 'vitest';
import { S3Failure } from './s3-error.ts';
import { Verifier } from './signature.ts';
import { parseTarget } from './uri.ts';

// The worked examples of the Amazon S3 API reference.
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const at = Date.parse('2013-05-24T00:00:00Z');
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const host = 'examplebucket.s3.amazonaws.com';
const scope = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';

function verify(
  method: string,
  url: string,
  headers: Record<string, string>,
  now: number = at,
): string {
  const verifier = new Verifier(credentials, 'us-east-1', () => now);
  try {
    verifier.verify({ method, target: parseTarget(url), headers: { host, ...headers } });
  } catch (error) {
    if (error instanceof S3Failure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'right';
}

const signed = {
  'x-amz-content-sha256': empty,
  'x-amz-date': '20130524T000000Z',
};

describe('the Authorization header', () => {
  it('GET with a range', () => {
    const headers = {
      ...signed,
      range: 'bytes=0-9',
      authorization: `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
    };
    expect(verify('GET', '/test.txt', headers)).toBe('right');
    expect(verify('GET', '/test.txT', headers)).toMatch(/^SignatureDoesNotMatch/);
    expect(verify('GET', '/test.txt', { ...headers, range: 'bytes=0-8' })).toMatch(
      /^SignatureDoesNotMatch/,
    );
  });

  it('PUT with an odd key', () => {
    const headers = {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-date': '20130524T000000Z',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      authorization: `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd`,
    };
    expect(verify('PUT', '/test%24file.text', headers)).toBe('right');
    expect(verify('PUT', '/test$file.text', headers)).toBe('right');
  });

  it('GET with a subresource, and a listing', () => {
    const names = 'host;x-amz-content-sha256;x-amz-date';
    const authorization = (signature: string): string =>
      `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${names}, Signature=${signature}`;
    expect(
      verify('GET', '/?lifecycle', {
        ...signed,
        authorization: authorization(
          'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
        ),
      }),
    ).toBe('right');
    expect(
      verify('GET', '/?prefix=J&max-keys=2', {
        ...signed,
        authorization: authorization(
          '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
        ),
      }),
    ).toBe('right');
  });
});

describe('a presigned URL', () => {
  const url = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;

  it('is right for its time and its request only', () => {
    expect(verify('GET', url, {})).toBe('right');
    expect(verify('GET', url, {}, at + 86_399_000)).toBe('right');
    expect(verify('GET', url, {}, at + 86_401_000)).toBe('AccessDenied: Request has expired');
    expect(verify('GET', url, {}, at - 3_600_000)).toBe('AccessDenied: Request is not yet valid');
    expect(verify('PUT', url, {})).toMatch(/^SignatureDoesNotMatch/);
    expect(verify('GET', url.replace('86400', '86401'), {})).toMatch(/^SignatureDoesNotMatch/);
    expect(verify('GET', url.replace('86400', '999999'), {})).toMatch(
      /^AuthorizationQueryParametersError/,
    );
    expect(verify('GET', url, { 'x-amz-copy-source': '/b/k' })).toMatch(/^AccessDenied/);
    expect(verify('GET', url, { authorization: 'x' })).toMatch(/^InvalidArgument/);
  });
});
