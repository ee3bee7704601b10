/** A case that does the same work on several places. */
import type { BenchmarkCase, Figures, Subject } from './case.ts';
import { ONE_PROCESSOR } from './pinned.ts';
import { startPlaces, type PlaceName, type Places } from './places/start.ts';
import type { Place } from './places/place.ts';

export interface PlaceWork {
  /** What the places are compared with, when that is none of them; comes first. */
  beside?: readonly Subject[];
  /** Once for each place, before the first round. */
  setUp?(place: Place): Promise<void>;
  /** Around every round, not measured: makes the place cold, takes away what was made. */
  before?(place: Place): Promise<void>;
  round(place: Place): Promise<Figures>;
  after?(place: Place): Promise<void>;
  close?(): Promise<void>;
}

export interface PlaceCase {
  name: string;
  title: string;
  /** The first is what the others are compared with. */
  places: readonly PlaceName[];
  /** Put before what is measured and what serves it; default: all on one processor. */
  prefix?: readonly string[];
  /** Count what the mounts send to the store. */
  counted?: boolean;
  prepare(options: {
    small: boolean;
    directory: string;
    prefix: readonly string[];
    places: Places;
  }): Promise<PlaceWork> | PlaceWork;
}

export function placeCase(o: PlaceCase): BenchmarkCase {
  const prefix = o.prefix ?? ONE_PROCESSOR;
  return {
    name: o.name,
    title: o.title,
    async prepare({ small, directory }) {
      const names = small ? o.places.filter((name) => name === 'moorage') : o.places;
      const places = await startPlaces(names, { directory, prefix }, o.counted);
      let work: PlaceWork;
      try {
        work = await o.prepare({ small, directory, prefix, places });
        for (const place of places.all) await work.setUp?.(place);
      } catch (error) {
        await places.close();
        throw error;
      }
      return {
        subjects: [...(work.beside ?? []), ...places.all.map((place) => subjectOf(place, work))],
        async close() {
          await work.close?.();
          await places.close();
        },
      };
    },
  };
}

function subjectOf(place: Place, work: PlaceWork): Subject {
  return {
    name: place.name,
    async round() {
      await work.before?.(place);
      const cpuBeforeMs = await place.cpuMs();
      const figures = await work.round(place);
      const serverCpuMs = (await place.cpuMs()) - cpuBeforeMs;
      await work.after?.(place);
      return place.name === 'ext4' ? figures : { ...figures, serverCpuMs };
    },
  };
}
