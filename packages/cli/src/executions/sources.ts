// Where executions are looked for: one run or all that are alive, each behind the same API.
import { CommandError, EXIT, usageError } from '../command-line/outcome.ts';
import { ManagementApi, Refusal, Unreachable, type DescribedExecution } from './api.ts';
import { Payloads } from './payloads.ts';
import type { RevivedRun } from './revived-run.ts';
import { allRuns, oneRun, type Run } from './runs.ts';

export interface Source {
  readonly run: Run;
  readonly api: ManagementApi;
  readonly payloads: Payloads;
  /** Whether a stack answers; otherwise it is what the run left behind. */
  readonly alive: boolean;
  /** Set when it was not and has been brought up for this command. */
  readonly revived?: RevivedRun;
  close(): Promise<void>;
}

export interface Wanted {
  readonly dataDir: string;
  /** undefined: every run that is alive, or to look at the newest one when none is. */
  readonly runId: string | undefined;
  /** A stack has to be there to `change` something; to `start` something one is brought up if need be. */
  readonly to: 'look' | 'change' | 'start';
  /** For a stack that is brought up. */
  readonly timeScale: number | undefined;
  signal(): AbortSignal;
  note(line: string): void;
}

/** At least one; to be closed. */
export async function openSources(wanted: Wanted): Promise<Source[]> {
  const { dataDir, runId, to } = wanted;
  if (runId !== undefined) {
    const run = oneRun(dataDir, runId);
    const source = await living(run);
    if (source) return [source];
    if (to === 'start') return [await revived(run, wanted)];
    if (to === 'change') throw notAlive(run);
    return [await ended(run, wanted.note)];
  }
  const runs = allRuns(dataDir);
  const found = (await Promise.all(runs.map(living))).filter((source) => source !== undefined);
  if (found.length > 0) return found;
  const newest = runs.at(-1);
  if (newest !== undefined && to === 'look') {
    wanted.note(`No run is alive; this is the newest one, ${newest.runId}.`);
    return [await ended(newest, wanted.note)];
  }
  throw usageError(
    `No run is alive in ${dataDir}.`,
    newest === undefined
      ? 'Begin one: moorage review <url|path>'
      : to === 'change'
        ? `Go on with one: moorage review --resume ${newest.runId}`
        : `Give one that is not: --run ${newest.runId}`,
  );
}

/** What to do about a run that has to be alive for this. */
export function notAlive({ runId }: Run): CommandError {
  return new CommandError(
    EXIT.incomplete,
    `Run ${runId} is not alive: nothing of it can be changed, and nothing will happen in it.`,
    `Go on with it: moorage review --resume ${runId}`,
  );
}

async function revived(run: Run, wanted: Wanted): Promise<Source> {
  wanted.note(`Run ${run.runId} is not alive; its stack is brought up for this.`);
  const { timeScale } = wanted;
  const { reviveRun } = await import('./revived-run.ts');
  const stack = await reviveRun(run, { timeScale, signal: wanted.signal() });
  const { endpoint } = stack;
  const payloads = new Payloads({ ...run, endpoint }, true);
  return {
    ...{ run, api: new ManagementApi(endpoint, run.runId), payloads, alive: true, revived: stack },
    close: async () => {
      await payloads.close();
      await stack.stop();
    },
  };
}

export async function ended(run: Run, note: (line: string) => void): Promise<Source> {
  const { openEndedRun } = await import('./ended-run.ts');
  const { endpoint, close } = await openEndedRun(run, note);
  const payloads = new Payloads(run, false);
  return {
    ...{ run, api: new ManagementApi(endpoint, run.runId), payloads, alive: false },
    close: async () => {
      await payloads.close();
      await close();
    },
  };
}

async function living(run: Run): Promise<Source | undefined> {
  if (run.endpoint === undefined) return undefined;
  const api = new ManagementApi(run.endpoint, run.runId);
  try {
    await api.list('RUNNING');
  } catch (error) {
    // Gone, and its process number was given to another.
    if (error instanceof Unreachable) return undefined;
    throw error;
  }
  const payloads = new Payloads(run, true);
  return { run, api, payloads, alive: true, close: () => payloads.close() };
}

/** The one execution with this ARN, id or name. Throws a usage error when it is not one. */
export async function locate(
  sources: readonly Source[],
  reference: string,
): Promise<{ source: Source; execution: DescribedExecution }> {
  const found: { source: Source; execution: DescribedExecution }[] = [];
  for (const source of reference === '' ? [] : sources) {
    try {
      found.push({ source, execution: await source.api.get(reference) });
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 404)) throw error;
    }
  }
  const [first, ...others] = found;
  if (first && others.length === 0) return first;
  const runs = (list: readonly Source[]): string => list.map(({ run }) => run.runId).join(', ');
  if (first) {
    throw usageError(
      `Several runs have an execution ${reference}: ${runs(found.map(({ source }) => source))}.`,
      'Say which with --run.',
    );
  }
  throw usageError(
    `There is no execution ${JSON.stringify(reference)} in ${runs(sources)}.`,
    'List them: moorage executions list',
  );
}
