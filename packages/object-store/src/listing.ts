/** Pages of ListObjectsV2, ListObjectVersions and ListMultipartUploads, all asked for with `encoding-type=url`. */
import type { ListedObject, ListedUpload, ListedVersion, ListPage, VersionPage } from './bucket.ts';
import { decodeListed, unquote } from './wire.ts';
import { elements, mixedElements, text } from './xml.ts';

/** Undefined when this is not a listing. */
export function listPage(xml: string): ListPage | undefined {
  if (!xml.includes('<ListBucketResult')) return undefined;
  const key = keyReader(xml);
  const page: ListPage = {
    objects: elements(xml, 'Contents').map((entry) => {
      const object: ListedObject = {
        key: key(entry, 'Key'),
        size: Number(text(entry, 'Size') ?? 0),
        eTag: unquote(text(entry, 'ETag') ?? ''),
        lastModified: Date.parse(text(entry, 'LastModified') ?? '') || 0,
      };
      const storageClass = text(entry, 'StorageClass');
      if (storageClass !== undefined) object.storageClass = storageClass;
      return object;
    }),
    prefixes: elements(xml, 'CommonPrefixes').map((entry) => key(entry, 'Prefix')),
  };
  const continuation = text(xml, 'NextContinuationToken');
  if (text(xml, 'IsTruncated') === 'true' && continuation !== undefined) {
    page.continuation = continuation;
  }
  return page;
}

/** Undefined when this is not a listing of versions. */
export function versionPage(xml: string): VersionPage | undefined {
  if (!xml.includes('<ListVersionsResult')) return undefined;
  const key = keyReader(xml);
  const read = (entry: string, deleteMarker: boolean): ListedVersion => ({
    key: key(entry, 'Key'),
    versionId: text(entry, 'VersionId') ?? 'null',
    isLatest: text(entry, 'IsLatest') === 'true',
    deleteMarker,
    size: Number(text(entry, 'Size') ?? 0),
    eTag: unquote(text(entry, 'ETag') ?? ''),
    lastModified: Date.parse(text(entry, 'LastModified') ?? '') || 0,
  });
  const page: VersionPage = {
    versions: mixedElements(xml, ['Version', 'DeleteMarker']).map(({ name, content }) =>
      read(content, name === 'DeleteMarker'),
    ),
    prefixes: elements(xml, 'CommonPrefixes').map((entry) => key(entry, 'Prefix')),
  };
  if (text(xml, 'IsTruncated') === 'true') {
    const keyMarker = key(xml, 'NextKeyMarker');
    const versionIdMarker = text(xml, 'NextVersionIdMarker');
    page.next = versionIdMarker === undefined ? { keyMarker } : { keyMarker, versionIdMarker };
  }
  return page;
}

/** Undefined when this is not a listing of uploads. */
export function uploadPage(xml: string): ListedUpload[] | undefined {
  if (!xml.includes('<ListMultipartUploadsResult')) return undefined;
  const key = keyReader(xml);
  return elements(xml, 'Upload').map((entry) => ({
    key: key(entry, 'Key'),
    uploadId: text(entry, 'UploadId') ?? '',
    initiated: Date.parse(text(entry, 'Initiated') ?? '') || 0,
  }));
}

/** Some stores ignore `encoding-type` and then do not echo it. */
function keyReader(xml: string): (entry: string, name: string) => string {
  const encoded = text(xml, 'EncodingType') === 'url';
  return (entry, name) => {
    const value = text(entry, name) ?? '';
    return encoded ? decodeListed(value) : value;
  };
}
