import type { ObjectHead } from '@moorage/object-store';
import type { OwnMark, RemoteHead } from './jobs.ts';

/** Whether this object carries the mark. A mark with neither ETag nor metadata marks nothing. */
export function hasMark(head: RemoteHead | ObjectHead, mark: OwnMark): boolean {
  if (head.size !== mark.size) return false;
  if (mark.eTag !== undefined && mark.eTag !== head.eTag) return false;
  if (mark.metadata === undefined) return mark.eTag !== undefined;
  const names = Object.keys(mark.metadata);
  return (
    names.length > 0 &&
    names.length === Object.keys(head.metadata).length &&
    names.every((name) => head.metadata[name] === mark.metadata?.[name])
  );
}
