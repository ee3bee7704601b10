/** Operations on buckets and on the service; the change stream. */
import { isBucketName } from './bucket-name.ts';
import { xmlAnswer } from './exchange.ts';
import type { Answer, Exchange, Handler } from './exchange.ts';
import type { DocumentKind } from './bucket-table.ts';
import { refuseUnsupported } from './object-headers.ts';
import { receiveDocument } from './receive-body.ts';
import { S3Failure } from './s3-error.ts';
import type { S3ErrorCode } from './s3-error.ts';
import { parseTagDocument, tagDocument } from './tagging.ts';
import { childText, childrenNamed, element, parseXml, xmlDocument } from './xml.ts';

/** ListBuckets; the token is the name of the last bucket. */
export function listBuckets(x: Exchange): Answer {
  const { query } = x.target;
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token') ?? '';
  const region = query.get('bucket-region') ?? x.region;
  const most = query.get('max-buckets') ?? '10000';
  if (!/^\d{1,5}$/.test(most) || Number(most) < 1) throw new S3Failure('InvalidArgument');
  const found = x.store.buckets
    .list()
    .filter(({ name }) => region === x.region && name.startsWith(prefix) && name > token);
  const page = found.slice(0, Number(most));
  let inner = '';
  for (const { name, created } of page) {
    inner += `<Bucket>${element('Name', name)}${element('CreationDate', new Date(created).toISOString())}${element('BucketRegion', x.region)}</Bucket>`;
  }
  const more =
    page.length < found.length ? element('ContinuationToken', page.at(-1)?.name ?? '') : '';
  return xmlAnswer(
    xmlDocument(
      'ListAllMyBucketsResult',
      `<Owner><ID>local</ID><DisplayName>local</DisplayName></Owner><Buckets>${inner}</Buckets>${more}`,
    ),
  );
}

/** CreateBucket. */
export async function createBucket(x: Exchange): Promise<Answer> {
  refuseUnsupported(x);
  const { bucket: name } = x.target;
  if (!isBucketName(name)) {
    throw new S3Failure('InvalidBucketName', { details: { BucketName: name } });
  }
  const body = await receiveDocument(x);
  if (body.length > 0) {
    const region = childText(parseXml(body, 'CreateBucketConfiguration'), 'LocationConstraint');
    if (region !== undefined && region !== '' && region !== x.region) {
      throw new S3Failure('IllegalLocationConstraintException', {
        message: `The ${region} location constraint is incompatible for the region specific endpoint this request was sent to (${x.region}).`,
      });
    }
  }
  x.store.buckets.create(name, x.clock());
  await x.store.database.settled();
  return { status: 200, headers: { location: `/${name}` } };
}

/** DeleteBucket. */
export async function deleteBucket(x: Exchange): Promise<Answer> {
  x.store.buckets.remove(x.target.bucket, (bucket) => x.store.uploads.abortAll(bucket));
  await x.store.database.settled();
  return { status: 204 };
}

/** HeadBucket. */
export function headBucket(x: Exchange): Answer {
  x.store.buckets.get(x.target.bucket);
  return { status: 200, headers: { 'x-amz-bucket-region': x.region } };
}

/** GetBucketLocation: empty means us-east-1. */
export function getLocation(x: Exchange): Answer {
  x.store.buckets.get(x.target.bucket);
  return xmlAnswer(xmlDocument('LocationConstraint', x.region === 'us-east-1' ? '' : x.region));
}

/** GetBucketVersioning. */
export function getVersioning(x: Exchange): Answer {
  const { versioning } = x.store.buckets.get(x.target.bucket);
  return xmlAnswer(
    xmlDocument('VersioningConfiguration', versioning === '' ? '' : element('Status', versioning)),
  );
}

/** PutBucketVersioning. */
export async function putVersioning(x: Exchange): Promise<Answer> {
  const document = parseXml(await receiveDocument(x), 'VersioningConfiguration');
  const status = childText(document, 'Status');
  if (childText(document, 'MfaDelete') === 'Enabled') throw new S3Failure('NotImplemented');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Failure('MalformedXML');
  x.store.buckets.setVersioning(x.target.bucket, status);
  await x.store.database.settled();
  return { status: 200 };
}

/** PutBucketLifecycleConfiguration: kept and given back; nothing here expires by itself. */
export async function putLifecycle(x: Exchange): Promise<Answer> {
  const body = await receiveDocument(x);
  const rules = childrenNamed(parseXml(body, 'LifecycleConfiguration'), 'Rule');
  const ids = new Set<string>();
  if (rules.length === 0 || rules.length > 1000) throw new S3Failure('MalformedXML');
  for (const rule of rules) {
    const status = childText(rule, 'Status');
    if (status !== 'Enabled' && status !== 'Disabled') throw new S3Failure('MalformedXML');
    const id = childText(rule, 'ID');
    if (id === undefined) continue;
    if (id.length > 255 || ids.has(id)) {
      throw new S3Failure('InvalidArgument', { message: 'Rule ids must be unique and short.' });
    }
    ids.add(id);
  }
  x.store.buckets.putDocument(x.target.bucket, 'lifecycle', body.toString());
  await x.store.database.settled();
  return { status: 200 };
}

/** PutBucketTagging. */
export async function putBucketTagging(x: Exchange): Promise<Answer> {
  const tags = parseTagDocument(await receiveDocument(x), 50);
  x.store.buckets.putDocument(x.target.bucket, 'tagging', tags);
  await x.store.database.settled();
  return { status: 204 };
}

/** Gives back a stored document. */
export function getDocument(
  kind: DocumentKind,
  missing: S3ErrorCode,
  show: (stored: string) => string,
): Handler {
  return (x) => {
    const stored = x.store.buckets.document(x.target.bucket, kind);
    if (stored === undefined) throw new S3Failure(missing);
    return xmlAnswer(show(stored));
  };
}

/** Shows stored tags. */
export const showTags: (stored: string) => string = tagDocument;

/** Removes a stored document. */
export function deleteDocument(kind: DocumentKind): Handler {
  return async (x) => {
    x.store.buckets.deleteDocument(x.target.bucket, kind);
    await x.store.database.settled();
    return { status: 204 };
  };
}

/** A configuration no bucket here can have: the answer Amazon S3 gives when there is none. */
export function notConfigured(code: S3ErrorCode): Handler {
  return (x) => {
    x.store.buckets.get(x.target.bucket);
    throw new S3Failure(code);
  };
}

/** A configuration that is always the default. */
export function fixedDocument(root: string, inner: string): Handler {
  return (x) => {
    x.store.buckets.get(x.target.bucket);
    return xmlAnswer(xmlDocument(root, inner));
  };
}

const grantee =
  '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>local</ID><DisplayName>local</DisplayName></Grantee>';

/** GetBucketAcl and GetObjectAcl: the owner has full control, nobody else any. */
export function getAcl(x: Exchange): Answer {
  const bucket = x.store.buckets.get(x.target.bucket);
  if (x.target.key !== '') {
    x.store.versions.readable(bucket, x.target.key, x.target.query.get('versionId'));
  }
  return xmlAnswer(
    xmlDocument(
      'AccessControlPolicy',
      `<Owner><ID>local</ID><DisplayName>local</DisplayName></Owner><AccessControlList><Grant>${grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>`,
    ),
  );
}

/** `GET /bucket?moorage-events`: lines of JSON, from now on, until either side ends it. */
export function streamChanges(x: Exchange): Answer {
  const bucket = x.store.buckets.get(x.target.bucket);
  return {
    status: 200,
    headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
    feed: (send) => x.store.feed.subscribe(bucket.id, send),
  };
}
