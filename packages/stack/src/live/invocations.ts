// The glue between functions and durable executions: each sees the other only through its own port.
import type {
  DurableFunctions,
  DurableService,
  InvokeReply,
  Invoker,
  ResolvedFunction,
} from '@moorage/durable';
import type { DurableInvoker, FunctionHost } from '@moorage/functions';
import type { FunctionPlan } from '../template/plan.ts';

/** The functions of the plan as the durable service asks for them. */
export function durableFunctions(
  host: FunctionHost,
  plans: readonly FunctionPlan[],
): DurableFunctions {
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  return {
    resolve(nameOrArn, qualifier): ResolvedFunction | undefined {
      let found: { name: string; version: string; arn: string };
      try {
        found = host.resolve(nameOrArn, qualifier);
      } catch {
        return undefined;
      }
      const durable = byName.get(found.name)?.durable;
      return {
        functionName: found.name,
        version: found.version,
        functionArn: found.arn,
        ...(durable && { durable }),
      };
    },
  };
}

/** Runs invocations of executions. */
export function hostInvoker(host: FunctionHost): Invoker {
  return {
    async invoke(request): Promise<InvokeReply> {
      const { payload, functionError } = await host.invoke({
        functionName: request.functionName,
        qualifier: request.version,
        payload: request.payload,
        requestId: request.requestId,
        ...(request.tenantId !== undefined && { tenantId: request.tenantId }),
      });
      return functionError === undefined ? { payload } : { error: errorOf(payload) };
    },
  };
}

function errorOf(payload: Uint8Array): NonNullable<InvokeReply['error']> {
  const error = JSON.parse(Buffer.from(payload).toString('utf8')) as {
    errorType?: string;
    errorMessage?: string;
    trace?: string[];
  };
  return {
    errorType: error.errorType ?? 'Error',
    errorMessage: error.errorMessage ?? '',
    ...(error.trace && { stackTrace: error.trace }),
  };
}

/** Durable functions behind the Invoke API. */
export function durableInvoker(service: DurableService): DurableInvoker {
  return {
    async start(request) {
      const { executionArn } = await service.startExecution({
        functionName: request.functionName,
        ...(request.qualifier !== undefined && { version: request.qualifier }),
        ...(request.executionName !== undefined && { name: request.executionName }),
        payload: Buffer.from(request.payload).toString('utf8'),
      });
      return { executionArn, result: service.waitFor(executionArn).then(asInvocation) };
    },
    async ended(executionArn) {
      const ended = asInvocation(await service.waitFor(executionArn));
      return { ...ended, executedVersion: service.get(executionArn).version };
    },
  };
}

function asInvocation(ended: Awaited<ReturnType<DurableService['waitFor']>>): {
  payload: Uint8Array;
  functionError?: 'Unhandled';
} {
  if (ended.status === 'SUCCEEDED') return { payload: Buffer.from(ended.result ?? 'null') };
  const error = {
    errorType: ended.error?.ErrorType ?? ended.status,
    errorMessage: ended.error?.ErrorMessage ?? `The execution ended as ${ended.status}.`,
    ...(ended.error?.StackTrace && { trace: ended.error.StackTrace }),
  };
  return { payload: Buffer.from(JSON.stringify(error)), functionError: 'Unhandled' };
}
