/**
 * Runs durable handlers in one process on the official SDK, whose transport is replaced: checkpoints are
 * kept in memory, chained invocations call the named handler of the same host, and `crash` loses an
 * invocation at a chosen checkpoint, as a killed worker does. For tests; the real service is elsewhere.
 */
import { randomUUID } from 'node:crypto';
import {
  DurableExecutionInvocationInputWithClient,
  type DurableExecutionClient,
  type DurableLambdaHandler,
  type ErrorObject,
  type OperationUpdate,
  type WireOperation,
} from '@aws/durable-execution-sdk-js';

export interface ExecutionEnd {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly result?: unknown;
  readonly error?: ErrorObject;
  /** Names of the operations in the order of their start. */
  readonly operations: readonly string[];
  /** Every byte that was checkpointed. */
  readonly checkpointed: string;
  readonly invocations: number;
}

export interface DurableHostOptions {
  readonly functions: ReadonlyMap<string, DurableLambdaHandler>;
  /** Loses the running invocation of an execution right before or after an update is stored. */
  readonly crash?: (functionName: string, update: OperationUpdate) => 'before' | 'after' | null;
}

export class DurableHost {
  readonly #options: DurableHostOptions;

  constructor(options: DurableHostOptions) {
    this.#options = options;
  }

  /** Runs an execution to its end. */
  async execute(functionName: string, input: unknown): Promise<ExecutionEnd> {
    const handler = this.#options.functions.get(functionName);
    if (!handler) throw new RangeError(`no function ${functionName}`);
    const execution = new Execution(functionName, JSON.stringify(input), this, this.#options);
    return execution.run(handler);
  }
}

class Execution {
  readonly #arn = `arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST/durable-execution/${randomUUID()}/1`;
  readonly #operations = new Map<string, WireOperation>();
  readonly #host: DurableHost;
  readonly #options: DurableHostOptions;
  readonly #functionName: string;
  #changed: () => void = () => {};
  #checkpointed = '';
  #crash: () => void = () => {};
  #invocations = 0;

  constructor(
    functionName: string,
    payload: string,
    host: DurableHost,
    options: DurableHostOptions,
  ) {
    this.#functionName = functionName;
    this.#host = host;
    this.#options = options;
    this.#operations.set('execution', {
      Id: 'execution',
      Type: 'EXECUTION',
      Status: 'STARTED',
      StartTimestamp: new Date().toISOString(),
      ExecutionDetails: { InputPayload: payload },
    });
  }

  async run(handler: DurableLambdaHandler): Promise<ExecutionEnd> {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      const crashed = new Promise<'crashed'>((resolve) => {
        this.#crash = () => resolve('crashed');
      });
      this.#invocations++;
      const output = await Promise.race([
        handler(
          new DurableExecutionInvocationInputWithClient(
            {
              DurableExecutionArn: this.#arn,
              CheckpointToken: `token${this.#invocations}`,
              InitialExecutionState: { Operations: [...this.#operations.values()] },
            },
            this.#client(this.#invocations),
          ),
          lambdaContext(),
        ),
        crashed,
      ]);
      if (output === 'crashed') continue;
      switch (output.Status) {
        case 'PENDING':
          await changed;
          break;
        case 'SUCCEEDED':
          return {
            ...this.#end('SUCCEEDED'),
            result: output.Result === undefined ? undefined : JSON.parse(output.Result),
          };
        case 'FAILED':
          return { ...this.#end('FAILED'), error: output.Error };
      }
    }
  }

  #end<S extends ExecutionEnd['status']>(status: S): ExecutionEnd & { status: S } {
    const names = [...this.#operations.values()].flatMap(({ Name }) => (Name ? [Name] : []));
    return {
      status,
      operations: names,
      checkpointed: this.#checkpointed,
      invocations: this.#invocations,
    };
  }

  #client(invocation: number): DurableExecutionClient {
    const live = (): boolean => invocation === this.#invocations;
    return {
      getExecutionState: async () => ({ Operations: [...this.#operations.values()] }),
      checkpoint: async ({ Updates = [], CheckpointToken }) => {
        for (const update of Updates) {
          if (!live()) return new Promise(() => {});
          const crash = this.#options.crash?.(this.#functionName, update);
          if (crash !== 'before') {
            this.#checkpointed += JSON.stringify(update);
            this.#apply(update);
          }
          if (crash) {
            this.#crash();
            return new Promise(() => {});
          }
        }
        return {
          CheckpointToken: CheckpointToken ?? '',
          NewExecutionState: { Operations: [...this.#operations.values()] },
        };
      },
    };
  }

  #apply(update: OperationUpdate): void {
    const id = update.Id ?? '';
    const operation: WireOperation = this.#operations.get(id) ?? {
      Id: id,
      ParentId: update.ParentId,
      Name: update.Name,
      Type: update.Type,
      SubType: update.SubType,
      StartTimestamp: new Date().toISOString(),
      Status: 'STARTED',
    };
    this.#operations.set(id, operation);
    const details = { Result: update.Payload, Error: update.Error };
    switch (update.Action) {
      case 'START':
        operation.Status = 'STARTED';
        if (update.Type === 'CHAINED_INVOKE') this.#startChild(operation, update);
        return;
      case 'RETRY':
        operation.Status = 'PENDING';
        operation.StepDetails = {
          Attempt: (operation.StepDetails?.Attempt ?? 0) + 1,
          NextAttemptTimestamp: new Date().toISOString(),
        };
        setImmediate(() => {
          operation.Status = 'READY';
          this.#changed();
        });
        return;
      case 'SUCCEED':
      case 'FAIL':
        operation.Status = update.Action === 'SUCCEED' ? 'SUCCEEDED' : 'FAILED';
        if (update.Type === 'STEP') {
          operation.StepDetails = {
            ...details,
            Attempt: (operation.StepDetails?.Attempt ?? 0) + 1,
          };
        } else {
          operation.ContextDetails = details;
        }
        return;
      default:
        throw new RangeError(`no test needs ${String(update.Type)} ${String(update.Action)}`);
    }
  }

  #startChild(operation: WireOperation, update: OperationUpdate): void {
    const name = update.ChainedInvokeOptions?.FunctionName ?? '';
    void this.#host.execute(name, JSON.parse(update.Payload ?? 'null')).then((end) => {
      operation.Status = end.status;
      operation.ChainedInvokeDetails =
        end.status === 'SUCCEEDED' ? { Result: JSON.stringify(end.result) } : { Error: end.error };
      this.#changed();
    });
  }
}

function lambdaContext(): Parameters<DurableLambdaHandler>[1] {
  return {
    awsRequestId: randomUUID(),
    functionName: 'f',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    memoryLimitInMB: '1024',
    logGroupName: '',
    logStreamName: '',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 600_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
