/**
 * The HTTP side: routes of the durable execution API, rest-json in and out. Errors carry their name
 * in the header `x-amzn-errortype`, where AWS's clients look for it, and in the body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { functionNameOf } from './arn.ts';
import type { CheckpointRequest, Checkpoints } from './checkpoints.ts';
import { DurableError } from './errors.ts';
import type { Execution } from './execution.ts';
import { historyPage } from './history.ts';
import type { Log, ResolvedFunction } from './ports.ts';
import { epochSeconds } from './render.ts';
import type { Json } from './render.ts';
import type { DurableService } from './service.ts';
import type { Store } from './store.ts';
import type { ErrorObject } from './wire.ts';

const PREFIX = '/2025-12-01/';
/** A checkpoint holds 750 KB at most; a single large payload may exceed that. */
export const BODY_BYTES_MAX: number = 8 * 1024 * 1024;
const PAGE_ITEMS_MAX = 1000;
const PAGE_ITEMS_DEFAULT = 100;

/** True when the request was this API's: it will be answered. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => boolean;

export interface ApiOptions {
  find(arn: string): Execution;
  resolve(name: string, qualifier?: string): ResolvedFunction | undefined;
  service: DurableService;
  store: Store;
  checkpoints: Checkpoints;
  log: Log;
}

/** A request of this API. */
export interface Call {
  method: string;
  /** Decoded path segments after the version. */
  path: string[];
  query: URLSearchParams;
  body: Buffer;
}

/** `text` is JSON; `errorType` is what a refusal is called. */
export interface Answer {
  status: number;
  errorType?: string;
  text: string;
}

export type Answering = (call: Call) => Promise<Answer>;

/** What the API answers, however the request came in. Never rejects. */
export function createAnswering(o: ApiOptions): Answering {
  return async (call) => {
    try {
      const reply = await route(o, call);
      return { status: 200, text: typeof reply === 'string' ? reply : JSON.stringify(reply) };
    } catch (error) {
      return refusal(o, error);
    }
  };
}

export function createApi(o: ApiOptions, answering: Answering): RequestHandler {
  return (req, res) => {
    if (!req.url?.startsWith(PREFIX)) return false;
    const mark = req.url.indexOf('?');
    const text = mark < 0 ? req.url : req.url.slice(0, mark);
    const segments = text.slice(PREFIX.length).split('/');
    if (!isOurs(segments)) return false;
    const query = new URLSearchParams(mark < 0 ? '' : req.url.slice(mark + 1));
    callOf(req, segments, query)
      .then(answering, (error: unknown) => refusal(o, error))
      .then((answer) => send(res, answer));
    return true;
  };
}

function isOurs(segments: readonly string[]): boolean {
  return (
    segments[0] === 'durable-executions' ||
    segments[0] === 'durable-execution-callbacks' ||
    (segments[0] === 'functions' && segments[2] === 'durable-executions')
  );
}

async function callOf(
  req: IncomingMessage,
  segments: readonly string[],
  query: URLSearchParams,
): Promise<Call> {
  const body = await readBody(req);
  return { method: req.method ?? 'GET', path: segments.map(decodeSegment), query, body };
}

function refusal(o: ApiOptions, error: unknown): Answer {
  const known =
    error instanceof DurableError
      ? error
      : new DurableError('ServiceException', 'Internal error: see the log.');
  if (known !== error)
    o.log('error', `a request failed: ${(error as Error).stack ?? String(error)}`);
  const { status, code, message } = known;
  return { status, errorType: code, text: JSON.stringify({ Type: code, message }) };
}

async function route(o: ApiOptions, call: Call): Promise<Json | string> {
  const [kind, id, verb] = call.path;
  const key = `${call.method} ${kind} ${verb ?? ''}`;
  switch (key) {
    case 'POST durable-executions checkpoint':
      return o.checkpoints.checkpoint(o.find(id!), checkpointRequest(call));
    case 'GET durable-executions state':
      return o.checkpoints.state(o.find(id!), {
        token: required(call.query, 'CheckpointToken'),
        marker: call.query.get('Marker') ?? undefined,
        itemsMax: itemsMax(call.query),
      });
    case 'GET durable-executions ':
      if (id === undefined) return listed(o, [...o.store.state.executions.values()], call.query);
      return described(o, o.find(id!), call.query.get('IncludeExecutionData') !== 'false');
    case 'GET durable-executions history':
      return history(o, o.find(id!), call.query);
    case 'POST durable-executions stop': {
      const { stoppedAt } = await o.service.stop(id!, errorObject(call.body));
      return { StopTimestamp: epochSeconds(stoppedAt) };
    }
    case 'POST durable-executions fork': {
      const { FromStep, Version } = options(call.body);
      const forked = await o.service.fork(id!, {
        ...(FromStep === undefined ? {} : { fromStep: FromStep }),
        ...(Version === undefined ? {} : { version: Version }),
      });
      return { DurableExecutionArn: forked.executionArn };
    }
    case 'POST durable-executions retry': {
      const { Version } = options(call.body);
      const again = await o.service.retry(id!, Version === undefined ? {} : { version: Version });
      return { DurableExecutionArn: again.executionArn };
    }
    case 'GET functions durable-executions':
      return ofFunction(o, id!, call.query);
    case 'POST durable-execution-callbacks succeed':
      await o.service.callbacks.succeed(
        id!,
        call.body.length === 0 ? undefined : call.body.toString('utf8'),
      );
      return {};
    case 'POST durable-execution-callbacks fail':
      await o.service.callbacks.fail(id!, errorObject(call.body) ?? {});
      return {};
    case 'POST durable-execution-callbacks heartbeat':
      await o.service.callbacks.heartbeat(id!);
      return {};
    default:
      throw new DurableError('ResourceNotFoundException', `No such operation: ${key}`);
  }
}

async function described(o: ApiOptions, execution: Execution, data: boolean): Promise<Json> {
  await o.store.acknowledged();
  return {
    DurableExecutionArn: execution.arn,
    DurableExecutionName: execution.name,
    FunctionArn: execution.functionArn,
    InputPayload: data ? execution.input : undefined,
    Result: data ? execution.result : undefined,
    Error: data ? execution.error : undefined,
    StartTimestamp: epochSeconds(execution.startedAt),
    EndTimestamp: execution.endedAt === undefined ? undefined : epochSeconds(execution.endedAt),
    Status: execution.status,
    Version: execution.version,
    ExecutionDataIncluded: data,
    DurableConfig: {
      ExecutionTimeout: execution.timeoutSeconds,
      RetentionPeriodInDays: execution.retentionDays,
    },
  };
}

async function history(o: ApiOptions, execution: Execution, query: URLSearchParams): Promise<Json> {
  const page = historyPage(execution, {
    from: markerOf(query),
    itemsMax: itemsMax(query) ?? PAGE_ITEMS_MAX,
    reverse: query.get('ReverseOrder') === 'true',
    data: query.get('IncludeExecutionData') === 'true',
  });
  await o.store.acknowledged();
  return { Events: page.events, NextMarker: page.next };
}

function ofFunction(o: ApiOptions, nameOrArn: string, query: URLSearchParams): Promise<Json> {
  const { name, qualifier = query.get('Qualifier') ?? undefined } = functionNameOf(nameOrArn);
  const resolved = o.resolve(nameOrArn, query.get('Qualifier') ?? undefined);
  const found = [...o.store.state.ofFunction(name)];
  if (!resolved && found.length === 0)
    throw new DurableError('ResourceNotFoundException', `Function not found: ${nameOrArn}`);
  const version = qualifier === undefined ? undefined : (resolved?.version ?? qualifier);
  return listed(
    o,
    found.filter((execution) => version === undefined || execution.version === version),
    query,
  );
}

async function listed(
  o: ApiOptions,
  executions: readonly Execution[],
  query: URLSearchParams,
): Promise<Json> {
  const statuses = query.getAll('Statuses').flatMap((text) => text.split(','));
  const executionName = query.get('DurableExecutionName');
  const after = timeOf(query, 'StartedAfter');
  const before = timeOf(query, 'StartedBefore');
  const found = executions.filter(
    (execution) =>
      (statuses.length === 0 || statuses.includes(execution.status)) &&
      (executionName === null || execution.name === executionName) &&
      (after === undefined || execution.startedAt > after) &&
      (before === undefined || execution.startedAt < before),
  );
  if (query.get('ReverseOrder') === 'true') found.reverse();
  const from = markerOf(query);
  const page = found.slice(from, from + (itemsMax(query) ?? PAGE_ITEMS_DEFAULT));
  const next = from + page.length;
  await o.store.acknowledged();
  return {
    DurableExecutions: page.map((execution) => ({
      DurableExecutionArn: execution.arn,
      DurableExecutionName: execution.name,
      FunctionArn: execution.functionArn,
      Status: execution.status,
      StartTimestamp: epochSeconds(execution.startedAt),
      EndTimestamp: execution.endedAt === undefined ? undefined : epochSeconds(execution.endedAt),
    })),
    NextMarker: next < found.length ? String(next) : undefined,
  };
}

function checkpointRequest(call: Call): CheckpointRequest {
  const request = parseJson(call.body) as Partial<CheckpointRequest> | null;
  if (typeof request?.CheckpointToken !== 'string')
    throw new DurableError('InvalidParameterValueException', 'CheckpointToken is missing.');
  if (request.Updates !== undefined && !Array.isArray(request.Updates))
    throw new DurableError('InvalidParameterValueException', 'Updates must be a list.');
  return request as CheckpointRequest;
}

/** What to fork or retry from; all of it optional. */
function options(body: Buffer): { FromStep?: string; Version?: string } {
  const given = body.length === 0 ? {} : parseJson(body);
  if (typeof given !== 'object' || given === null)
    throw new DurableError('InvalidParameterValueException', 'The body is not an object.');
  const { FromStep, Version } = given as { FromStep?: unknown; Version?: unknown };
  return {
    ...(typeof FromStep === 'string' ? { FromStep } : {}),
    ...(typeof Version === 'string' ? { Version } : {}),
  };
}

function errorObject(body: Buffer): ErrorObject | undefined {
  if (body.length === 0) return undefined;
  const error = parseJson(body);
  if (typeof error !== 'object' || error === null)
    throw new DurableError('InvalidParameterValueException', 'The body is not an error object.');
  const { ErrorMessage, ErrorType, ErrorData, StackTrace } = error as ErrorObject;
  return {
    ...(ErrorMessage === undefined ? {} : { ErrorMessage }),
    ...(ErrorType === undefined ? {} : { ErrorType }),
    ...(ErrorData === undefined ? {} : { ErrorData }),
    ...(StackTrace === undefined ? {} : { StackTrace }),
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new DurableError(
      'InvalidParameterValueException',
      `The body is not JSON: ${(error as Error).message}`,
    );
  }
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null)
    throw new DurableError('InvalidParameterValueException', `${name} is missing.`);
  return value;
}

function itemsMax(query: URLSearchParams): number | undefined {
  const text = query.get('MaxItems');
  if (text === null) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > PAGE_ITEMS_MAX)
    throw new DurableError(
      'InvalidParameterValueException',
      `MaxItems is a number from 0 to ${PAGE_ITEMS_MAX}, got ${text}.`,
    );
  return value === 0 ? undefined : value;
}

function markerOf(query: URLSearchParams): number {
  const text = query.get('Marker') ?? '';
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new DurableError('InvalidParameterValueException', `Invalid Marker: ${text}`);
  return value;
}

/** A time in a query is ISO 8601 text or epoch seconds. */
function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(value))
    throw new DurableError('InvalidParameterValueException', `${name} is not a time: ${text}`);
  return value;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new DurableError(
      'InvalidParameterValueException',
      `The path holds ${segment}, which is not URL-encoded text.`,
      { cause: error },
    );
  }
}

function readBody(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    });
    req.on('end', () => {
      if (bytes <= BODY_BYTES_MAX) {
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
        return;
      }
      reject(
        new DurableError(
          'RequestTooLargeException',
          `A request is at most ${BODY_BYTES_MAX} bytes.`,
        ),
      );
    });
    req.on('error', reject);
  });
}

/** As a string, so that head and body go out in one piece. */
function send(res: ServerResponse, { status, errorType, text }: Answer): void {
  res.writeHead(status, {
    ...(errorType !== undefined && { 'x-amzn-errortype': errorType }),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  res.end(text);
}
