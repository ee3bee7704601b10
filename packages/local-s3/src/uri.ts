/** Percent coding as Signature Version 4 wants it, and the target of a request taken apart. */
import { S3Failure } from './s3-error.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const plainComponent = /^[A-Za-z0-9\-._~]*$/;
const plainPath = /^[A-Za-z0-9\-._~/]*$/;

/** Percent-decodes to a string; refuses broken escapes and bytes that are not UTF-8. */
export function percentDecode(raw: string): string {
  if (!raw.includes('%')) {
    if (/[^\u0021-\u007e]/.test(raw)) throw new S3Failure('InvalidURI');
    return raw;
  }
  const bytes = new Uint8Array(raw.length);
  let n = 0;
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i);
    if (code === 0x25) {
      const hex = raw.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw new S3Failure('InvalidURI');
      code = parseInt(hex, 16);
      i += 2;
    } else if (code > 0x7e || code < 0x21) {
      throw new S3Failure('InvalidURI');
    }
    bytes[n++] = code;
  }
  try {
    return utf8.decode(bytes.subarray(0, n));
  } catch {
    throw new S3Failure('InvalidURI', { message: 'The key is not valid UTF-8.' });
  }
}

/** Percent-encodes everything but unreserved characters (and `/` where asked). */
export function percentEncode(text: string, keepSlash: boolean): string {
  if ((keepSlash ? plainPath : plainComponent).test(text)) return text;
  let encoded = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (keepSlash) encoded = encoded.replaceAll('%2F', '/');
  return encoded;
}

/** What a request line addresses. */
export interface Target {
  /** '' for the service itself. */
  readonly bucket: string;
  /** '' for the bucket itself; else 1 to 1,024 bytes of UTF-8. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  /** Path as Signature Version 4 canonicalises it for S3: decoded once, encoded once, `..` kept. */
  readonly canonicalPath: string;
  /** All parameters, encoded, not yet sorted. */
  readonly queryPairs: readonly (readonly [name: string, value: string])[];
}

const noQuery: ReadonlyMap<string, string> = new Map();
const keyBytesMax = 1024;

/** Takes a request target apart; nothing in it is ever a file path. */
export function parseTarget(url: string): Target {
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  if (!rawPath.startsWith('/')) throw new S3Failure('InvalidURI');
  const path = plainPath.test(rawPath) ? rawPath : percentDecode(rawPath);
  const canonicalPath = path === rawPath && plainPath.test(path) ? path : percentEncode(path, true);
  const slash = path.indexOf('/', 1);
  const bucket = slash < 0 ? path.slice(1) : path.slice(1, slash);
  const key = slash < 0 ? '' : path.slice(slash + 1);
  if (key.length * 3 > keyBytesMax && Buffer.byteLength(key) > keyBytesMax) {
    throw new S3Failure('KeyTooLongError', {
      details: { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: String(keyBytesMax) },
    });
  }
  if (mark < 0 || mark === url.length - 1) {
    return { bucket, key, query: noQuery, canonicalPath, queryPairs: [] };
  }
  const query = new Map<string, string>();
  const queryPairs: [string, string][] = [];
  for (const part of url.slice(mark + 1).split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decodeQuery(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : decodeQuery(part.slice(equals + 1));
    if (!query.has(name)) query.set(name, value);
    queryPairs.push([percentEncode(name, false), percentEncode(value, false)]);
  }
  return { bucket, key, query, canonicalPath, queryPairs };
}

function decodeQuery(raw: string): string {
  return percentDecode(raw.includes('+') ? raw.replaceAll('+', '%20') : raw);
}
