import { Open } from '@moorage/file-system';
import type { Exchange } from '../exchange.ts';
import { OpenReply } from '../wire.ts';

/**
 * What is said of the page cache when a file has been opened with `flags`. Who can only append goes past it: the
 * kernel cuts a write(2) that crosses a page it does not have into two requests, and what another view appends
 * could come between them.
 */
export function openReplyFlags(x: Exchange, flags: number, isKept: boolean): number {
  const appends = (flags & Open.accessMode) === Open.writeOnly && (flags & Open.append) !== 0;
  return (
    (appends && x.isDirectCoherent ? OpenReply.directIo : 0) | (isKept ? OpenReply.keepCache : 0)
  );
}
