/**
 * What happens in one simulation, drawn from its seed before anything runs. Every step carries its own seed, so
 * that leaving steps out (when a failure is made small) does not change what the others do.
 */
import { Failpoint } from '../failpoint.ts';
import { SeededRandom } from './seeded-random.ts';

/** What is said about the store while it is in force. */
export interface Weather {
  /** Share of requests that go wrong. */
  faults: number;
  /** Listings show the store as it was up to so long ago. */
  staleMs: number;
}

export type Step =
  | { kind: 'operation'; seed: number }
  /** The planner and the store get on with it, so many requests. */
  | { kind: 'drive'; seed: number; requests: number }
  | { kind: 'sleep'; seed: number; ms: number }
  /** kill -9 between two operations. */
  | { kind: 'crash'; seed: number }
  /** kill -9 at a failpoint, when it is reached for the `count`-th time. */
  | { kind: 'arm'; seed: number; failpoint: Failpoint; count: number }
  | { kind: 'outside'; seed: number }
  | { kind: 'disk'; seed: number; full: boolean }
  | { kind: 'weather'; seed: number; weather: Weather }
  | { kind: 'barrier'; seed: number }
  | { kind: 'maintain'; seed: number }
  /** Another synchronisation configuration. */
  | { kind: 'configure'; seed: number }
  /** Nobody comes for longer than unread data is kept. */
  | { kind: 'expire'; seed: number }
  /** An application calls fsync(2) on one of its files. */
  | { kind: 'fsync'; seed: number };

export interface Plan {
  seed: number;
  /** Somebody else writes to the bucket. */
  outside: boolean;
  /** Files above 16 MiB. */
  large: boolean;
  /** The store ignores the conditions of writes. */
  careless: boolean;
  /** Keys that cannot be paths are there, and have escaped names. */
  escapes: boolean;
  /** fsync(2) returns when the file's version is in the bucket. */
  fsyncsToBucket: boolean;
  /** Keys of a listing's page. */
  pageKeys: number;
  /** Names that make a directory a large one (see `FileSystemOptions`). */
  manyNames: number;
  steps: Step[];
}

const crashFailpoints: readonly Failpoint[] = [
  Failpoint.slotWrite,
  Failpoint.cacheMake,
  Failpoint.cacheWrite,
  Failpoint.journalAppend,
  Failpoint.journalAppended,
  Failpoint.commit,
  Failpoint.committed,
  Failpoint.contentSettle,
  Failpoint.contentReclaim,
];

export function drawPlan(seed: number, operations: number): Plan {
  const random = new SeededRandom(seed);
  const outside = seed % 2 === 1;
  const large = seed % 32 === 8;
  const careless = seed % 8 >= 6;
  const escapes = seed % 16 === 15 || seed % 16 === 3;
  const crashes = random.chance(0.7) ? random.next() * 0.12 : 0;
  const disks = random.chance(0.2) ? 0.04 : 0;
  const weathers = random.chance(0.8) ? 0.06 : 0;
  const pageKeys = random.pick([2, 3, 1000]);
  const steps: Step[] = [{ kind: 'weather', seed: 0, weather: drawWeather(random) }];
  let diskFull = false;
  const draw = (): Step => {
    const at = random.below(2 ** 31);
    const chance = random.next();
    if (chance < crashes / 2) return { kind: 'crash', seed: at };
    if (chance < crashes) {
      const failpoint = random.pick(crashFailpoints);
      return { kind: 'arm', seed: at, failpoint, count: 1 + random.below(4) };
    }
    if (random.chance(disks)) {
      diskFull = !diskFull;
      return { kind: 'disk', seed: at, full: diskFull };
    }
    if (random.chance(weathers)) return { kind: 'weather', seed: at, weather: drawWeather(random) };
    if (outside && random.chance(0.12)) return { kind: 'outside', seed: at };
    const other = random.next();
    if (other < 0.5) return { kind: 'drive', seed: at, requests: 1 + random.below(8) };
    if (other < 0.9)
      return { kind: 'sleep', seed: at, ms: random.below(random.pick([500, 9_000])) };
    return { kind: other < 0.95 ? 'barrier' : 'maintain', seed: at };
  };
  for (let left = operations; left > 0;) {
    if (random.chance(0.5)) {
      steps.push({ kind: 'operation', seed: random.below(2 ** 31) });
      left--;
    } else steps.push(draw());
  }
  return {
    seed,
    outside,
    large,
    careless,
    escapes,
    fsyncsToBucket: seed % 4 >= 2,
    pageKeys,
    manyNames: seed % 3 === 0 ? 1 : 1_000,
    steps: withFsyncs(withConfigurations(steps, seed), seed),
  };
}

/** Drawn apart from the rest. */
function withConfigurations(steps: readonly Step[], seed: number): Step[] {
  const random = new SeededRandom(seed + 5);
  const share = random.pick([0, 0.03, 0.08]);
  return steps.flatMap((step): Step[] => {
    if (!random.chance(share)) return [step];
    const kind = random.chance(0.4) ? 'configure' : 'expire';
    return [step, { kind, seed: random.below(2 ** 31) }];
  });
}

/** The same. */
function withFsyncs(steps: readonly Step[], seed: number): Step[] {
  const random = new SeededRandom(seed + 6);
  const share = random.pick([0, 0.05, 0.1]);
  return steps.flatMap((step): Step[] =>
    random.chance(share) ? [step, { kind: 'fsync', seed: random.below(2 ** 31) }] : [step],
  );
}

function drawWeather(random: SeededRandom): Weather {
  const faults = random.pick([0, 0, 0.05, 0.2, 0.5, 0.95]);
  return { faults, staleMs: random.chance(0.25) ? random.below(5_000) : 0 };
}
