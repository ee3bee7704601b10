// The metrics of mounts as Prometheus reads them, by the names that S3 Files' metrics have in CloudWatch.
//
// What S3 Files counts as sum and number of samples is a summary here: `DataReadBytes_sum` and `_count`.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import type { FileSystemMetrics } from '@moorage/stack/control';

export interface MeasuredMount {
  readonly mountPoint: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly metrics: FileSystemMetrics;
}

type Gauge = Exclude<keyof FileSystemMetrics, 'fileSystemId' | 'traffic'>;
type Traffic = keyof FileSystemMetrics['traffic'];

const GAUGES: readonly (readonly [string, Gauge, string])[] = [
  [
    'StorageBytes',
    'storageBytes',
    'Bytes of content and of names and attributes on the local disk.',
  ],
  ['Inodes', 'inodes', 'Files, directories and symbolic links that are known.'],
  ['PendingExports', 'pendingExports', 'Files, directories and deletions that are not in S3 yet.'],
  ['ImportFailures', 'importFailures', 'Keys in S3 that cannot be shown as files.'],
  [
    'ExportFailures',
    'exportFailures',
    'Files that cannot be exported; see moorage status --failures.',
  ],
  [
    'ImportAge',
    'importAgeSeconds',
    'Seconds since the oldest change in S3 was told that is not visible.',
  ],
  ['ExportAge', 'exportAgeSeconds', 'Seconds since the oldest change that is not in S3.'],
  ['LostAndFoundFiles', 'lostAndFoundFiles', 'Files that lost against the bucket and are kept.'],
  ['ClientConnections', 'clientConnections', 'Connections to kernels.'],
];

const TRAFFIC: readonly (readonly [string, Traffic, string])[] = [
  ['DataReadBytes', 'dataRead', 'Bytes of files that were read, and the number of reads.'],
  ['DataWriteBytes', 'dataWrite', 'Bytes of files that were written, and the number of writes.'],
  [
    'MetadataReadBytes',
    'metadataRead',
    'Bytes of answers about names and attributes, and their number.',
  ],
  [
    'MetadataWriteBytes',
    'metadataWrite',
    'Bytes of requests to change names and attributes, and their number.',
  ],
];

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function exposition(mounts: readonly MeasuredMount[]): string {
  const lines: string[] = [];
  for (const [name, field, help] of GAUGES) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const mount of mounts) lines.push(`${name}${labels(mount)} ${mount.metrics[field]}`);
  }
  for (const [name, field, help] of TRAFFIC) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} summary`);
    for (const mount of mounts) {
      const { bytes, operations } = mount.metrics.traffic[field];
      lines.push(
        `${name}_sum${labels(mount)} ${bytes}`,
        `${name}_count${labels(mount)} ${operations}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function labels({ metrics, bucket, prefix, mountPoint }: MeasuredMount): string {
  const pairs = Object.entries({
    FileSystemId: metrics.fileSystemId,
    bucket,
    prefix,
    mount_point: mountPoint,
  });
  return `{${pairs.map(([name, value]) => `${name}="${escape(value)}"`).join(',')}}`;
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
