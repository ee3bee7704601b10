// Buckets, file systems and access points of a template (`AWS::S3::Bucket`, `AWS::S3Files::*`).
import type { Fields } from './fields.ts';
import { accessPointArn, fileSystemArn, fileSystemId, type Place } from './names.ts';
import type { AccessPointPlan, BucketPlan, FileSystemPlan, ImportRule } from './plan.ts';

const POSIX_ID = { min: 0, max: 2 ** 32 - 1 };
/** Largest object S3 Files imports (47.9 TiB). */
const IMPORT_BYTES_MAX = 52_673_613_135_872;

/** Reads a bucket. `versioned` is false when the template leaves versioning off. */
export function readBucket(
  logicalId: string,
  fields: Fields,
  bucket: string,
): { plan: BucketPlan; versioned: boolean } {
  fields.optionalString('BucketName');
  const versioning = fields.optionalFields('VersioningConfiguration');
  const status = versioning?.optionalChoice('Status', ['Enabled', 'Suspended'] as const);
  versioning?.end();
  fields.ignore([
    'BucketEncryption',
    'PublicAccessBlockConfiguration',
    'LifecycleConfiguration',
    'NotificationConfiguration',
    'OwnershipControls',
    'Tags',
  ]);
  fields.end();
  return { plan: { logicalId, bucket }, versioned: status === 'Enabled' };
}

export interface DeclaredBucket {
  readonly logicalId: string;
  readonly arn: string;
  readonly versioned: boolean;
}

export function readFileSystem(
  logicalId: string,
  fields: Fields,
  place: Place,
  buckets: readonly DeclaredBucket[],
): FileSystemPlan {
  const arn = fields.string('Bucket');
  const bucket = buckets.find((candidate) => candidate.arn === arn);
  if (!bucket) {
    fields.fail(
      fields.where('Bucket'),
      `Bucket must be the ARN of a bucket of this template (\`!GetAtt Name.Arn\`), not ${JSON.stringify(arn)}`,
    );
  }
  if (!bucket.versioned) {
    fields.fail(
      fields.where('Bucket'),
      `the bucket ${bucket.logicalId} must have versioning enabled: ` +
        'give it `VersioningConfiguration: {Status: Enabled}`',
    );
  }
  const prefix = fields.optionalString('Prefix', {
    test: /^(|.*\/)$/,
    says: 'must be empty or end in /',
  });
  const synchronization = fields.optionalFields('SynchronizationConfiguration');
  const importRules = (synchronization?.fieldsList('ImportDataRules') ?? []).map(readImportRule);
  const expiration = synchronization?.fieldsList('ExpirationDataRules') ?? [];
  if (expiration.length > 1) {
    fields.fail(fields.where('SynchronizationConfiguration'), 'there can be one expiration rule');
  }
  const expireAfterDays = expiration[0]?.integer('DaysAfterLastAccess', { min: 1, max: 365 });
  expiration[0]?.end();
  synchronization?.ignore(['LatestVersionNumber']);
  synchronization?.end();
  fields.ignore(['RoleArn', 'KmsKeyId', 'ClientToken', 'AcceptBucketWarning', 'Tags']);
  fields.end();
  const id = fileSystemId('fs', place, logicalId);
  return {
    logicalId,
    id,
    arn: fileSystemArn(place, id),
    bucket: bucket.logicalId,
    prefix: prefix ?? '',
    importRules,
    expireAfterDays,
  };
}

function readImportRule(rule: Fields): ImportRule {
  const read: ImportRule = {
    prefix: rule.string('Prefix', { test: /^(|.*\/)$/, says: 'must be empty or end in /' }),
    trigger:
      rule.optionalChoice('Trigger', ['ON_DIRECTORY_FIRST_ACCESS', 'ON_FILE_ACCESS'] as const) ??
      rule.fail(rule.at, `${rule.what} lacks the property Trigger`),
    sizeLessThan: rule.integer('SizeLessThan', { min: 0, max: IMPORT_BYTES_MAX }),
  };
  rule.end();
  return read;
}

export function readAccessPoint(
  logicalId: string,
  fields: Fields,
  place: Place,
  fileSystems: readonly FileSystemPlan[],
): AccessPointPlan {
  const reference = fields.string('FileSystemId');
  const fileSystem = fileSystems.find(({ id, arn }) => id === reference || arn === reference);
  if (!fileSystem) {
    fields.fail(
      fields.where('FileSystemId'),
      `FileSystemId must be a file system of this template (\`!GetAtt Name.FileSystemId\`), not ${JSON.stringify(reference)}`,
    );
  }
  const user = fields.optionalFields('PosixUser');
  const posixUser = user && {
    uid: user.integer('Uid', POSIX_ID),
    gid: user.integer('Gid', POSIX_ID),
    secondaryGids: user.strings('SecondaryGids').map((text) => {
      const gid = Number(text);
      if (Number.isInteger(gid) && gid >= 0 && gid <= POSIX_ID.max) return gid;
      return user.fail(user.where('SecondaryGids'), `SecondaryGids holds ${JSON.stringify(text)}`);
    }),
  };
  user?.end();
  const root = fields.optionalFields('RootDirectory');
  const rootPath = root?.optionalString('Path', {
    test: /^\/([^/]+(\/[^/]+){0,3})?$/,
    says: 'must be / or a path of at most four names, such as /runs',
  });
  const creation = root?.optionalFields('CreationPermissions');
  const creationPermissions = creation && {
    uid: creation.integer('OwnerUid', POSIX_ID),
    gid: creation.integer('OwnerGid', POSIX_ID),
    mode: parseInt(
      creation.string('Permissions', {
        test: /^[0-7]{3,4}$/,
        says: 'must be three or four octal digits',
      }),
      8,
    ),
  };
  creation?.end();
  root?.end();
  fields.ignore(['ClientToken', 'Tags']);
  fields.end();
  const id = fileSystemId('fsap', place, logicalId);
  return {
    logicalId,
    id,
    arn: accessPointArn(fileSystem.arn, id),
    fileSystem: fileSystem.logicalId,
    rootPath: rootPath ?? '/',
    posixUser,
    creationPermissions,
  };
}
