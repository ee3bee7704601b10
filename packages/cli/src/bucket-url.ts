// `s3://bucket/prefix` as the user writes it.
import { usageError } from './command-line/outcome.ts';

export interface BucketUrl {
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly prefix: string;
}

/** Throws a usage error for anything else. */
export function parseBucketUrl(text: string): BucketUrl {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/i.exec(text);
  const [, bucket, path = ''] = match ?? [];
  if (bucket === undefined) {
    throw usageError(
      `${JSON.stringify(text)} is not a bucket's address.`,
      'Write it as s3://bucket or s3://bucket/prefix.',
    );
  }
  if (path.split('/').some((part, index, parts) => part === '' && index < parts.length - 1)) {
    throw usageError(`${JSON.stringify(text)} has an empty part in its prefix.`);
  }
  return { bucket, prefix: path === '' || path.endsWith('/') ? path : `${path}/` };
}

/** `--endpoint`: an http or https address without a path. Throws a usage error. */
export function checkEndpoint(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usageError(
      `--endpoint ${JSON.stringify(text)} is not an address.`,
      'For example http://127.0.0.1:9000',
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw usageError('--endpoint must start with http:// or https://.');
  }
  return text.replace(/\/+$/, '');
}
