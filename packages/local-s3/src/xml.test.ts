import { describe, expect, it } from 'vitest';
import { childText, childrenNamed, escapeXml, parseXml } from './xml.ts';

const read = (text: string): ReturnType<typeof parseXml> => parseXml(Buffer.from(text), 'R');

describe('parseXml', () => {
  it('reads elements, entities, CDATA, comments and prefixes', () => {
    const root = read(
      `<?xml version="1.0"?><!-- c --><x:R xmlns:x="u"><A>&lt;&#65;&#x1F600;</A><A><![CDATA[<&]]></A><B a='1'/></x:R>`,
    );
    expect(childrenNamed(root, 'A').map((a) => a.text)).toEqual(['<A😀', '<&']);
    expect(childText(root, 'B')).toBe('');
    expect(childText(root, 'C')).toBe(undefined);
  });

  it.each([
    '',
    'text',
    '<R>',
    '<R></S>',
    '</R>',
    '<R/><R/>',
    '<R>&nbsp;</R>',
    '<R>&#xd800;</R>',
    '<R>a & b</R>',
    '<R a=1/>',
    '<!DOCTYPE R><R/>',
    '<R/>trailing',
  ])('refuses %j', (text) => {
    expect(() => read(text)).toThrow(/not well-formed/);
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('<R>'), Buffer.from([0xff]), Buffer.from('</R>')]);
    expect(() => parseXml(bytes, 'R')).toThrow(/not well-formed/);
  });

  it('takes back what escapeXml wrote', () => {
    const text = `a<b>&"'\n\r\t\u0001\u007f\u0085é😀`;
    expect(childText(read(`<R><T>${escapeXml(text)}</T></R>`), 'T')).toBe(text);
    expect(escapeXml(text)).toMatch(/^[ -~é😀]*$/u);
  });
});
