/** A Strands agent whose model turns and tool calls are durable steps. */
export {
  durableAgent,
  type DurableAgentConfig,
  type DurableAgentOptions,
} from './durable-agent.ts';
export { retryModelCall } from './model-retry.ts';
