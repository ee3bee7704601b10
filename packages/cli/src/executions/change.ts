// Changing executions from outside: `stop`, `callback`, `retry` and `fork`.
import { CommandError, EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ErrorObject } from './api.ts';
import { follow } from './look.ts';
import { chooseCallback, executionOfCallback, openCallbacks } from './open-callbacks.ts';
import { locate, type Source } from './sources.ts';
import { errorText, HistoryLines } from './text.ts';

export async function stop(
  sources: readonly Source[],
  o: { reference: string; error: ErrorObject | undefined },
  terminal: Terminal,
): Promise<ExitCode> {
  const { source, execution } = await locate(sources, o.reference);
  const { DurableExecutionArn: arn, DurableExecutionName: name } = execution;
  await source.api.stop(arn, o.error);
  // It may have ended by itself in between.
  const { Status: status } = await source.api.get(arn);
  const before = execution.Status === 'RUNNING' && status === 'STOPPED';
  terminal.print(before ? `Stopped ${name}.` : `${name} had ended already: ${status}.`);
  terminal.result({ run: source.run.runId, DurableExecutionArn: arn, Status: status });
  return EXIT.clean;
}

export type Answer =
  | { readonly how: 'succeed'; readonly result: string | undefined }
  | { readonly how: 'fail'; readonly error: ErrorObject }
  | { readonly how: 'heartbeat' };

/** `reference` is a callback's id, or an execution whose callback `name` is meant. */
export async function callback(
  sources: readonly Source[],
  o: { reference: string; name: string | undefined; answer: Answer },
  terminal: Terminal,
): Promise<ExitCode> {
  const byId = o.name === undefined ? executionOfCallback(o.reference) : undefined;
  const { source, execution } = await locate(sources, byId ?? o.reference);
  const id =
    byId === undefined
      ? chooseCallback(
          openCallbacks(await source.api.wholeHistory(execution.DurableExecutionArn)),
          execution.DurableExecutionName,
          o.name,
        )
      : o.reference;
  await source.api.answer(id, o.answer.how, bodyOf(o.answer));
  terminal.print(`${DONE[o.answer.how]} of ${execution.DurableExecutionName}.`);
  terminal.result({
    run: source.run.runId,
    DurableExecutionArn: execution.DurableExecutionArn,
    CallbackId: id,
  });
  return EXIT.clean;
}

const DONE: Readonly<Record<Answer['how'], string>> = {
  succeed: 'Succeeded the callback',
  fail: 'Failed the callback',
  heartbeat: 'Sent a heartbeat for the callback',
};

function bodyOf(answer: Answer): string | undefined {
  switch (answer.how) {
    case 'succeed':
      return answer.result;
    case 'fail':
      return JSON.stringify(answer.error);
    case 'heartbeat':
      return undefined;
  }
}

export async function branch(
  sources: readonly Source[],
  o: { reference: string; how: 'retry' | 'fork'; fromStep?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const { source, execution } = await locate(sources, o.reference);
  const arn = await source.api.branch(execution.DurableExecutionArn, o.how, o.fromStep);
  const begun = await source.api.get(arn);
  const { DurableExecutionName: name } = begun;
  terminal.print(`Started ${name}`);
  terminal.print(arn);
  const { revived } = source;
  const begunAs = { run: source.run.runId, DurableExecutionArn: arn, DurableExecutionName: name };
  if (!revived) {
    terminal.print(`Follow it: moorage executions history ${name} --follow`);
    terminal.result(begunAs);
    return EXIT.clean;
  }
  const lines = new HistoryLines();
  terminal.print(HistoryLines.heading);
  try {
    await follow(source, arn, {
      note: (line) => terminal.note(line),
      tell: (event) => Promise.resolve(terminal.print(lines.line(event))),
      signal: revived.gone,
    });
    await revived.sync();
  } catch (error) {
    if (!revived.gone.aborted) throw error;
    throw new CommandError(
      EXIT.incomplete,
      `${name} has not ended: ${(revived.gone.reason as Error).message}.`,
      `It goes on when the run does: moorage review --resume ${source.run.runId}`,
      { cause: error },
    );
  }
  const { Status, Result, Error: failure } = await source.api.get(arn);
  const succeeded = Status === 'SUCCEEDED';
  terminal.print(`${name}: ${Status}${succeeded ? '' : `  ${errorText(failure)}`}`);
  terminal.result({ ...begunAs, Status, Result, Error: failure });
  return succeeded ? EXIT.clean : EXIT.incomplete;
}
