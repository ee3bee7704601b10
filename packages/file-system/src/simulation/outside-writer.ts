/** Somebody else who writes to the bucket, knows nothing of the mount and asks nobody. */
import type { SeededRandom } from './seeded-random.ts';
import type { World } from './world.ts';

const names = ['a', 'b', 'c', 'd', 'Café'];

export function outsideStep(world: World, random: SeededRandom): void {
  const { store, trace } = world;
  const keys = store.keys();
  const isKnown = random.chance(0.6) && keys.length > 0;
  const key = isKnown ? random.pick(keys) : newKey(random, world.plan.escapes);
  const isThere = store.current(key) !== undefined;
  if (isThere && random.chance(0.35)) {
    store.remove(key, 'outside');
    trace.add(`  outside deletes ${key}`);
    return;
  }
  if (isThere && random.chance(0.3)) return describe(world, random, key);
  const text = `outside ${world.nextSerial()} `;
  const isMarker = key.endsWith('/') && !(world.plan.escapes && random.chance(0.5));
  const size = isMarker ? 0 : random.pick([12, 12, 2_000, 80_000]);
  const bytes = Uint8Array.from(Buffer.alloc(size, text));
  const metadata: Record<string, string> = random.chance(0.5) ? { note: text.trim() } : {};
  const headers = random.chance(0.2) ? { contentType: 'text/plain' } : {};
  const tagging = random.chance(0.2) ? `n=${world.nextSerial()}` : '';
  store.write(key, bytes, { metadata, headers, tagging }, 'outside');
  trace.add(`  outside puts ${key} ${size}`);
}

/** The same bytes, of another owner, mode and time. */
function describe({ store, trace }: World, random: SeededRandom, key: string): void {
  const { body, about, at } = store.current(key)!;
  // What happens twice within a second nobody can tell who is told of seconds.
  if (store.secondOf(at) === store.secondOf(store.now())) return;
  const metadata = {
    'file-owner': String(random.below(3)),
    'file-group': '0',
    'file-permissions': `${key.endsWith('/') ? '0040' : '0100'}${random.pick(['600', '755'])}`,
    'file-mtime': `${1_600_000_000_000_000_000n + BigInt(random.below(1_000))}ns`,
  };
  store.write(key, body!, { ...about, metadata }, 'outside');
  trace.add(`  outside describes ${key} as ${JSON.stringify(metadata)}`);
}

const odd = ['', '.', '..', '%=', 'n\0l', 'x'.repeat(300)];

function newKey(random: SeededRandom, isOdd: boolean): string {
  if (isOdd && random.chance(0.7)) {
    const part = (): string => random.pick(random.chance(0.5) ? odd : names);
    const key = Array.from({ length: 1 + random.below(3) }, part).join('/');
    // Nothing can have the empty key.
    return key === '' ? '/' : key;
  }
  const depth = random.below(3);
  let key = '';
  for (let i = 0; i < depth; i++) key += `${random.pick(names)}/`;
  return random.chance(0.1) && depth > 0 ? key : key + random.pick(names);
}
