// Looking at executions: `list`, `show` and `history`. Nothing here changes one.
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import { Unreachable, type DescribedExecution, type HistoryEvent } from './api.ts';
import { openCallbacks } from './open-callbacks.ts';
import type { PayloadFile } from './payloads.ts';
import { ended, locate, notAlive, type Source } from './sources.ts';
import {
  durationText,
  errorText,
  functionName,
  HistoryLines,
  table,
  timeText,
  tookText,
} from './text.ts';

const POLL_MS = 250;
const END = /^Execution(Succeeded|Failed|TimedOut|Stopped)$/;

export async function list(
  sources: readonly Source[],
  statuses: string | undefined,
  terminal: Terminal,
): Promise<ExitCode> {
  const found = await Promise.all(
    sources.map(async ({ run, api }) =>
      (await api.list(statuses)).map((execution) => ({ run: run.runId, ...execution })),
    ),
  );
  const executions = found.flat();
  if (executions.length === 0) terminal.print('No executions.');
  else {
    const rows = executions.map((execution) => [
      execution.DurableExecutionName,
      execution.Status,
      functionName(execution.FunctionArn),
      timeText(execution.StartTimestamp),
      tookText(execution),
      execution.run,
    ]);
    const heading = ['NAME', 'STATUS', 'FUNCTION', 'STARTED', 'DURATION', 'RUN'];
    for (const line of table([heading, ...rows])) terminal.print(line);
  }
  terminal.result({ executions });
  return EXIT.clean;
}

export async function show(
  sources: readonly Source[],
  reference: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const { source, execution } = await locate(sources, reference);
  const waiting =
    execution.Status === 'RUNNING'
      ? openCallbacks(await source.api.wholeHistory(execution.DurableExecutionArn))
      : [];
  const { StartTimestamp: start, EndTimestamp: end, FunctionArn, Result } = execution;
  const resultFile = await source.payloads.file(FunctionArn, Result);
  const rows: (readonly [string, string])[] = [
    ['Name', execution.DurableExecutionName],
    ['ARN', execution.DurableExecutionArn],
    ['Function', `${functionName(execution.FunctionArn)}, version ${execution.Version}`],
    ['Run', `${source.run.runId}${source.alive ? '' : ', not alive'}`],
    ['Status', execution.Status],
    ['Started', timeText(start)],
    ['Ended', end === undefined ? '' : `${timeText(end)}, after ${durationText(end - start)}`],
    ...waiting.map(({ name, id }) => ['Waits for callback', `${name}  ${id}`] as const),
    ['Input', execution.InputPayload ?? ''],
    ['Result', resultFile?.Content ?? Result ?? ''],
    ['Result file', resultFile === undefined ? '' : fileText(resultFile)],
    ['Error', errorText(execution.Error)],
    ['Stack', execution.Error?.StackTrace?.map((line) => line.trim()).join('\n') ?? ''],
  ];
  for (const line of table(rows.filter(([, text]) => text !== ''))) terminal.print(line);
  terminal.result({
    run: source.run.runId,
    ...execution,
    ...(resultFile && { ResultFile: resultFile }),
    OpenCallbacks: waiting.map(({ id, name }) => ({ CallbackId: id, Name: name })),
  });
  return EXIT.clean;
}

export async function history(
  sources: readonly Source[],
  o: { reference: string; follow: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const { source, execution } = await locate(sources, o.reference);
  const lines = new HistoryLines();
  const resolved = (event: HistoryEvent, from: Source): Promise<HistoryEvent> =>
    from.payloads.event(execution.FunctionArn, event);
  terminal.print(HistoryLines.heading);
  if (!o.follow) {
    const events = await source.api.wholeHistory(execution.DurableExecutionArn);
    for (const event of events) terminal.print(lines.line(event));
    const Events: HistoryEvent[] = [];
    if (terminal.json) for (const event of events) Events.push(await resolved(event, source));
    terminal.result({ run: source.run.runId, ...identity(execution), Events });
    return EXIT.clean;
  }
  await follow(source, execution.DurableExecutionArn, {
    note: (line) => terminal.note(line),
    tell: async (event, from) => {
      terminal.print(lines.line(event));
      if (terminal.json) terminal.result(await resolved(event, from));
    },
  });
  return EXIT.clean;
}

/**
 * Tells every event up to the end of the execution. When the stack goes away, what it wrote last is
 * read from the journal; rejects when that is not the end.
 */
export async function follow(
  first: Source,
  arn: string,
  to: {
    note(line: string): void;
    tell(event: HistoryEvent, from: Source): Promise<void>;
    /** Rejects with its reason once it is aborted. */
    signal?: AbortSignal;
  },
): Promise<void> {
  let source = first;
  let told = 0;
  try {
    for (;;) {
      to.signal?.throwIfAborted();
      let events: HistoryEvent[];
      try {
        events = await source.api.history(arn, told);
      } catch (error) {
        if (!(error instanceof Unreachable && source.alive)) throw error;
        source = await ended(source.run, to.note);
        continue;
      }
      for (const event of events) await to.tell(event, source);
      told += events.length;
      if (events.some(({ EventType: type }) => END.test(type))) return;
      if (events.length > 0) continue;
      if (!source.alive) throw notAlive(source.run);
      await sleep(POLL_MS);
    }
  } finally {
    if (source !== first) await source.close();
  }
}

function fileText({ File, Problem }: PayloadFile): string {
  return Problem === undefined ? File : `${File} cannot be shown: ${Problem}`;
}

function identity(
  execution: DescribedExecution,
): Pick<DescribedExecution, 'DurableExecutionArn' | 'DurableExecutionName' | 'Status'> {
  const { DurableExecutionArn, DurableExecutionName, Status } = execution;
  return { DurableExecutionArn, DurableExecutionName, Status };
}
