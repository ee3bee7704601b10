/** For tests: a model that follows a script, and says how often it was paid. */
import {
  Model,
  type BaseModelConfig,
  type Message,
  type ModelStreamEvent,
} from '@strands-agents/sdk';

export type ScriptedTurn =
  | { text: string }
  | { tool: string; input: object }
  /** Several tools in one turn. */
  | { tools: readonly { tool: string; input: object }[] }
  | { maxTokens: string }
  | (() => Error);

/**
 * The turn to play follows from the conversation alone: what a replayed agent asks again gets the
 * same answer. Each turn costs 10 tokens in, 5 out.
 */
export class ScriptedModel extends Model {
  readonly #script: readonly ScriptedTurn[];
  readonly #onCall: (position: number) => void;

  constructor(script: readonly ScriptedTurn[], onCall: (position: number) => void) {
    super();
    this.#script = script;
    this.#onCall = onCall;
  }

  override updateConfig(): void {}

  override getConfig(): BaseModelConfig {
    return { modelId: 'scripted' };
  }

  override async *stream(messages: Message[]): AsyncGenerator<ModelStreamEvent> {
    const position = messages.filter((message) => message.role === 'assistant').length;
    this.#onCall(position);
    const turn = this.#script[position];
    if (turn === undefined) throw new Error(`the script has no turn ${position}`);
    if (typeof turn === 'function') throw turn();
    yield { type: 'modelMessageStartEvent', role: 'assistant' };
    if ('text' in turn || 'maxTokens' in turn) {
      const text = 'text' in turn ? turn.text : turn.maxTokens;
      yield { type: 'modelContentBlockStartEvent' };
      yield { type: 'modelContentBlockDeltaEvent', delta: { type: 'textDelta', text } };
      yield { type: 'modelContentBlockStopEvent' };
      const stopReason = 'text' in turn ? 'endTurn' : 'maxTokens';
      yield { type: 'modelMessageStopEvent', stopReason };
    } else {
      const calls = 'tools' in turn ? turn.tools : [turn];
      for (const [index, { tool: name, input }] of calls.entries()) {
        const toolUseId = `use-${position}-${index}`;
        yield {
          type: 'modelContentBlockStartEvent',
          start: { type: 'toolUseStart', name, toolUseId },
        };
        yield {
          type: 'modelContentBlockDeltaEvent',
          delta: { type: 'toolUseInputDelta', input: JSON.stringify(input) },
        };
        yield { type: 'modelContentBlockStopEvent' };
      }
      yield { type: 'modelMessageStopEvent', stopReason: 'toolUse' };
    }
    yield {
      type: 'modelMetadataEvent',
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 },
      metrics: { latencyMs: 1 },
    };
  }
}
