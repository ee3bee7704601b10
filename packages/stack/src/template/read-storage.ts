// Buckets, file systems and access points of a template (`AWS::S3::Bucket`, `AWS::S3Files::*`).
import {
  checkDocument,
  exportMsMax,
  sizeLessThanMax,
  type ExportDataRule,
  type ImportDataRule,
  type SynchronizationDocument,
} from '@moorage/file-system/configuration';
import type { Fields } from './fields.ts';
import { accessPointArn, fileSystemArn, fileSystemId, type Place } from './names.ts';
import type { AccessPointPlan, BucketPlan, FileSystemPlan } from './plan.ts';

const POSIX_ID = { min: 0, max: 2 ** 32 - 1 };
const PREFIX = { test: /^(|.*\/)$/, says: 'must be empty or end in /' };

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
  metadata: Fields | undefined,
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
  const prefix = fields.optionalString('Prefix', PREFIX);
  const synchronization = readSynchronization(fields, metadata);
  fields.ignore(['RoleArn', 'KmsKeyId', 'ClientToken', 'AcceptBucketWarning', 'Tags']);
  fields.end();
  const id = fileSystemId('fs', place, logicalId);
  return {
    logicalId,
    id,
    arn: fileSystemArn(place, id),
    bucket: bucket.logicalId,
    prefix: prefix ?? '',
    synchronization,
  };
}

/** The same checks as when it is put while the file system is in use. */
function readSynchronization(
  fields: Fields,
  metadata: Fields | undefined,
): SynchronizationDocument | undefined {
  const configuration = fields.optionalFields('SynchronizationConfiguration');
  const moorage = metadata?.optionalFields('Moorage');
  const exportRules = moorage?.fieldsList('ExportDataRules').map(readExportRule);
  moorage?.end();
  if (configuration === undefined) {
    if (exportRules !== undefined)
      fields.fail(
        metadata!.where('Moorage'),
        'ExportDataRules need a SynchronizationConfiguration among the properties',
      );
    return undefined;
  }
  const document: SynchronizationDocument = {
    importDataRules: configuration.fieldsList('ImportDataRules').map(readImportRule),
    expirationDataRules: configuration.fieldsList('ExpirationDataRules').map((rule) => {
      const daysAfterLastAccess = rule.integer('DaysAfterLastAccess', { min: 1, max: 365 });
      rule.end();
      return { daysAfterLastAccess };
    }),
  };
  if (exportRules !== undefined) document.moorageExportDataRules = exportRules;
  configuration.ignore(['LatestVersionNumber']);
  configuration.end();
  try {
    return checkDocument(document);
  } catch (error) {
    fields.fail(fields.where('SynchronizationConfiguration'), (error as Error).message);
  }
}

/** Not S3 Files': in `Metadata: Moorage: ExportDataRules`, which AWS does not look at. */
function readExportRule(rule: Fields): ExportDataRule {
  const read: ExportDataRule = {
    prefix: rule.string('Prefix', PREFIX),
    quietMs: rule.integer('QuietMs', { min: 0, max: exportMsMax }),
    maxAgeMs: rule.integer('MaxAgeMs', { min: 0, max: exportMsMax }),
  };
  rule.end();
  return read;
}

function readImportRule(rule: Fields): ImportDataRule {
  const read: ImportDataRule = {
    prefix: rule.string('Prefix', PREFIX),
    trigger:
      rule.optionalChoice('Trigger', ['ON_DIRECTORY_FIRST_ACCESS', 'ON_FILE_ACCESS'] as const) ??
      rule.fail(rule.at, `${rule.what} lacks the property Trigger`),
    sizeLessThan: rule.integer('SizeLessThan', { min: 0, max: sizeLessThanMax }),
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
