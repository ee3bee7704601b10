/**
 * Whether a durable handler brought its own client: `withDurableExecution(handler, { client })`, or
 * `durableExecutionClient`. The SDK keeps its configuration in a closure and lets a client from the
 * event win over it, so whoever puts one there has to look first.
 *
 * The inspector shows what the SDK's wrapper closes over: the handler, its configuration and the promise
 * of its plugins, whatever a bundler has called them. Anything else (a handler wrapped once
 * more, another shape of the SDK) is unknown. Takes some milliseconds, for V8 reads the function again.
 */
import type { Runtime, Session } from 'node:inspector';

export type GivenClient = 'none' | 'own' | 'unknown';

const NAME = '__moorage_durable_handler';
const BRINGS_CLIENT =
  'function () { return this.client !== undefined || this.durableExecutionClient !== undefined; }';

export function givenClient(handler: object): GivenClient {
  const { Session } = process.getBuiltinModule('node:inspector');
  const session = new Session();
  session.connect();
  const shared = globalThis as { [NAME]?: object };
  shared[NAME] = handler;
  try {
    return closureOf(session);
  } catch {
    return 'unknown';
  } finally {
    delete shared[NAME];
    session.disconnect();
  }
}

function closureOf(session: Session): GivenClient {
  const found = post<Runtime.EvaluateReturnType>(session, 'Runtime.evaluate', {
    expression: `globalThis.${NAME}`,
  });
  const { internalProperties } = properties(session, found.result);
  const scopes = internalProperties?.find(({ name }) => name === '[[Scopes]]')?.value;
  const innermost = scopes && properties(session, scopes).result[0]?.value;
  if (innermost?.description?.startsWith('Closure') !== true) return 'unknown';
  const values = properties(session, innermost).result.map(({ value }) => value);
  const configuration = values.filter(
    (value) => value?.type !== 'function' && value?.subtype !== 'promise',
  );
  const plugins = values.filter((value) => value?.subtype === 'promise');
  if (values.length !== 3 || configuration.length !== 1 || plugins.length !== 1) return 'unknown';
  const [given] = configuration;
  if (given?.type === 'undefined') return 'none';
  if (given?.type !== 'object' || given.objectId === undefined) return 'unknown';
  const brings = post<Runtime.CallFunctionOnReturnType>(session, 'Runtime.callFunctionOn', {
    objectId: given.objectId,
    functionDeclaration: BRINGS_CLIENT,
    returnByValue: true,
  });
  return brings.result.value === false ? 'none' : 'own';
}

function properties(
  session: Session,
  { objectId }: Runtime.RemoteObject,
): Runtime.GetPropertiesReturnType {
  return post(session, 'Runtime.getProperties', { objectId, ownProperties: true });
}

/** A session with its own thread answers before `post` returns. */
function post<T>(session: Session, method: string, parameters: object): T {
  let answer: object | undefined;
  session.post(method, parameters, (error, result) => {
    if (error !== null) throw error;
    answer = result;
  });
  return answer as T;
}
