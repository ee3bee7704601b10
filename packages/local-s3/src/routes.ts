/**
 * Which operation a request is. An operation is chosen by method, level and one query parameter.
 * Parameters an operation does not know are refused, never ignored: an operation that is not here
 * must not turn into another one (a rename into an overwrite, say).
 */
import {
  createBucket,
  deleteBucket,
  deleteDocument,
  fixedDocument,
  getAcl,
  getDocument,
  getLocation,
  getVersioning,
  headBucket,
  listBuckets,
  notConfigured,
  putBucketTagging,
  putLifecycle,
  putVersioning,
  showTags,
  streamChanges,
} from './bucket-handlers.ts';
import { header } from './exchange.ts';
import type { Exchange, Handler } from './exchange.ts';
import { listObjects, listObjectsV2, listVersions } from './list-handlers.ts';
import {
  abortUpload,
  completeUpload,
  createUpload,
  listParts,
  listUploads,
  uploadPart,
} from './multipart.ts';
import { readAttributes, readObject, readParameters } from './read-object.ts';
import { S3Failure } from './s3-error.ts';
import {
  copyObject,
  deleteObject,
  deleteObjects,
  deleteTagging,
  getTagging,
  putObject,
  putTagging,
} from './write-object.ts';

interface Operation {
  /** The query parameter that chooses it; '' = none of the others was there. */
  readonly selector: string;
  readonly handle: Handler;
  readonly parameters: readonly string[];
}

type Level = 'service' | 'bucket' | 'object';

function operation(
  selector: string,
  handle: Handler,
  parameters: readonly string[] = [],
): Operation {
  return { selector, handle, parameters };
}

const list = ['prefix', 'delimiter', 'encoding-type', 'max-keys'];

function putOrCopy(x: Exchange): ReturnType<Handler> {
  return header(x, 'x-amz-copy-source') === undefined ? putObject(x) : copyObject(x);
}

const operations: Readonly<Record<Level, Readonly<Record<string, readonly Operation[]>>>> = {
  service: {
    GET: [
      operation('', listBuckets, ['max-buckets', 'prefix', 'continuation-token', 'bucket-region']),
    ],
  },
  bucket: {
    GET: [
      operation('moorage-events', streamChanges),
      operation('list-type', listObjectsV2, [
        ...list,
        'continuation-token',
        'start-after',
        'fetch-owner',
      ]),
      operation('versions', listVersions, [...list, 'key-marker', 'version-id-marker']),
      operation('uploads', listUploads, [
        'prefix',
        'delimiter',
        'encoding-type',
        'max-uploads',
        'key-marker',
        'upload-id-marker',
      ]),
      operation('location', getLocation),
      operation('versioning', getVersioning),
      operation(
        'lifecycle',
        getDocument('lifecycle', 'NoSuchLifecycleConfiguration', (stored) => stored),
      ),
      operation('tagging', getDocument('tagging', 'NoSuchTagSet', showTags)),
      operation('acl', getAcl),
      operation('policy', notConfigured('NoSuchBucketPolicy')),
      operation('cors', notConfigured('NoSuchCORSConfiguration')),
      operation('website', notConfigured('NoSuchWebsiteConfiguration')),
      operation('replication', notConfigured('ReplicationConfigurationNotFoundError')),
      operation('object-lock', notConfigured('ObjectLockConfigurationNotFoundError')),
      operation('ownershipControls', notConfigured('OwnershipControlsNotFoundError')),
      operation('publicAccessBlock', notConfigured('NoSuchPublicAccessBlockConfiguration')),
      operation('encryption', notConfigured('ServerSideEncryptionConfigurationNotFoundError')),
      operation('notification', fixedDocument('NotificationConfiguration', '')),
      operation('logging', fixedDocument('BucketLoggingStatus', '')),
      operation('accelerate', fixedDocument('AccelerateConfiguration', '')),
      operation(
        'requestPayment',
        fixedDocument('RequestPaymentConfiguration', '<Payer>BucketOwner</Payer>'),
      ),
      operation('', listObjects, [...list, 'marker']),
    ],
    HEAD: [operation('', headBucket)],
    PUT: [
      operation('versioning', putVersioning),
      operation('lifecycle', putLifecycle),
      operation('tagging', putBucketTagging),
      operation('', createBucket),
    ],
    POST: [operation('delete', deleteObjects)],
    DELETE: [
      operation('lifecycle', deleteDocument('lifecycle')),
      operation('tagging', deleteDocument('tagging')),
      operation('', deleteBucket),
    ],
  },
  object: {
    GET: [
      operation('tagging', getTagging, ['versionId']),
      operation('acl', getAcl, ['versionId']),
      operation('attributes', readAttributes, ['versionId']),
      operation('uploadId', listParts, ['max-parts', 'part-number-marker', 'encoding-type']),
      operation('', readObject, readParameters),
    ],
    HEAD: [operation('', readObject, readParameters)],
    PUT: [
      operation('tagging', putTagging, ['versionId']),
      operation('uploadId', uploadPart, ['partNumber']),
      operation('', putOrCopy),
    ],
    POST: [operation('uploads', createUpload), operation('uploadId', completeUpload)],
    DELETE: [
      operation('tagging', deleteTagging, ['versionId']),
      operation('uploadId', abortUpload),
      operation('', deleteObject, ['versionId']),
    ],
  },
};

/** The handler of a request; throws MethodNotAllowed or NotImplemented. */
export function route(x: Exchange): Handler {
  const { bucket, key, query } = x.target;
  const level: Level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const candidates = operations[level][x.method];
  if (candidates === undefined) throw new S3Failure('MethodNotAllowed');
  const found = candidates.find(({ selector }) => selector === '' || query.has(selector));
  if (found === undefined) throw new S3Failure('NotImplemented');
  for (const name of query.keys()) {
    if (name === found.selector || name === 'x-id' || found.parameters.includes(name)) continue;
    if (/^x-amz-/i.test(name)) continue;
    throw new S3Failure('NotImplemented', {
      message: `The query parameter '${name}' asks for functionality that is not implemented.`,
      details: { ResourceType: name },
    });
  }
  return found.handle;
}
