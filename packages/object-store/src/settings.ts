/**
 * Where a bucket is and as whom we talk to it, by the rules of the AWS CLI and SDKs. The AWS SDK's providers
 * cost 30 ms to load, so they are imported only when neither the location nor the environment settles it.
 */
import type { BucketLocation, Credentials } from './bucket.ts';
import { S3Error } from './errors.ts';

/** Everything needed to send a request, resolved. */
export interface Settings {
  bucket: string;
  /** No slash at the end. */
  endpoint: string;
  /** Amazon S3 by region, not an endpoint somebody named. */
  isDefaultEndpoint: boolean;
  region: string;
  virtual: boolean;
  /** Asked for each request: providers cache, and renew what expires. */
  credentials: () => Promise<Credentials>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves a location against the environment and the shared AWS configuration files. */
export async function resolveSettings(
  location: BucketLocation,
  env: Environment,
): Promise<Settings> {
  const profileName = location.profile ?? env['AWS_PROFILE'];
  const needsProfile =
    profileName !== undefined || (location.credentials === undefined && !hasStaticKeys(env));
  const profile = needsProfile ? await readProfile(profileName ?? 'default', location, env) : {};
  const region =
    location.region ??
    env['AWS_REGION'] ??
    env['AWS_DEFAULT_REGION'] ??
    profile.region ??
    'us-east-1';
  const ignoresConfigured = env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true';
  const named =
    location.endpoint ??
    (ignoresConfigured
      ? undefined
      : (nonEmpty(env['AWS_ENDPOINT_URL_S3']) ??
        nonEmpty(env['AWS_ENDPOINT_URL']) ??
        profile.endpoint));
  if (named !== undefined && !/^https?:\/\/[^/]/.test(named)) {
    throw new S3Error(
      'InvalidRequest',
      `The S3 endpoint "${named}" is not a URL: write it like https://host:port.`,
    );
  }
  const virtual =
    location.addressing === undefined
      ? named === undefined && !location.bucket.includes('.')
      : location.addressing === 'virtual';
  return {
    bucket: location.bucket,
    endpoint: (named ?? defaultEndpoint(region)).replace(/\/+$/, ''),
    isDefaultEndpoint: named === undefined,
    region,
    virtual,
    credentials: credentialsOf(location, env, profileName),
  };
}

/** Amazon's own endpoint of a region. */
export function defaultEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function credentialsOf(
  location: BucketLocation,
  env: Environment,
  profile: string | undefined,
): () => Promise<Credentials> {
  if (location.credentials !== undefined) {
    const given = location.credentials;
    return () => Promise.resolve(given);
  }
  const accessKeyId = nonEmpty(env['AWS_ACCESS_KEY_ID']);
  const secretAccessKey = nonEmpty(env['AWS_SECRET_ACCESS_KEY']);
  if (
    location.profile === undefined &&
    accessKeyId !== undefined &&
    secretAccessKey !== undefined
  ) {
    const sessionToken = nonEmpty(env['AWS_SESSION_TOKEN']);
    const found: Credentials = { accessKeyId, secretAccessKey };
    if (sessionToken !== undefined) found.sessionToken = sessionToken;
    return () => Promise.resolve(found);
  }
  let provider: Promise<() => Promise<Credentials>> | undefined;
  return async () => {
    provider ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) =>
      defaultProvider(profile === undefined ? {} : { profile }),
    );
    try {
      return await (
        await provider
      )();
    } catch (error) {
      throw new S3Error('MissingCredentials', missingCredentials(profile, error));
    }
  };
}

function missingCredentials(profile: string | undefined, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const where = profile === undefined ? '' : ` for the profile "${profile}"`;
  return (
    `No AWS credentials were found${where} (${reason}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ` +
    'or name a profile of ~/.aws/config with AWS_PROFILE.'
  );
}

interface Profile {
  region?: string;
  endpoint?: string;
}

async function readProfile(
  name: string,
  location: BucketLocation,
  env: Environment,
): Promise<Profile> {
  const { loadSharedConfigFiles } = await import('@smithy/shared-ini-file-loader');
  const { configFile, credentialsFile } = await loadSharedConfigFiles();
  const section = { ...credentialsFile[name], ...configFile[name] };
  const asked = location.profile ?? env['AWS_PROFILE'];
  if (
    asked !== undefined &&
    configFile[name] === undefined &&
    credentialsFile[name] === undefined
  ) {
    throw new S3Error(
      'MissingCredentials',
      `The AWS profile "${name}" is neither in ~/.aws/config nor in ~/.aws/credentials.`,
    );
  }
  const services = section['services'];
  const ofService =
    services === undefined ? undefined : configFile[`services.${services}`]?.['s3.endpoint_url'];
  const endpoint = ofService ?? section['endpoint_url'];
  const profile: Profile = {};
  if (section['region'] !== undefined) profile.region = section['region'];
  if (endpoint !== undefined) profile.endpoint = endpoint;
  return profile;
}

function hasStaticKeys(env: Environment): boolean {
  return (
    nonEmpty(env['AWS_ACCESS_KEY_ID']) !== undefined &&
    nonEmpty(env['AWS_SECRET_ACCESS_KEY']) !== undefined
  );
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
