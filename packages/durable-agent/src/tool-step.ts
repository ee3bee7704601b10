/** One tool call as plain data. A tool that throws has already become an error result. */
import {
  TextBlock,
  ToolResultBlock,
  type AgentStreamEvent,
  type ExecuteToolContext,
  type ExecuteToolResult,
  type MiddlewareNext,
} from '@strands-agents/sdk';

import { drain } from './model-step.ts';

export interface RecordedTool {
  result: ReturnType<ToolResultBlock['toJSON']>;
  error?: { name: string; message: string };
}

export type NextTool = MiddlewareNext<ExecuteToolContext, ExecuteToolResult, AgentStreamEvent>;

/** Runs the tool to its end; a result of more than `bytesMax` is replaced by an error saying so. */
export async function recordTool(
  context: ExecuteToolContext,
  next: NextTool,
  bytesMax: number,
): Promise<RecordedTool> {
  const { result } = await drain(next(context)).catch(refuseInterrupt);
  const data = result.toJSON();
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes > bytesMax) return tooLarge(context.toolUse.toolUseId, bytes, bytesMax);
  const { error } = result;
  return {
    result: data,
    ...(error === undefined ? {} : { error: { name: error.name, message: error.message } }),
  };
}

/** The result as the agent loop would have had it from the tool, live and replayed alike. */
export function restoreTool(recorded: RecordedTool): ExecuteToolResult {
  const { toolUseId, status, content } = ToolResultBlock.fromJSON(recorded.result);
  if (recorded.error === undefined)
    return { result: new ToolResultBlock({ toolUseId, status, content }) };
  const error = new Error(recorded.error.message);
  error.name = recorded.error.name;
  return { result: new ToolResultBlock({ toolUseId, status, content, error }) };
}

function refuseInterrupt(error: unknown): never {
  if (error instanceof Error && error.name === 'InterruptError')
    throw new TypeError(
      'a tool of a durable agent cannot interrupt it: let the handler wait with ' +
        'context.waitForCallback, before the agent or between two invocations of it',
    );
  throw error;
}

function tooLarge(toolUseId: string, bytes: number, bytesMax: number): RecordedTool {
  const message =
    `The result has ${bytes} bytes, more than the ${bytesMax} a checkpoint may hold: ask for ` +
    'less, or write it to a file and return the path.';
  const block = new ToolResultBlock({
    toolUseId,
    status: 'error',
    content: [new TextBlock(message)],
  });
  return { result: block.toJSON(), error: { name: 'ToolResultTooLarge', message } };
}
