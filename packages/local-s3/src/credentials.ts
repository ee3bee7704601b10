/**
 * The one pair of keys of an endpoint, kept beside its data (`credentials.json`, mode 0600) so that
 * a restart keeps its clients. Written by temp + rename: a crash leaves no half file.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An access key id and its secret. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

function isCredentials(value: unknown): value is Credentials {
  const v = value as Partial<Credentials> | null;
  return (
    typeof v === 'object' &&
    v !== null &&
    typeof v.accessKeyId === 'string' &&
    /^[\w.-]{3,128}$/.test(v.accessKeyId) &&
    typeof v.secretAccessKey === 'string' &&
    v.secretAccessKey.length >= 8
  );
}

/** The directory's credentials; `given` ones replace what is stored, else they are made once. */
export function loadCredentials(dir: string, given?: Credentials): Credentials {
  const path = join(dir, 'credentials.json');
  if (given !== undefined) {
    if (!isCredentials(given)) {
      throw new Error(
        'local-s3: the given credentials are not usable: the access key id needs 3 to 128 letters or digits, the secret at least 8 characters',
      );
    }
    return store(path, given);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return store(path, {
      accessKeyId: `LOCAL${randomBytes(10).toString('hex').toUpperCase()}`.slice(0, 20),
      secretAccessKey: randomBytes(30).toString('base64url'),
    });
  }
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    stored = undefined;
  }
  if (!isCredentials(stored)) {
    throw new Error(
      `local-s3: ${path} is not a credentials file; delete it to have new credentials made`,
    );
  }
  chmodSync(path, 0o600);
  return { accessKeyId: stored.accessKeyId, secretAccessKey: stored.secretAccessKey };
}

function store(path: string, credentials: Credentials): Credentials {
  const { accessKeyId, secretAccessKey } = credentials;
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify({ accessKeyId, secretAccessKey })}\n`, {
    mode: 0o600,
  });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
  return { accessKeyId, secretAccessKey };
}
