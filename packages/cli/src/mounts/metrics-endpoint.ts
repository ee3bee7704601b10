// `GET /metrics` on a port of this machine, for a Prometheus that runs here.
import type { AddressInfo } from 'node:net';
import { EXPOSITION_TYPE } from './prometheus.ts';

export interface MetricsEndpoint {
  readonly port: number;
  /** What is answered; until then it is 503. */
  measure: (() => Promise<string>) | undefined;
  close(): void;
}

/** Port 0 is any that is free. Rejects when the port cannot be had. */
export async function listenForMetrics(port: number): Promise<MetricsEndpoint> {
  // `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms of every mount.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer((request, response) => {
    const known = request.url?.split('?')[0] === '/metrics' && request.method === 'GET';
    const text = known ? endpoint.measure?.() : undefined;
    if (text === undefined) {
      response.writeHead(known ? 503 : 404).end();
      return;
    }
    text.then(
      (metrics) => response.writeHead(200, { 'content-type': EXPOSITION_TYPE }).end(metrics),
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`--metrics-port: 127.0.0.1:${port} cannot be had: ${error.message}`)),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  const endpoint: MetricsEndpoint = {
    port: (server.address() as AddressInfo).port,
    measure: undefined,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return endpoint;
}
