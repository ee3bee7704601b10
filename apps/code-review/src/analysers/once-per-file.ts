/** Remarks that a project makes a hundred times, or never: one in a file stands for all of them. */
import type { Hit } from '../findings/rule.ts';

/** Keeps the first hit of a rule in a file and says how many more there are; others stay as they are. */
export function oncePerFile(hits: readonly Hit[], isRepeated: (hit: Hit) => boolean): Hit[] {
  const counts = new Map<string, number>();
  const key = (hit: Hit): string => `${hit.ruleId}\0${hit.path}`;
  for (const hit of hits) {
    if (isRepeated(hit)) counts.set(key(hit), (counts.get(key(hit)) ?? 0) + 1);
  }
  const shown = new Set<string>();
  return hits.flatMap((hit) => {
    if (!isRepeated(hit)) return [hit];
    if (shown.has(key(hit))) return [];
    shown.add(key(hit));
    const more = (counts.get(key(hit)) ?? 1) - 1;
    return more === 0
      ? [hit]
      : [{ ...hit, message: `${hit.message ?? ''} (and ${more} more in this file)` }];
  });
}
