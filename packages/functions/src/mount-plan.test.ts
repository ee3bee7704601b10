import { expect, test } from 'vitest';

import { fstab } from './mount-plan.ts';

const plan = { stage: '/run/stage', binds: [], covered: [], kept: [] };

const entries = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(' ').slice(0, 2).join(' '));

test('binds are staged, then /mnt is replaced', () => {
  const text = fstab({ ...plan, binds: [{ source: '/srv/a', target: '/mnt/a' }] });
  expect(entries(text)).toEqual([
    'tmpfs /run/stage',
    'tmpfs /run/stage/.tmp',
    '/srv/a /run/stage/a',
    '/run/stage /mnt',
  ]);
});

test('what must stay is taken before its parent is covered, and put back after', () => {
  const text = fstab({ ...plan, covered: ['/root', '/root/deep'], kept: ['/root/app', '/opt/x'] });
  expect(entries(text).slice(2)).toEqual([
    '/root/app /run/stage/.kept/0',
    '/run/stage /mnt',
    'tmpfs /root',
    '/mnt/.kept/0 /root/app',
  ]);
});

test('a directory hidden inside one that stays is covered again', () => {
  const text = fstab({ ...plan, covered: ['/root', '/root/app/state'], kept: ['/root/app'] });
  expect(entries(text).at(-1)).toBe('tmpfs /root/app/state');
});

test('code below /mnt survives', () => {
  const text = fstab({ ...plan, kept: ['/mnt/disk/app'] });
  expect(entries(text).at(-1)).toBe('/mnt/.kept/0 /mnt/disk/app');
});

test('names that would break the table are escaped', () => {
  const text = fstab({ ...plan, binds: [{ source: '/a b\t#\\', target: '/mnt/a' }] });
  expect(text).toContain('/a\\040b\\011\\043\\134 /run/stage/a none');
});
