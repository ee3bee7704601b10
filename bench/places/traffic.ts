/** Passes connections on to a store and counts what it is sent. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CountedTraffic {
  endpoint: string;
  sentBytes(): number;
  close(): void;
}

export async function countTraffic(endpoint: string): Promise<CountedTraffic> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  const server = createServer((client) => {
    const store = connect(Number(port), hostname);
    client.on('data', (bytes) => (sentBytes += bytes.length));
    client.pipe(store).pipe(client);
    for (const socket of [client, store]) {
      sockets.add(socket);
      socket.setNoDelay().on('close', () => sockets.delete(socket));
      // One end gone: so is the other.
      socket.on('error', () => (client.destroy(), store.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
