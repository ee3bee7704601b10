// Merges the Globals section into a function, by SAM's rules: maps are merged, lists are joined
// (the global part first), anything else of the function replaces the global one.
import type { MapEntry, MapValue, TemplateValue } from './document.ts';

export function mergeGlobals(
  global: MapValue<TemplateValue> | undefined,
  own: MapValue<TemplateValue>,
): MapValue<TemplateValue> {
  if (!global) return own;
  const entries = new Map<string, MapEntry<TemplateValue>>(global.entries);
  for (const [name, entry] of own.entries) {
    const inherited = entries.get(name);
    entries.set(
      name,
      inherited ? { keyAt: entry.keyAt, value: merge(inherited.value, entry.value) } : entry,
    );
  }
  return { kind: 'map', entries, at: own.at };
}

function merge(global: TemplateValue, own: TemplateValue): TemplateValue {
  if (global.kind === 'map' && own.kind === 'map') return mergeGlobals(global, own);
  if (global.kind === 'list' && own.kind === 'list') {
    return { kind: 'list', items: [...global.items, ...own.items], at: own.at };
  }
  return own;
}
