import { expect, test } from 'vitest';
import { negotiate } from './negotiate.ts';
import { ReplyBuffer } from './reply.ts';
import { RequestBuffer } from './request.ts';

function init(
  major: number,
  minor: number,
  flags: number,
  flags2: number,
): [RequestBuffer, ReplyBuffer] {
  const request = new RequestBuffer();
  [major, minor, 131072, flags, flags2].forEach((value, i) =>
    request.bytes.writeUInt32LE(value >>> 0, 40 + i * 4),
  );
  return [request, new ReplyBuffer()];
}

test('nothing is taken that the kernel does not offer', () => {
  const [request, reply] = init(7, 36, (1 << 1) | (1 << 22), 1 << 7);
  expect(negotiate(request, reply, true)).toEqual({
    minor: 36,
    resend: false,
    kernelKeepsFiles: false,
  });
  expect(reply.bytes.readUInt32LE(16 + 12)).toBe((1 << 1) | (1 << 22));
  expect(reply.bytes.readUInt32LE(16 + 32)).toBe(0);
});

test('a kernel that repeats requests is known to do so', () => {
  const [request, reply] = init(7, 45, -1, -1);
  expect(negotiate(request, reply, true)).toEqual({
    minor: 45,
    resend: true,
    kernelKeepsFiles: false,
  });
  const writebackCache = 1 << 16;
  expect(reply.bytes.readUInt32LE(16 + 12) & writebackCache).toBe(0);
  expect(reply.bytes.readUInt16LE(16 + 28)).toBe(256);
});

test('a kernel that is too old is refused', () => {
  const [request, reply] = init(7, 23, -1, 0);
  expect(negotiate(request, reply, true)).toBeUndefined();
});

test('locks are asked for where there are views, and else left to the kernel', () => {
  const locks = (1 << 1) | (1 << 10);
  for (const hasViews of [true, false]) {
    const [request, reply] = init(7, 45, -1, -1);
    expect(negotiate(request, reply, hasViews)?.kernelKeepsFiles).toBe(!hasViews);
    expect(reply.bytes.readUInt32LE(16 + 12) & locks).toBe(hasViews ? locks : 0);
  }
});
