export { AWS_LIMITS } from './limits.ts';
export type { Limits } from './limits.ts';
export { DurableError, JournalError } from './errors.ts';
export type { DurableErrorCode } from './errors.ts';
export type { Callbacks } from './callbacks.ts';
export type { RequestHandler } from './http.ts';
export type { JournalFile, Recovery } from './journal.ts';
export type {
  Clock,
  DurableFunctions,
  InvocationError,
  InvokeReply,
  InvokeRequest,
  Invoker,
  Log,
  LogLevel,
  Random,
  ResolvedFunction,
} from './ports.ts';
export type { Json } from './render.ts';
export { DurableService } from './service.ts';
export type {
  DurableServiceOptions,
  ExecutionResult,
  ExecutionSummary,
  HistoryNotice,
  StartExecution,
} from './service.ts';
export { systemClock, systemRandom } from './system-clock.ts';
export type { ErrorObject, EventType, ExecutionStatus } from './wire.ts';
