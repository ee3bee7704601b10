// The resource types a template may hold: those brought up here, and those that only AWS needs.

export const LIVE_TYPES = [
  'AWS::S3::Bucket',
  'AWS::S3Files::FileSystem',
  'AWS::S3Files::AccessPoint',
  'AWS::Serverless::LayerVersion',
  'AWS::Serverless::Function',
] as const;

export type LiveType = (typeof LIVE_TYPES)[number];

/**
 * Needed on AWS, without a meaning on one machine: permissions, networks, log groups, alarms.
 * A template with these is accepted and they are left alone; everything else unknown is an error,
 * because leaving out a queue or a table silently would make a different application.
 */
const AWS_ONLY_TYPES: readonly RegExp[] = [
  /^AWS::IAM::/,
  /^AWS::EC2::/,
  /^AWS::S3Files::(MountTarget|FileSystemPolicy)$/,
  /^AWS::S3::BucketPolicy$/,
  /^AWS::Logs::LogGroup$/,
  /^AWS::CloudWatch::/,
  /^AWS::KMS::(Key|Alias)$/,
  /^AWS::Lambda::Permission$/,
];

export function isLiveType(type: string): type is LiveType {
  return (LIVE_TYPES as readonly string[]).includes(type);
}

export function isAwsOnlyType(type: string): boolean {
  return AWS_ONLY_TYPES.some((pattern) => pattern.test(type));
}

/** What a message offers for an unknown type. */
export const TYPE_EXAMPLES: readonly string[] = [
  ...LIVE_TYPES,
  'AWS::S3Files::MountTarget',
  'AWS::S3Files::FileSystemPolicy',
  'AWS::IAM::Role',
  'AWS::EC2::VPC',
  'AWS::Logs::LogGroup',
];
