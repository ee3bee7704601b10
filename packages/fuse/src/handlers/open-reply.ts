import { Open } from '@moorage/file-system';
import type { Exchange } from '../exchange.ts';
import { OpenReply } from '../wire.ts';

/**
 * What is said of the page cache when a file has been opened with `flags`. Two kinds of handles go past it:
 *
 *  - Those that only write. What they write reaches us at once either way, so that pages of it in the kernel would be
 *    one more copy, of bytes that are here as well and that another view would not find there.
 *  - Those that append. The kernel cuts a write(2) that crosses a page it does not have into two requests, and what
 *    another view appends could come between them. Directly it is one request, and the file system puts it at the
 *    end that all views share (up to the kernel's largest request, 1 MiB).
 *
 * Where the kernel keeps files (`Session`) that is said only of those just created.
 */
export function openReplyFlags(x: Exchange, flags: number, isKept: boolean): number {
  const mode = flags & Open.accessMode;
  const appends = mode !== Open.readOnly && (flags & Open.append) !== 0;
  const isDirect = x.isDirectCoherent && (appends || mode === Open.writeOnly);
  return (isDirect ? OpenReply.directIo : 0) | (isKept ? OpenReply.keepCache : 0);
}
