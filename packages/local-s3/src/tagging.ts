/** Tags: the header form (URL-encoded pairs, also how they are stored) and the XML form. */
import { S3Failure } from './s3-error.ts';
import { percentDecode, percentEncode } from './uri.ts';
import { childText, childrenNamed, element, parseXml, xmlDocument } from './xml.ts';

type Tag = readonly [key: string, value: string];

function checkedTags(tags: readonly Tag[], most: number): string {
  if (tags.length > most) {
    throw new S3Failure('InvalidTag', { message: `There can be at most ${most} tags.` });
  }
  const seen = new Set<string>();
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || value.length > 256 || seen.has(key)) {
      throw new S3Failure('InvalidTag', {
        message: 'A tag key is empty, too long or there twice, or a tag value is too long.',
      });
    }
    seen.add(key);
  }
  return tags.map(([k, v]) => `${percentEncode(k, false)}=${percentEncode(v, false)}`).join('&');
}

function decodePairs(text: string): Tag[] {
  if (text === '') return [];
  return text.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    const part = (raw: string): string => percentDecode(raw.replaceAll('+', '%20'));
    return equals < 0
      ? [part(pair), '']
      : [part(pair.slice(0, equals)), part(pair.slice(equals + 1))];
  });
}

/** Checks the x-amz-tagging header; returns the stored form. */
export function parseTagHeader(text: string): string {
  let tags: Tag[];
  try {
    tags = decodePairs(text);
  } catch {
    throw new S3Failure('InvalidArgument', {
      message: 'The header x-amz-tagging must be encoded as UTF-8 URL parameters.',
    });
  }
  return checkedTags(tags, 10);
}

/** Checks a Tagging document; returns the stored form. */
export function parseTagDocument(body: Uint8Array, most: number): string {
  const set = childrenNamed(parseXml(body, 'Tagging'), 'TagSet');
  if (set.length !== 1) throw new S3Failure('MalformedXML');
  const tags = childrenNamed(set[0]!, 'Tag').map((tag): Tag => {
    const key = childText(tag, 'Key');
    if (key === undefined) throw new S3Failure('MalformedXML');
    return [key, childText(tag, 'Value') ?? ''];
  });
  return checkedTags(tags, most);
}

/** The Tagging document of stored tags. */
export function tagDocument(stored: string): string {
  const tags = decodePairs(stored)
    .map(([k, v]) => `<Tag>${element('Key', k)}${element('Value', v)}</Tag>`)
    .join('');
  return xmlDocument('Tagging', `<TagSet>${tags}</TagSet>`);
}
