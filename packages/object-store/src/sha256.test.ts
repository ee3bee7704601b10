import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from './sha256.ts';

const key = Buffer.from('a key of bytes');

test.each<[string, (string | Uint8Array)[]]>([
  ['nothing', []],
  ['one text', ['é']],
  ['several pieces', ['é', new Uint8Array([1, 2, 3]), 'end']],
])('%s: as Node hashes it, with and without a key', async (_, pieces) => {
  const all = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
  const digest = async (secret?: string | Uint8Array): Promise<Buffer> => {
    const hash = new Sha256(secret);
    for (const piece of pieces) hash.update(piece);
    return Buffer.from(await hash.digest());
  };
  expect(await digest()).toEqual(createHash('sha256').update(all).digest());
  for (const secret of ['a text', key, key])
    expect(await digest(secret)).toEqual(createHmac('sha256', secret).update(all).digest());
});

test('a part of a larger buffer is hashed alone', async () => {
  const large = Buffer.from('before middle after');
  const middle = new DataView(large.buffer, large.byteOffset + 7, 6);
  const hash = new Sha256();
  hash.update(middle);
  expect(Buffer.from(await hash.digest())).toEqual(createHash('sha256').update('middle').digest());
});
