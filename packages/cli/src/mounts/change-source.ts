// Where a mount hears of changes, as typed: `--events sqs:https://…` or `--events webhook:9321`.
import type { ChangeSource } from '@moorage/stack/mounts';
import { usageError } from '../command-line/outcome.ts';

export function changeSourceOf(text: string): ChangeSource {
  const [, kind, rest = ''] = /^(sqs|webhook):(.*)$/s.exec(text) ?? [];
  // `sqs://host/path` as well: what follows is then the address without its scheme.
  const address = rest.startsWith('//') ? `https:${rest}` : rest;
  if (kind === 'sqs' && /^https?:\/\/[^/]+\/./.test(address)) return { kind, url: address };
  if (kind === 'webhook' && /^\d{1,5}$/.test(rest) && Number(rest) > 0 && Number(rest) < 65_536) {
    return { kind, port: Number(rest) };
  }
  throw usageError(
    `--events ${JSON.stringify(text)} is neither sqs:URL nor webhook:PORT.`,
    'Write sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/changes, or webhook:9321.',
  );
}
