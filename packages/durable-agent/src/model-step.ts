/**
 * One model turn as plain data, so that a checkpoint can hold it and a replay can put it back.
 *
 * What the agent loop reacts to is part of the record, failures included: a context that overflowed
 * makes it drop messages and ask again, so a replay must see the same overflow. Only failures that
 * may pass are thrown, for the step's retry strategy.
 */
import {
  ContextWindowOverflowError,
  MaxTokensError,
  Message,
  Model,
  ModelMetadataEvent,
  type AgentStreamEvent,
  type BaseModelConfig,
  type InvokeModelContext,
  type InvokeModelResult,
  type MiddlewareNext,
  type ModelStreamEvent,
} from '@strands-agents/sdk';

type MessageData = ReturnType<Message['toJSON']>;
type Turn = InvokeModelResult['result'];

export type RecordedTurn =
  | {
      kind: 'answer';
      message: MessageData;
      stopReason: Turn['stopReason'];
      usage?: ModelMetadataEvent['usage'];
      metrics?: ModelMetadataEvent['metrics'];
      redaction?: Turn['redaction'];
    }
  | { kind: 'overflow'; errorMessage: string }
  | { kind: 'max-tokens'; errorMessage: string; partialMessage: MessageData }
  | { kind: 'cancelled' };

export type NextTurn = MiddlewareNext<InvokeModelContext, InvokeModelResult, AgentStreamEvent>;

/** Runs the call to its end; its stream events are dropped. */
export async function recordTurn(
  context: InvokeModelContext,
  next: NextTurn,
): Promise<RecordedTurn> {
  try {
    const { message, stopReason, metadata, redaction } = (await drain(next(context))).result;
    return {
      kind: 'answer',
      message: message.toJSON(),
      stopReason,
      ...(metadata?.usage === undefined ? {} : { usage: metadata.usage }),
      ...(metadata?.metrics === undefined ? {} : { metrics: metadata.metrics }),
      ...(redaction === undefined ? {} : { redaction }),
    };
  } catch (error) {
    if (error instanceof ContextWindowOverflowError)
      return { kind: 'overflow', errorMessage: error.message };
    if (error instanceof MaxTokensError)
      return {
        kind: 'max-tokens',
        errorMessage: error.message,
        partialMessage: error.partialMessage.toJSON(),
      };
    if (error instanceof Error && error.name === 'CancelledError') return { kind: 'cancelled' };
    throw error;
  }
}

/** The turn as the agent loop would have had it from the model, live and replayed alike. */
export async function restoreTurn(
  recorded: RecordedTurn,
  context: InvokeModelContext,
  next: NextTurn,
  cancel: () => void,
): Promise<InvokeModelResult> {
  switch (recorded.kind) {
    case 'overflow':
      throw new ContextWindowOverflowError(recorded.errorMessage);
    case 'max-tokens':
      throw new MaxTokensError(
        recorded.errorMessage,
        Message.fromMessageData(recorded.partialMessage),
      );
    case 'cancelled':
      // The loop knows its own error class only, which nobody else can make: let it cancel itself,
      // on a model that calls nothing.
      cancel();
      return drain(next({ ...context, model: new SilentModel() }));
    case 'answer': {
      const { message, stopReason, usage, metrics, redaction } = recorded;
      return {
        result: {
          message: Message.fromMessageData(message),
          stopReason,
          metadata: new ModelMetadataEvent({
            type: 'modelMetadataEvent',
            ...(usage === undefined ? {} : { usage }),
            ...(metrics === undefined ? {} : { metrics }),
          }),
          ...(redaction === undefined ? {} : { redaction }),
        },
      };
    }
  }
}

/** Starts an answer and says nothing. */
class SilentModel extends Model {
  override updateConfig(): void {}

  override getConfig(): BaseModelConfig {
    return {};
  }

  override async *stream(): AsyncGenerator<ModelStreamEvent> {
    yield { type: 'modelMessageStartEvent', role: 'assistant' };
  }
}

export async function drain<T>(events: AsyncGenerator<unknown, T, undefined>): Promise<T> {
  for (;;) {
    const step = await events.next();
    if (step.done === true) return step.value;
  }
}
