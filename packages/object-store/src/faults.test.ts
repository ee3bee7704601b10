import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { collect } from './body.ts';
import { S3Error } from './errors.ts';
import { scriptedServer } from './scripted-server.ts';
import type { Script, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(script: Script): Promise<ScriptedServer> {
  server = await scriptedServer(script);
  return server;
}

function xmlError(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message><RequestId>r1</RequestId></Error>`;
}

async function failureOf(promise: Promise<unknown>): Promise<S3Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(S3Error);
  return error as S3Error;
}

test('500 and 503 are retried, and the last answer counts', async () => {
  const { bucket, requests } = await serve((_, response, nth) => {
    if (nth === 0) response.writeHead(500).end(xmlError('InternalError'));
    else if (nth === 1) response.writeHead(503).end(xmlError('SlowDown'));
    else response.writeHead(200, { etag: '"e"', 'x-amz-version-id': 'v' }).end();
  });
  expect(await (await bucket()).put('k', Buffer.from('x'))).toMatchObject({
    eTag: 'e',
    versionId: 'v',
  });
  expect(requests).toHaveLength(3);
});

test('retrying ends, with the store’s own error', async () => {
  const { bucket, requests } = await serve((_, response) =>
    response.writeHead(503).end(xmlError('SlowDown')),
  );
  const error = await failureOf((await bucket()).head('k'));
  expect(error).toMatchObject({ code: 'SlowDown', status: 503, retryable: true, key: 'k' });
  expect(requests).toHaveLength(5);
});

test('a reset connection is retried', async () => {
  const { bucket } = await serve((request, response, nth) => {
    if (nth === 0) request.socket.destroy();
    else response.writeHead(200, { etag: '"e"' }).end();
  });
  expect(await (await bucket()).put('k', Buffer.from('x'))).toMatchObject({ eTag: 'e' });
});

test('a truncated body is continued from where it broke, from the same object', async () => {
  const content = Buffer.alloc(100_000, 'abcdefghij');
  const seen: { range: string | undefined; ifMatch: string | undefined }[] = [];
  const { bucket } = await serve((request, response, nth) => {
    const { range } = request.headers;
    seen.push({ range, ifMatch: request.headers['if-match'] });
    if (nth === 0) {
      response.writeHead(200, { etag: '"e"', 'content-length': content.length });
      response.write(content.subarray(0, 30_000), () => request.socket.destroy());
      return;
    }
    const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1]);
    response.writeHead(206, {
      etag: '"e"',
      'content-length': content.length - start,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    });
    response.end(content.subarray(start));
  });
  const object = await (await bucket()).get('k');
  expect(Buffer.from(await collect(object.body, object.length)).equals(content)).toBe(true);
  expect(seen[1]?.ifMatch).toBe('"e"');
  expect(seen[1]?.range).toMatch(/^bytes=[1-9]\d*-99999$/);
});

test('a body that keeps breaking is an error, not a short body', async () => {
  const { bucket } = await serve((request, response) => {
    response.writeHead(200, { etag: '"e"', 'content-length': 10 });
    response.write('x', () => request.socket.destroy());
  });
  const object = await (await bucket()).get('k');
  const error = await failureOf(collect(object.body, object.length));
  expect(error.retryable).toBe(true);
});

test('a conditional PUT whose answer was lost is recognised as our own', async () => {
  const body = Buffer.from('mine');
  const md5 = createHash('md5').update(body).digest('hex');
  const { bucket, requests } = await serve((request, response, nth) => {
    if (nth === 0) request.socket.destroy();
    else if (request.method === 'PUT') response.writeHead(412).end(xmlError('PreconditionFailed'));
    else
      response
        .writeHead(200, {
          etag: `"${md5}"`,
          'content-length': body.length,
          'x-amz-version-id': 'v1',
          'x-amz-meta-a': '1',
        })
        .end();
  });
  const put = (await bucket()).put('k', body, { ifNoneMatch: '*', metadata: { a: '1' } });
  expect(await put).toMatchObject({ eTag: md5, versionId: 'v1' });
  expect(requests.map((r) => r.split(' ')[0])).toEqual(['PUT', 'PUT', 'HEAD']);
});

test('a conditional PUT that lost to somebody else is refused', async () => {
  const { bucket } = await serve((request, response, nth) => {
    if (nth === 0) request.socket.destroy();
    else if (request.method === 'PUT') response.writeHead(412).end(xmlError('PreconditionFailed'));
    else response.writeHead(200, { etag: '"other"', 'content-length': 4 }).end();
  });
  const error = await failureOf(
    (await bucket()).put('k', Buffer.from('mine'), { ifNoneMatch: '*' }),
  );
  expect(error.code).toBe('PreconditionFailed');
});

test('a 412 to the first try is never taken for our own', async () => {
  const { bucket, requests } = await serve((_, response) =>
    response.writeHead(412).end(xmlError('PreconditionFailed')),
  );
  const error = await failureOf((await bucket()).put('k', Buffer.from('x'), { ifMatch: 'e' }));
  expect(error).toMatchObject({ code: 'PreconditionFailed', retryable: false });
  expect(requests).toHaveLength(1);
});

test('an error inside a 200 to CompleteMultipartUpload is an error and is retried', async () => {
  const done =
    '<CompleteMultipartUploadResult><ETag>&quot;m-1&quot;</ETag></CompleteMultipartUploadResult>';
  let completions = 0;
  const { bucket } = await serve((request, response) => {
    if (request.url?.includes('uploads=')) {
      response.end(
        '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
      );
    } else if (request.method === 'PUT') response.writeHead(200, { etag: '"p"' }).end();
    else response.end(completions++ === 0 ? xmlError('InternalError') : done);
  });
  const upload = await (await bucket()).multipart('k');
  await upload.uploadPart(1, Buffer.from('x'));
  expect(await upload.complete()).toMatchObject({ eTag: 'm-1' });
  expect(completions).toBe(2);
});

test('an unreachable endpoint, wrong credentials, missing permission and no bucket are told apart', async () => {
  const closed = await scriptedServer(() => undefined);
  await closed.close();
  const { bucket } = await serve((request, response) => {
    const word = decodeURIComponent(request.url ?? '').split(/[/?]/)[1] ?? '';
    response.writeHead(word === 'NoSuchBucket' ? 404 : 403).end(xmlError(word));
  });
  const tell = async (location: { bucket: string; endpoint?: string }): Promise<S3Error> =>
    failureOf((await bucket(location)).headBucket());
  const unreachable = await tell({ bucket: 'b', endpoint: closed.endpoint });
  expect(unreachable.code).toBe('Unreachable');
  expect(unreachable.message).toContain(closed.endpoint);
  expect((await tell({ bucket: 'InvalidAccessKeyId' })).code).toBe('WrongCredentials');
  const wrongSecret = await tell({ bucket: 'SignatureDoesNotMatch' });
  expect(wrongSecret.code).toBe('WrongCredentials');
  expect(wrongSecret.message).toMatch(/AWS_SECRET_ACCESS_KEY/);
  expect((await tell({ bucket: 'AccessDenied' })).code).toBe('AccessDenied');
  const none = await tell({ bucket: 'NoSuchBucket' });
  expect(none.code).toBe('NoSuchBucket');
  for (const error of [unreachable, wrongSecret, none]) {
    expect(`${error.message}${error.stack}`).not.toContain('very-secret');
  }
});

test('the region a store names is used for the next try', async () => {
  const { bucket, requests } = await serve((request, response) => {
    if (request.headers.authorization?.includes('/eu-west-1/s3/')) {
      response.end('<ListBucketResult></ListBucketResult>');
      return;
    }
    response
      .writeHead(400)
      .end('<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>');
  });
  await (await bucket()).headBucket();
  expect(requests).toHaveLength(2);
});

test('the difference of the clocks is made up for', async () => {
  const theirs = Date.now() + 3_600_000;
  const { bucket } = await serve((request, response) => {
    const date = String(request.headers['x-amz-date']);
    const hour = new Date(theirs).toISOString().replaceAll(/[-:]/g, '').slice(0, 11);
    if (date.startsWith(hour)) response.end('<ListBucketResult></ListBucketResult>');
    else {
      response
        .writeHead(403, { date: new Date(theirs).toUTCString() })
        .end(xmlError('RequestTimeTooSkewed'));
    }
  });
  await (await bucket()).headBucket();
});

test('an aborted request says so and is not retried', async () => {
  const abort = new AbortController();
  const { bucket, requests } = await serve(() => abort.abort());
  const error = await failureOf((await bucket()).head('k', { signal: abort.signal }));
  expect(error.code).toBe('Aborted');
  expect(requests).toHaveLength(1);
});

test('a server that is not S3 is named as such', async () => {
  const { bucket } = await serve((_, response) => response.end('<html>hello</html>'));
  const error = await failureOf((await bucket()).headBucket());
  expect(error).toMatchObject({ code: 'BadResponse' });
  expect(error.message).toContain('Is it an S3 endpoint?');
});
