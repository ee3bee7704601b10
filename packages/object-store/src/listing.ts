/** Pages of ListObjectsV2, ListObjectVersions and ListMultipartUploads, all asked for with `encoding-type=url`. */
import type { ListedObject, ListedUpload, ListedVersion, ListPage, VersionPage } from './bucket.ts';
import { decodeListed, unquote } from './wire.ts';
import { elements, fields, mixedPositions, positions, text } from './xml.ts';

const objectFields = ['Key', 'Size', 'ETag', 'LastModified', 'StorageClass'] as const;
const versionFields = ['Key', 'VersionId', 'IsLatest', 'Size', 'ETag', 'LastModified'] as const;

/** Undefined when this is not a listing. */
export function listPage(xml: string): ListPage | undefined {
  if (!xml.includes('<ListBucketResult')) return undefined;
  const decoded = keyDecoder(xml);
  let objects: ListedObject[] | undefined;
  const page: ListPage = {
    get objects() {
      return (objects ??= objectsOf(xml, decoded));
    },
    prefixes: prefixesOf(xml, decoded),
  };
  const continuation = text(xml, 'NextContinuationToken');
  if (text(xml, 'IsTruncated') === 'true' && continuation !== undefined) {
    page.continuation = continuation;
  }
  return page;
}

/** Tells the continuation that the beginning of a page speaks of: S3 names it before the objects. */
export function continuationTeller(
  tell: ((continuation: string) => void) | undefined,
): ((beginning: string) => void) | undefined {
  if (tell === undefined) return undefined;
  let isTold = false;
  return (beginning) => {
    const continuation = text(beginning, 'NextContinuationToken');
    if (continuation === undefined || isTold) return;
    isTold = true;
    tell(continuation);
  };
}

function objectsOf(xml: string, decoded: (key: string) => string): ListedObject[] {
  return positions(xml, 'Contents').map((position) => {
    const [key, size, eTag, lastModified, storageClass] = fields(xml, position, objectFields);
    const object: ListedObject = {
      key: decoded(key),
      size: Number(size),
      eTag: unquote(eTag),
      lastModified: Date.parse(lastModified) || 0,
    };
    if (storageClass !== '') object.storageClass = storageClass;
    return object;
  });
}

/** Undefined when this is not a listing of versions. */
export function versionPage(xml: string): VersionPage | undefined {
  if (!xml.includes('<ListVersionsResult')) return undefined;
  const decoded = keyDecoder(xml);
  const page: VersionPage = {
    versions: mixedPositions(xml, ['Version', 'DeleteMarker']).map((position): ListedVersion => {
      const found = fields(xml, position, versionFields);
      const [key, versionId, isLatest, size, eTag, lastModified] = found;
      return {
        key: decoded(key),
        versionId: versionId === '' ? 'null' : versionId,
        isLatest: isLatest === 'true',
        deleteMarker: position.name === 'DeleteMarker',
        size: Number(size),
        eTag: unquote(eTag),
        lastModified: Date.parse(lastModified) || 0,
      };
    }),
    prefixes: prefixesOf(xml, decoded),
  };
  if (text(xml, 'IsTruncated') === 'true') {
    const keyMarker = decoded(text(xml, 'NextKeyMarker') ?? '');
    const versionIdMarker = text(xml, 'NextVersionIdMarker');
    page.next = versionIdMarker === undefined ? { keyMarker } : { keyMarker, versionIdMarker };
  }
  return page;
}

/** Undefined when this is not a listing of uploads. */
export function uploadPage(xml: string): ListedUpload[] | undefined {
  if (!xml.includes('<ListMultipartUploadsResult')) return undefined;
  const decoded = keyDecoder(xml);
  return elements(xml, 'Upload').map((entry) => ({
    key: decoded(text(entry, 'Key') ?? ''),
    uploadId: text(entry, 'UploadId') ?? '',
    initiated: Date.parse(text(entry, 'Initiated') ?? '') || 0,
  }));
}

function prefixesOf(xml: string, decoded: (key: string) => string): string[] {
  return elements(xml, 'CommonPrefixes').map((entry) => decoded(text(entry, 'Prefix') ?? ''));
}

/** Some stores ignore `encoding-type` and then do not echo it. */
function keyDecoder(xml: string): (key: string) => string {
  return text(xml, 'EncodingType') === 'url' ? decodeListed : (key) => key;
}
