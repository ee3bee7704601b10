import { expect, test } from 'vitest';
import { ownCommand } from './own-command.ts';

test('a line to copy works where the command was started', () => {
  const npm = { npm_package_name: 'moorage-workspace', npm_lifecycle_event: 'review' };
  expect(ownCommand(npm)).toBe('npm run moorage --');
  expect(ownCommand({})).toBe('moorage');
  expect(ownCommand({ ...npm, npm_package_name: 'another' })).toBe('moorage');
  expect(ownCommand({ ...npm, npm_lifecycle_event: 'test' })).toBe('moorage');
});
