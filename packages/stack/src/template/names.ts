// Names and ARNs of what a template declares. They depend on the stack's name and the logical id
// only, so a function sees the same ones every time and in every process.
import { createHash } from 'node:crypto';

export interface Place {
  readonly stackName: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
}

/** `fs-` or `fsap-` and 17 hex digits. */
export function fileSystemId(kind: 'fs' | 'fsap', place: Place, logicalId: string): string {
  const hash = createHash('sha256').update(`${place.stackName}/${kind}/${logicalId}`).digest('hex');
  return `${kind}-${hash.slice(0, 17)}`;
}

export function fileSystemArn(place: Place, id: string): string {
  return `arn:aws:s3files:${place.region}:${place.accountId}:file-system/${id}`;
}

export function accessPointArn(fileSystem: string, id: string): string {
  return `${fileSystem}/access-point/${id}`;
}

export function functionName(place: Place, logicalId: string): string {
  return `${place.stackName}-${logicalId}`;
}

export function functionArn(place: Place, name: string): string {
  return `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;
}

export function layerArn(place: Place, logicalId: string): string {
  const name = `${place.stackName}-${logicalId}`;
  return `arn:aws:lambda:${place.region}:${place.accountId}:layer:${name}:1`;
}

/** As CloudFormation makes them: lower case, without the random end. */
export function bucketName(place: Place, logicalId: string): string {
  return `${place.stackName}-${logicalId}`
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 63);
}

export function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}
