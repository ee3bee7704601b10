// The executions of a stack that is not up: what its journal holds, behind the same API as when it is.
//
// Nothing is taken up: looking does not change anything, and what is answered from outside (a callback, a
// stop) is acted on when the stack is brought up the next time.
import path from 'node:path';
import { openEndpoint } from './endpoint.ts';
import type { Clock, Log, Random } from './ports.ts';

export interface RestingExecutions {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Throws a JournalError when the stack is up after all: it holds the journal. */
export async function openRestingExecutions(o: {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}): Promise<RestingExecutions> {
  const { DurableService } = await import('@moorage/durable');
  const service = await DurableService.open({
    dir: path.join(o.stateDir, 'executions'),
    clock: o.clock,
    random: o.random,
    log: o.log,
    invoker: { invoke: () => Promise.reject(new Error('the stack is not up')) },
    functions: { resolve: () => undefined },
    resting: true,
  });
  const endpoint = await openEndpoint();
  endpoint.serve([service.api()]);
  return {
    endpoint: endpoint.url,
    close: async () => {
      await Promise.all([endpoint.close(), service.close()]);
    },
  };
}
