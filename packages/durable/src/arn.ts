/**
 * Names in ARNs, tokens and callback identifiers.
 *
 * An execution's ARN is `FUNCTION_ARN:VERSION/durable-execution/NAME/ID`. Tokens and callback
 * identifiers may use the base64 alphabet only, so they are base64 of readable text.
 */

export function executionArn(o: {
  functionArn: string;
  version: string;
  name: string;
  id: string;
}): string {
  return `${o.functionArn}:${o.version}/durable-execution/${o.name}/${o.id}`;
}

/** The execution's id, the last part of its ARN; undefined when this is no such ARN. */
export function executionIdOf(arn: string): string | undefined {
  const match =
    /^arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]+:(?:\$LATEST(?:\.PUBLISHED)?|\d+)\/durable-execution\/[a-zA-Z0-9_-]+\/([a-zA-Z0-9_-]+)$/.exec(
      arn,
    );
  return match?.[1];
}

/** The function's own name in whatever way it was named: name, `name:alias`, partial or full ARN. */
export function functionNameOf(nameOrArn: string): { name: string; qualifier?: string } {
  const parts = nameOrArn.split(':');
  const at = parts.indexOf('function');
  const name = at >= 0 ? parts[at + 1] : parts[0];
  const qualifier = at >= 0 ? parts[at + 2] : parts[1];
  return { name: name ?? '', ...(qualifier === undefined ? {} : { qualifier }) };
}

/** A checkpoint token: which invocation may write, and as which of its checkpoints. */
export function checkpointToken(requestId: string, checkpoint: number): string {
  return encode(`${requestId} ${checkpoint}`);
}

export function callbackId(executionId: string, operationId: string): string {
  return encode(`${executionId} ${operationId}`);
}

export function parseCallbackId(
  id: string,
): { executionId: string; operationId: string } | undefined {
  const [executionId, operationId, rest] = Buffer.from(id, 'base64').toString('latin1').split(' ');
  if (!executionId || !operationId || rest !== undefined) return undefined;
  return { executionId, operationId };
}

function encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}
