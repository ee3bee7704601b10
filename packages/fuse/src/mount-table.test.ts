import { expect, test } from 'vitest';
import { readMounts } from './mount-table.ts';

test('mounts are read with their blanks', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '98 22 0:39 / /tmp/a\\040b\\134c ro,nosuid,nodev master:2 - fuse.moorage s3://bucket/x\\040y rw,user_id=0',
    '',
  ].join('\n');
  expect(readMounts(text)).toEqual([
    { mountPoint: '/', type: 'ext4', source: '/dev/vda', device: '254:0', readOnly: false },
    {
      mountPoint: '/tmp/a b\\c',
      type: 'fuse.moorage',
      source: 's3://bucket/x y',
      device: '0:39',
      readOnly: true,
    },
  ]);
});
