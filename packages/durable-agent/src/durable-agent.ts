/**
 * A Strands agent whose every model turn and every tool call is a step of a durable execution. A
 * worker that dies in mid-run costs the one turn or tool call that was under way; everything before
 * comes from checkpoints, usage totals included. Needs nothing but the official SDKs: it runs
 * wherever the handler does.
 *
 * Steps are numbered by the order in which they begin, so nothing here may run at the same time:
 * tools run one after the other. The agent belongs to one invocation: create it inside the handler.
 * Stream events of the model and of tools stay inside their step.
 */
import {
  StepError,
  type DurableContext,
  type RetryDecision,
  type Serdes,
} from '@aws/durable-execution-sdk-js';
import {
  Agent,
  ExecuteToolStage,
  InvokeModelStage,
  ModelError,
  SummarizingConversationManager,
  type AgentConfig,
} from '@strands-agents/sdk';

import { retryModelCall } from './model-retry.ts';
import { recordTurn, restoreTurn, type RecordedTurn } from './model-step.ts';
import { stepName } from './step-name.ts';
import { recordTool, restoreTool, type RecordedTool } from './tool-step.ts';

/** What would act outside the steps, or is the steps' own business. */
const REFUSED = {
  toolExecutor: 'tools of a durable agent run one after the other',
  retryStrategy: 'model calls are repeated by their step: see DurableAgentOptions.retryModelCall',
  sessionManager: 'the durable execution is the session',
  checkpointing: 'the durable execution keeps the checkpoints',
  backgroundTasks: 'tools of a durable agent run one after the other',
  contextManager: 'its model calls would be outside the steps',
  memoryManager: 'its model calls would be outside the steps',
} as const;

export type DurableAgentConfig = Omit<AgentConfig, keyof typeof REFUSED>;

export interface DurableAgentOptions {
  /** For model calls that fail. The default is six attempts unless the failure is permanent. */
  retryModelCall?: (error: Error, attempts: number) => RetryDecision;
  /** How turns and tool results are stored; the context's own way by default. */
  serdes?: Serdes<unknown>;
  /** A larger tool result becomes an error that tells the model so; default 256 KiB. */
  toolResultBytesMax?: number;
}

const TOOL_RESULT_BYTES_MAX = 262_144;
/** Needs no step: it only checks the model's words against a schema. */
const STRUCTURED_OUTPUT_TOOL = 'strands_structured_output';

/**
 * Creates the agent. Throws for settings that cannot be durable.
 *
 * @example
 * export const handler = withDurableExecution(async (event, context) => {
 *   const agent = durableAgent(context, { model, tools, systemPrompt });
 *   return (await agent.invoke(event.prompt)).toString();
 * });
 */
export function durableAgent(
  context: Pick<DurableContext, 'step'>,
  config: DurableAgentConfig,
  options: DurableAgentOptions = {},
): Agent {
  for (const [key, reason] of Object.entries(REFUSED))
    if (Object.hasOwn(config, key)) throw new TypeError(`durableAgent: no ${key}: ${reason}`);
  if (config.conversationManager instanceof SummarizingConversationManager)
    throw new TypeError(
      'durableAgent: no SummarizingConversationManager: its model calls would be outside the ' +
        'steps; use SlidingWindowConversationManager',
    );
  const agent = new Agent({
    printer: false,
    ...config,
    toolExecutor: 'sequential',
    retryStrategy: null,
  });
  const label = config.name === undefined ? undefined : `${config.name}:`;
  const serdes = options.serdes === undefined ? {} : { serdes: options.serdes };
  let turns = 0;

  // oxlint-disable-next-line require-yield -- events stay inside the step
  agent.addMiddleware(InvokeModelStage, async function* (call, next) {
    if (call.model.stateful)
      throw new TypeError(
        'durableAgent: the model keeps the conversation on its side, where no checkpoint can put ' +
          'it back; create it with stateful: false',
      );
    const name = stepName(label, 'turn', String(++turns));
    const recorded = await step<RecordedTurn>(name, () => recordTurn(call, next), {
      retryStrategy: options.retryModelCall ?? retryModelCall,
      ...serdes,
    });
    return restoreTurn(recorded, call, next, () => agent.cancel());
  });

  agent.addMiddleware(ExecuteToolStage, async function* (call, next) {
    const { name, toolUseId } = call.toolUse;
    if (name === STRUCTURED_OUTPUT_TOOL) return yield* next(call);
    const recorded = await step<RecordedTool>(
      stepName(label, name, toolUseId),
      () => recordTool(call, next, options.toolResultBytesMax ?? TOOL_RESULT_BYTES_MAX),
      { retryStrategy: () => ({ shouldRetry: false }), ...serdes },
    );
    return restoreTool(recorded);
  });

  /** A step's failure as the agent loop knows failures: the same live and replayed. */
  async function step<T>(name: string, run: () => Promise<T>, stepConfig: object): Promise<T> {
    try {
      return await context.step(name, run, stepConfig);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      throw new ModelError(`${name}: ${error.message}`, { cause: error });
    }
  }

  return agent;
}
