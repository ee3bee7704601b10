// Executions and their histories as lines for people.
import type { ExecutionDetails, HistoryEvent, ListedExecution } from './api.ts';

export function executionLine(execution: ListedExecution): string {
  const { StartTimestamp: started, EndTimestamp: ended } = execution;
  const seconds = ended === undefined ? '' : `${(ended - started).toFixed(1)} s`;
  return [
    execution.DurableExecutionName.padEnd(38),
    execution.Status.padEnd(10),
    time(started),
    seconds.padStart(9),
    functionName(execution),
  ].join('  ');
}

export function detailLines(execution: ExecutionDetails): string[] {
  const { StartTimestamp: started, EndTimestamp: ended, Error: error } = execution;
  return [
    `Name      ${execution.DurableExecutionName}`,
    `Function  ${functionName(execution)}`,
    `Status    ${execution.Status}`,
    `Started   ${time(started)}`,
    ...(ended === undefined
      ? []
      : [`Ended     ${time(ended)} (${(ended - started).toFixed(1)} s)`]),
    ...(error ? [`Error     ${error.ErrorType ?? ''}: ${error.ErrorMessage ?? ''}`] : []),
    ...(execution.InputPayload === undefined ? [] : [`Input     ${clip(execution.InputPayload)}`]),
    ...(execution.Result === undefined ? [] : [`Result    ${clip(execution.Result)}`]),
    `ARN       ${execution.DurableExecutionArn}`,
  ];
}

/** `+1.234 s  StepSucceeded  clone  {"ok":true…` */
export function eventLine(event: HistoryEvent, startedSeconds: number): string {
  const after = `+${(event.EventTimestamp - startedSeconds).toFixed(3)} s`;
  return [
    after.padStart(12),
    event.EventType.padEnd(24),
    (event.Name ?? '').padEnd(20),
    clip(detail(event), 100),
  ]
    .join('  ')
    .trimEnd();
}

interface Payload {
  readonly Payload?: unknown;
}

/** What matters of an event: its error, else its result, else its input. */
function detail(event: HistoryEvent): string {
  const details = event[`${event.EventType}Details`] as
    { Error?: Payload; Result?: Payload; Input?: Payload; FunctionName?: string } | undefined;
  const error = details?.Error?.Payload as
    { ErrorType?: string; ErrorMessage?: string } | undefined;
  if (error?.ErrorType !== undefined || error?.ErrorMessage !== undefined) {
    return `${error.ErrorType ?? 'Error'}: ${error.ErrorMessage ?? ''}`;
  }
  const payload = details?.Result?.Payload ?? details?.Input?.Payload;
  const target = details?.FunctionName === undefined ? '' : `${details.FunctionName} `;
  return target + (typeof payload === 'string' ? payload : '');
}

function functionName({ FunctionArn: arn }: ListedExecution): string {
  return arn.split(':')[6] ?? arn;
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19);
}

function clip(text: string, columns = 200): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}
