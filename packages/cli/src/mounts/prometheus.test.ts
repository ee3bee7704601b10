import { expect, test } from 'vitest';
import { exposition } from './prometheus.ts';

test('one block a metric, one line a mount, values escaped', () => {
  const none = { bytes: 0, operations: 0 };
  const text = exposition([
    {
      mountPoint: '/mnt/"a"\\b',
      bucket: 'work',
      prefix: '',
      metrics: {
        fileSystemId: 'fs-0',
        storageBytes: 4096,
        inodes: 3,
        pendingExports: 2,
        importFailures: 1,
        exportFailures: 0,
        importAgeSeconds: 0.25,
        exportAgeSeconds: 7,
        lostAndFoundFiles: 0,
        clientConnections: 1,
        traffic: {
          dataRead: { bytes: 5, operations: 2 },
          dataWrite: none,
          metadataRead: none,
          metadataWrite: none,
        },
      },
    },
  ]);
  const labels = String.raw`{FileSystemId="fs-0",bucket="work",prefix="",mount_point="/mnt/\"a\"\\b"}`;
  expect(text).toContain(`# TYPE ImportAge gauge\nImportAge${labels} 0.25\n# HELP ExportAge `);
  expect(text).toContain(
    `# TYPE DataReadBytes summary\nDataReadBytes_sum${labels} 5\nDataReadBytes_count${labels} 2\n`,
  );
  const names = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
  expect(names).toEqual([
    'StorageBytes',
    'Inodes',
    'PendingExports',
    'ImportFailures',
    'ExportFailures',
    'ImportAge',
    'ExportAge',
    'LostAndFoundFiles',
    'ClientConnections',
    'DataReadBytes',
    'DataWriteBytes',
    'MetadataReadBytes',
    'MetadataWriteBytes',
  ]);
});
