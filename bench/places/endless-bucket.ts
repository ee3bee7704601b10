/**
 * A bucket of millions of keys that exist by arithmetic: it answers what a mount asks before it writes. Keys are
 * `d0000/f0000000`: so many files in each of so many directories, each too large to be brought in before it is read.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Location } from './moorage-mount.ts';

const pageKeys = 1000;
const objectBytes = 1_000_000;
const modified = '2026-01-01T00:00:00.000Z';
const bucketName = 'moorage';

export interface EndlessBucket extends Location {
  close(): void;
}

export async function endlessBucket(
  directories: number,
  filesEach: number,
): Promise<EndlessBucket> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response, directories, filesEach));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ region: 'us-east-1', accessKeyId: 'bench', secretAccessKey: 'bench' },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  directories: number,
  filesEach: number,
): void {
  const { pathname, searchParams: query } = new URL(request.url!, 'http://store');
  const key = decodeURIComponent(pathname).split('/').slice(2).join('/');
  const send = (status: number, body: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/xml', ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (key === '' && query.has('versioning'))
    return send(200, '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
  if (key === '' && query.get('list-type') === '2')
    return send(200, page(query, directories, filesEach));
  if (key === '' && request.method === 'HEAD') return send(200, '');
  if (/^d\d{4}\/f\d{7}$/.test(key) && request.method === 'HEAD')
    return send(200, '', {
      ...{ 'content-length': String(objectBytes), 'x-amz-version-id': 'v1', etag: `"${eTag}"` },
      'last-modified': new Date(modified).toUTCString(),
    });
  if (request.method === 'PUT')
    return send(200, '', { etag: `"${eTag}"`, 'x-amz-version-id': 'v2' });
  if (request.method === 'DELETE') return send(204, '');
  send(404, '<Error><Code>NoSuchKey</Code><Message>none</Message></Error>');
}

const eTag = '0123456789abcdef0123456789abcdef';

/** One page of ListObjectsV2; a continuation token is how many entries came before. */
function page(query: URLSearchParams, directories: number, filesEach: number): string {
  const prefix = query.get('prefix') ?? '';
  const from = Number(query.get('continuation-token') ?? 0);
  const areDirectories = prefix === '' && query.get('delimiter') === '/';
  const below = prefix === '' ? directories * filesEach : isDirectory(prefix) ? filesEach : 0;
  const total = areDirectories ? directories : below;
  const to = Math.min(total, from + pageKeys);
  let entries = '';
  for (let at = from; at < to; at++) {
    const path = prefix === '' ? `${directoryKey(Math.floor(at / filesEach))}/` : prefix;
    entries += areDirectories
      ? `<CommonPrefixes><Prefix>${directoryKey(at)}/</Prefix></CommonPrefixes>`
      : `<Contents><Key>${path}f${String(at % filesEach).padStart(7, '0')}</Key>` +
        `<LastModified>${modified}</LastModified><ETag>&quot;${eTag}&quot;</ETag><Size>${objectBytes}</Size></Contents>`;
  }
  const next = to < total ? `<NextContinuationToken>${to}</NextContinuationToken>` : '';
  return (
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${bucketName}</Name>` +
    `<IsTruncated>${to < total}</IsTruncated>${entries}${next}</ListBucketResult>`
  );
}

function isDirectory(prefix: string): boolean {
  return /^d\d{4}\/$/.test(prefix);
}

function directoryKey(index: number): string {
  return `d${String(index).padStart(4, '0')}`;
}
