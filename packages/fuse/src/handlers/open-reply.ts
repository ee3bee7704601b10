import { Open } from '@moorage/file-system';
import type { Exchange } from '../exchange.ts';
import { OpenReply } from '../wire.ts';

/**
 * What is said of the page cache when a file has been opened with `flags`. Who appends goes past it: the kernel cuts
 * a write(2) that crosses a page it does not have into two requests, and what another view appends could come
 * between them. Directly it is one request, and the file system puts it at the end that all views share (up to
 * the kernel's largest request, 1 MiB).
 */
export function openReplyFlags(x: Exchange, flags: number, isKept: boolean): number {
  const appends = (flags & Open.accessMode) !== Open.readOnly && (flags & Open.append) !== 0;
  return (
    (appends && x.isDirectCoherent ? OpenReply.directIo : 0) | (isKept ? OpenReply.keepCache : 0)
  );
}
