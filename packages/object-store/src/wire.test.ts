import { expect, test } from 'vitest';
import { listPage, versionPage } from './listing.ts';
import { encodeKey, headOf } from './wire.ts';
import { escapeXml, text } from './xml.ts';

test('keys are encoded byte by byte and never normalised', () => {
  expect(encodeKey("a b/../x+y=&'(é)//")).toBe('a%20b/../x%2By%3D%26%27%28%C3%A9%29//');
});

test('a page of a listing', () => {
  const page = listPage(`<?xml version="1.0"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
<NextContinuationToken>t&amp;1</NextContinuationToken>
<Contents><Key>p/a+b%2B&apos;%0A%22</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>
<ETag>&quot;e1&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
<CommonPrefixes><Prefix>p/d%C3%A9/</Prefix></CommonPrefixes></ListBucketResult>`);
  expect(page).toEqual({
    objects: [
      {
        key: 'p/a b+\'\n"',
        size: 7,
        eTag: 'e1',
        lastModified: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
        storageClass: 'STANDARD',
      },
    ],
    prefixes: ['p/dé/'],
    continuation: 't&1',
  });
});

test('entries of a listing in any order, with elements of others, empty ones and entities', () => {
  const page = listPage(
    '<ListBucketResult><Contents><Owner><ID>o</ID><DisplayName>d</DisplayName></Owner><Size>3</Size>' +
      '<StorageClass/><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ETag>W/"&#34;x&amp;quot;"</ETag>' +
      '<Key>a&lt;b</Key></Contents><Contents><Key>c</Key><ETag>"</ETag></Contents></ListBucketResult>',
  );
  expect(page?.objects).toEqual([
    { key: 'a<b', size: 3, eTag: '"x&quot;', lastModified: 0 },
    { key: 'c', size: 0, eTag: '"', lastModified: 0 },
  ]);
});

test('keys of a store that ignores encoding-type are taken as they are', () => {
  const page = listPage(
    '<ListBucketResult><Contents><Key>a+b%20</Key><Size>0</Size></Contents></ListBucketResult>',
  );
  expect(page?.objects[0]?.key).toBe('a+b%20');
  expect(listPage('<html/>')).toBeUndefined();
});

test('versions and delete markers', () => {
  const page = versionPage(`<ListVersionsResult><IsTruncated>true</IsTruncated>
<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>
<DeleteMarker><Key>k</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest></DeleteMarker>
<Version><Key>k</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><ETag>"e"</ETag><Size>3</Size></Version></ListVersionsResult>`);
  expect(page?.versions.map((v) => [v.versionId, v.isLatest, v.deleteMarker])).toEqual([
    ['v3', true, true],
    ['v2', false, false],
  ]);
  expect(page?.next).toEqual({ keyMarker: 'k', versionIdMarker: 'v1' });
});

test('the head of an object, and the whole size in a ranged answer', () => {
  const head = headOf('k', {
    'content-length': '10',
    'content-range': 'bytes 0-9/1000',
    etag: '"e"',
    'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT',
    'x-amz-meta-file-owner': '1000',
    'x-amz-version-id': 'v',
    'content-type': 'text/plain',
    'x-amz-tagging-count': '2',
  });
  expect(head).toEqual({
    key: 'k',
    size: 1000,
    eTag: 'e',
    lastModified: Date.UTC(2026, 0, 2, 3, 4, 5),
    metadata: { 'file-owner': '1000' },
    versionId: 'v',
    contentType: 'text/plain',
    tagCount: 2,
  });
});

test('entities and empty elements', () => {
  expect(text('<A><Prefix/><K>&lt;&#x41;&#66;&amp;lt;</K></A>', 'K')).toBe('<AB&lt;');
  expect(text('<A><Prefix/><K>1</K></A>', 'Prefix')).toBe('');
  expect(text(`<K>${escapeXml('<"&\'>')}</K>`, 'K')).toBe('<"&\'>');
});
