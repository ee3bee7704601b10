import { expect, test } from 'vitest';
import { identityOf } from './identity.ts';

test('root of the machine keeps all owners; anybody else is the only one there is', () => {
  expect(identityOf(0, 0, '         0          0 4294967295\n')).toEqual({ kind: 'own' });
  expect(identityOf(0, 0, '0 1000 1\n1 100000 65536\n')).toEqual({ kind: 'own' });
  expect(identityOf(0, 0, '         0       1000          1\n')).toEqual({
    kind: 'single',
    uid: 0,
    gid: 0,
  });
  expect(identityOf(1000, 100, '0 0 4294967295\n')).toEqual({
    kind: 'single',
    uid: 1000,
    gid: 100,
  });
});
