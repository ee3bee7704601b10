/**
 * For tests: a model that follows a script. The turn to play follows from the conversation alone, so an
 * agent that is replayed after a crash gets the same answer; `onTurn` counts what would be paid for.
 */
import {
  Model,
  type BaseModelConfig,
  type Message,
  type ModelStreamEvent,
} from '@strands-agents/sdk';

export type Turn = string | { readonly tool: string; readonly input: object };

export class ScriptedModel extends Model {
  readonly #script: (messages: readonly Message[]) => readonly Turn[];
  readonly #onTurn: (position: number) => void;

  constructor(
    script: (messages: readonly Message[]) => readonly Turn[],
    onTurn: (position: number) => void = () => {},
  ) {
    super();
    this.#script = script;
    this.#onTurn = onTurn;
  }

  override updateConfig(): void {}

  override getConfig(): BaseModelConfig {
    return { modelId: 'scripted' };
  }

  override async *stream(messages: Message[]): AsyncGenerator<ModelStreamEvent> {
    const position = messages.filter((message) => message.role === 'assistant').length;
    this.#onTurn(position);
    const turn = this.#script(messages)[position] ?? 'done';
    yield { type: 'modelMessageStartEvent', role: 'assistant' };
    if (typeof turn === 'string') {
      yield { type: 'modelContentBlockStartEvent' };
      yield { type: 'modelContentBlockDeltaEvent', delta: { type: 'textDelta', text: turn } };
    } else {
      const toolUseId = `use-${position}`;
      yield {
        type: 'modelContentBlockStartEvent',
        start: { type: 'toolUseStart', name: turn.tool, toolUseId },
      };
      const input = JSON.stringify(turn.input);
      yield { type: 'modelContentBlockDeltaEvent', delta: { type: 'toolUseInputDelta', input } };
    }
    yield { type: 'modelContentBlockStopEvent' };
    const stopReason = typeof turn === 'string' ? 'endTurn' : 'toolUse';
    yield { type: 'modelMessageStopEvent', stopReason };
    yield {
      type: 'modelMetadataEvent',
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 },
      metrics: { latencyMs: 1 },
    };
  }
}
