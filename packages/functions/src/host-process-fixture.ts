/**
 * For tests: a host as a process of its own, to be run in a user namespace or killed. Arguments: a
 * directory, and as JSON the configuration of one function and the host's isolation. Prints one JSON
 * line per event: the isolation it found, the invocation's answer.
 */
import { FunctionHost } from './function-host.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import { probeIsolation, type IsolationKind } from './isolation.ts';

const [dir, json] = process.argv.slice(2);
const { f, isolation } = JSON.parse(json!) as {
  f: FunctionConfiguration;
  isolation?: IsolationKind;
};
const say = (value: unknown): void => console.log(JSON.stringify(value));
const host = new FunctionHost({
  dir: dir!,
  log: () => {},
  ...(isolation === undefined ? {} : { isolation }),
});
host.register(f);
say({ isolation: isolation ?? (await probeIsolation()).kind });
const result = await host.invoke({
  functionName: f.name,
  payload: Buffer.from('{}'),
  log: (line) => say({ line }),
});
say({ value: JSON.parse(Buffer.from(result.payload).toString()) });
await host.close();
