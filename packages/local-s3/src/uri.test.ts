import { describe, expect, it } from 'vitest';
import { parseTarget, percentEncode } from './uri.ts';

describe('parseTarget', () => {
  it.each([
    ['/', '', '', '/'],
    ['/bucket', 'bucket', '', '/bucket'],
    ['/bucket/', 'bucket', '', '/bucket/'],
    ['/bucket//a/../b', 'bucket', '/a/../b', '/bucket//a/../b'],
    ['/bucket/a%2Fb%20c', 'bucket', 'a/b c', '/bucket/a/b%20c'],
    ['/bucket/a+b', 'bucket', 'a+b', '/bucket/a%2Bb'],
    ["/bucket/!'()*", 'bucket', "!'()*", '/bucket/%21%27%28%29%2A'],
    ['/bucket/%00', 'bucket', '\0', '/bucket/%00'],
    ['/bucket/%e6%bc%a2', 'bucket', '漢', '/bucket/%E6%BC%A2'],
  ])('%s', (url, bucket, key, canonicalPath) => {
    expect(parseTarget(url)).toMatchObject({ bucket, key, canonicalPath });
  });

  it('decodes the query, and encodes it again for signing', () => {
    const { query, queryPairs } = parseTarget('/b?prefix=a%2Fb+c&delete&=x&&prefix=second');
    expect([...query]).toEqual([
      ['prefix', 'a/b c'],
      ['delete', ''],
      ['', 'x'],
    ]);
    expect(queryPairs[0]).toEqual(['prefix', 'a%2Fb%20c']);
    expect(queryPairs).toHaveLength(4);
  });

  it.each(['http://elsewhere/', '*', '', '/b/é'])('refuses %j', (url) => {
    expect(() => parseTarget(url)).toThrow(/URI/);
  });
});

describe('percentEncode', () => {
  it('keeps unreserved characters only', () => {
    expect(percentEncode('aZ09-._~/ é', true)).toBe('aZ09-._~/%20%C3%A9');
    expect(percentEncode('a/b', false)).toBe('a%2Fb');
  });
});
