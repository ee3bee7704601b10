/**
 * The little XML that S3 needs: escaping for answers and a strict reader for request documents.
 * No DTDs (refused, so no entity expansion), no attributes kept, namespaces ignored.
 */
import { S3Failure } from './s3-error.ts';

const needsEscape = /[&<>"'\p{Cc}\ufffe\uffff]/u;
const escapes = /[&<>"'\p{Cc}\ufffe\uffff]/gu;
const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text of an element. Control characters become character references, as Amazon S3 writes them. */
export function escapeXml(text: string): string {
  if (!needsEscape.test(text)) return text;
  return text.replace(escapes, (c) => named[c] ?? `&#${c.charCodeAt(0)};`);
}

/** `<name>escaped text</name>`. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${typeof text === 'string' ? escapeXml(text) : String(text)}</${name}>`;
}

/** A whole answer document in the S3 namespace. */
export function xmlDocument(root: string, inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
}

/** An element of a request document. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

const maxDepth = 32;
const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,10});?/g, (whole, name: string) => {
    if (!whole.endsWith(';')) throw new S3Failure('MalformedXML');
    if (name.startsWith('#')) {
      const code = /^#x[0-9a-fA-F]+$/.test(name)
        ? parseInt(name.slice(2), 16)
        : /^#[0-9]+$/.test(name)
          ? parseInt(name.slice(1), 10)
          : -1;
      if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        throw new S3Failure('MalformedXML');
      }
      return String.fromCodePoint(code);
    }
    const value = entities[name];
    if (value === undefined) throw new S3Failure('MalformedXML');
    return value;
  });
}

/** Reads a request document; throws MalformedXML. */
export function parseXml(bytes: Uint8Array, root: string): XmlElement {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new S3Failure('MalformedXML');
  }
  const top: XmlElement = { name: '', children: [], text: '' };
  const open: XmlElement[] = [top];
  let at = 0;
  while (at < source.length) {
    const current = open[open.length - 1] as XmlElement;
    const next = source.indexOf('<', at);
    const end = next < 0 ? source.length : next;
    if (end > at) current.text += unescapeXml(source.slice(at, end));
    if (next < 0) break;
    at = readMarkup(source, next, open);
  }
  const first = top.children[0];
  if (
    open.length !== 1 ||
    top.children.length !== 1 ||
    first === undefined ||
    first.name !== root ||
    top.text.trim() !== ''
  ) {
    throw new S3Failure('MalformedXML');
  }
  return first;
}

/** One piece of markup starting at `<`; returns where reading goes on. */
function readMarkup(source: string, start: number, open: XmlElement[]): number {
  const current = open[open.length - 1] as XmlElement;
  const until = (mark: string, from: number): number => {
    const found = source.indexOf(mark, from);
    if (found < 0) throw new S3Failure('MalformedXML');
    return found;
  };
  if (source.startsWith('<?', start)) return until('?>', start) + 2;
  if (source.startsWith('<!--', start)) return until('-->', start) + 3;
  if (source.startsWith('<![CDATA[', start)) {
    const end = until(']]>', start);
    current.text += source.slice(start + 9, end);
    return end + 3;
  }
  const end = until('>', start);
  const tag = source.slice(start + 1, end);
  const match =
    /^(\/?)(?:[\w.-]+:)?([\w.-]+)(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)$/.exec(tag);
  if (match === null) throw new S3Failure('MalformedXML');
  const [, closing, name = '', selfClosing] = match;
  if (closing === '/') {
    if (open.length === 1 || current.name !== name) throw new S3Failure('MalformedXML');
    open.pop();
    return end + 1;
  }
  const child: XmlElement = { name, children: [], text: '' };
  current.children.push(child);
  if (selfClosing !== '/') {
    if (open.length > maxDepth) throw new S3Failure('MalformedXML');
    open.push(child);
  }
  return end + 1;
}

/** Text of the first child of that name. */
export function childText(parent: XmlElement, name: string): string | undefined {
  return parent.children.find((c) => c.name === name)?.text;
}

/** All children of that name. */
export function childrenNamed(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((c) => c.name === name);
}
