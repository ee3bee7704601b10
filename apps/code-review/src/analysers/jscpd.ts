/**
 * Duplicated code by jscpd. Only big clones count, test code does not, and a passage that occurs five times
 * is one finding with five places: overlapping clones are joined into classes.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Hit, Rule } from '../findings/rule.ts';
import type { Analyser } from './analyser.ts';
import { runChild } from './child.ts';
import { jscpdCommand, packageVersion } from './native.ts';
import { isTestPath } from './source-file.ts';

const linesMin = 20;
const tokensMin = 150;
const classesMax = 50;
const argumentBytesMax = 1024 * 1024;

const rule: Rule = {
  id: 'jscpd/duplicate',
  title: 'A passage of code occurs more than once',
  help: 'Each copy must be found and changed when one is. Move the passage into a function or module that all places use.',
  severity: 'low',
  confidence: 'high',
  basis: 'metric',
  cwe: null,
};

interface Place {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

interface Side {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export function jscpdAnalyser(): Analyser {
  return {
    name: 'jscpd',
    version: packageVersion('jscpd'),
    rules: [rule],
    covers: ({ language, path }) => language !== 'other' && !isTestPath(path),
    run: async (tree, files, { signal }) => {
      const directory = await mkdtemp(join(tmpdir(), 'moorage-jscpd-'));
      try {
        const paths: string[] = [];
        const missed: { path: string; reason: string }[] = [];
        let bytes = 0;
        for (const { path } of files) {
          const absolute = join(tree.root, path);
          bytes += Buffer.byteLength(absolute) + 9;
          if (bytes <= argumentBytesMax) paths.push(absolute);
          else missed.push({ path, reason: 'too many files for one comparison' });
        }
        if (paths.length < 2) return { hits: [], missed, notes: [] };
        await writeFile(join(directory, 'config.json'), '{}');
        const child = await runChild(
          jscpdCommand(),
          [
            '--config',
            'config.json',
            '--no-gitignore',
            '--silent',
            '--no-colors',
            '--min-lines',
            String(linesMin),
            '--min-tokens',
            String(tokensMin),
            '--max-lines',
            '100000',
            '--max-size',
            '1mb',
            '--mode',
            'weak',
            '--reporters',
            'json',
            '--output',
            directory,
            '--absolute',
            '--',
            ...paths,
          ],
          directory,
          signal,
        );
        let report: { duplicates: { firstFile: Side; secondFile: Side }[] };
        try {
          report = JSON.parse(await readFile(join(directory, 'jscpd-report.json'), 'utf8'));
        } catch {
          const reason = signal.aborted ? 'time limit' : child.stderr.trim().slice(0, 300);
          return { hits: [], missed, notes: [`jscpd gave no result: ${reason}`] };
        }
        const place = (side: Side): Place => ({
          path: relative(tree.root, side.name),
          start: side.start,
          end: side.end,
        });
        const clones = report.duplicates.map(
          (clone) => [place(clone.firstFile), place(clone.secondFile)] as const,
        );
        const classes = cloneClasses(clones).toSorted((a, b) => weight(b) - weight(a));
        const notes =
          classes.length > classesMax
            ? [`${classes.length - classesMax} smaller duplicates are not listed`]
            : [];
        return { hits: classes.slice(0, classesMax).map(hit), missed, notes };
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

/** Joins clones that share lines: their places are one class. */
export function cloneClasses(clones: readonly (readonly [Place, Place])[]): Place[][] {
  const classes: Place[][] = [];
  for (const clone of clones) {
    const touching = classes.filter((places) =>
      places.some((place) => clone.some((own) => overlap(place, own))),
    );
    const joined = touching.flat();
    for (const own of clone) add(joined, own);
    for (const former of touching) classes.splice(classes.indexOf(former), 1);
    classes.push(joined);
  }
  return classes.map((places) =>
    places.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.start - b.start)),
  );
}

function add(places: Place[], own: Place): void {
  const index = places.findIndex((place) => overlap(place, own));
  const other = places[index];
  if (other) {
    places[index] = {
      path: own.path,
      start: Math.min(other.start, own.start),
      end: Math.max(other.end, own.end),
    };
  } else {
    places.push(own);
  }
}

function overlap(a: Place, b: Place): boolean {
  return a.path === b.path && a.start <= b.end && b.start <= a.end;
}

function lines(place: Place): number {
  return place.end - place.start + 1;
}

/** Lines that would go if the passage existed once. */
function weight(places: readonly Place[]): number {
  const all = places.map(lines);
  return all.reduce((sum, count) => sum + count, 0) - Math.max(...all);
}

function hit(places: readonly Place[]): Hit {
  const [first, ...others] = places;
  if (!first) throw new RangeError('a clone class is empty');
  const message =
    others.length === 0
      ? `${lines(first)} lines repeat themselves within this passage`
      : `${lines(first)} lines occur in ${places.length} places`;
  return {
    ruleId: rule.id,
    path: first.path,
    startLine: first.start,
    endLine: first.end,
    message,
    severity: weight(places) >= 100 ? 'medium' : 'low',
    evidence: others.map((other) => ({
      path: other.path,
      line: other.start,
      note: `the same passage, lines ${other.start} to ${other.end}`,
    })),
  };
}
