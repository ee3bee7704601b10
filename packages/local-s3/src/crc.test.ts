import { describe, expect, it } from 'vitest';
import { joinCrc, startCrc } from './crc.ts';
import type { CrcName } from './crc.ts';

function crc(name: CrcName, ...pieces: (string | Buffer)[]): string {
  const running = startCrc(name);
  for (const piece of pieces) running.update(Buffer.from(piece));
  return running.digest().toString('hex');
}

describe('cyclic checksums', () => {
  // The check values of the catalogue of parametrised CRC algorithms.
  it.each([
    ['CRC32', 'cbf43926'],
    ['CRC32C', 'e3069283'],
    ['CRC64NVME', 'ae8b14860a799888'],
  ] as const)('%s of 123456789', (name, expected) => {
    expect(crc(name, '123456789')).toBe(expected);
    expect(crc(name, '1', '2345', '', '6789')).toBe(expected);
  });

  it.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)('%s of parts joins', (name) => {
    const data = Buffer.from(Array.from({ length: 100_003 }, (_, i) => (i * i) % 256));
    for (const cut of [0, 1, 8, 4096, 65_537, data.length]) {
      const [first, second] = [data.subarray(0, cut), data.subarray(cut)];
      const joined = joinCrc(
        name,
        Buffer.from(crc(name, first), 'hex'),
        Buffer.from(crc(name, second), 'hex'),
        second.length,
      );
      expect(joined.toString('hex')).toBe(crc(name, data));
    }
  });
});
