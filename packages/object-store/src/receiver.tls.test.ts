/**
 * Bodies that come over TLS. Whom to trust is said to Node as for every program that runs on it (NODE_EXTRA_CA_CERTS),
 * and read when a process starts: the client is a process of its own.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'moorage-tls-'));
const certificate = join(dir, 'certificate.pem');
const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251));
const ports = new Set<number | undefined>();
let requests = 0;
let breaks = false;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  const key = join(dir, 'key.pem');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=store'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]);
  const identity = { key: readFileSync(key), cert: readFileSync(certificate) };
  server = createServer(identity, (request, response) => {
    requests++;
    ports.add(request.socket.remotePort);
    const [start = 0, end = 0] = request.headers.range!.match(/\d+/g)!.map(Number);
    const body = content.subarray(start, end + 1);
    response.writeHead(206, {
      etag: '"e"',
      'content-length': body.length,
      'content-range': `bytes ${start}-${end}/${content.length}`,
    });
    if (!breaks) return response.end(body);
    breaks = false;
    response.write(body.subarray(0, 700_000), () => request.socket.destroy());
  });
  // Under 127.0.0.2 as well, which the certificate does not know.
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

/** What a client in a process of its own prints: `script` finds the endpoint, `Receiver` and a bucket `store`. */
async function client(script: string, o: { trusts: boolean; host?: string }): Promise<string> {
  const endpoint = `https://${o.host ?? 'localhost'}:${(server.address() as AddressInfo).port}`;
  const module = (name: string): string => JSON.stringify(join(import.meta.dirname, name));
  const text = `
    import { createHash } from 'node:crypto';
    import { openBucket } from ${module('open-bucket.ts')};
    import { Receiver } from ${module('receiver.ts')};
    const endpoint = '${endpoint}';
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'very-secret' };
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
    const store = await openBucket({ bucket: 'b', endpoint, region: 'us-east-1', credentials, clock });
    const hash = createHash('sha256');
    const sink = (bytes) => void hash.update(bytes);
    const receive = (start, end, to = sink) =>
      store.receive('k', { ifMatch: 'e', versionId: 'v', range: { start, end } }, to);
    ${script}
    await store.close();`;
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const { stdout } = await run(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', text],
    { env: o.trusts ? { ...env, NODE_EXTRA_CA_CERTS: certificate } : env, timeout: 60_000 },
  );
  return stdout.trim();
}

const sha256 = createHash('sha256').update(content).digest('hex');

test.each(['localhost', '127.0.0.1'])('by %s: ranges come over one connection', async (host) => {
  ports.clear();
  requests = 0;
  const script = `for (let at = 0; at < 3_000_000; at += 1_000_000) await receive(at, at + 999_999);
    console.log(hash.digest('hex'));`;
  expect(await client(script, { trusts: true, host })).toBe(sha256);
  expect([requests, ports.size]).toEqual([3, 1]);
});

test('a connection that breaks is gone on from where it broke', async () => {
  requests = 0;
  breaks = true;
  const script = `await receive(0, 2_999_999); console.log(hash.digest('hex'));`;
  expect(await client(script, { trusts: true })).toBe(sha256);
  expect(requests).toBe(2);
});

test('what the sink throws is what the caller gets, and the next one is not harmed', async () => {
  const script = `
    const full = () => { throw new Error('no space left'); };
    console.log(await receive(0, 2_999_999, full).catch(({ message }) => message));
    await receive(0, 2_999_999); console.log(hash.digest('hex'));`;
  const said = await client(script, { trusts: true });
  expect(said).toBe(`no space left\n${sha256}`);
});

test('who is not trusted is told nothing, and the error says why', async () => {
  requests = 0;
  const script = `
    const receiver = new Receiver(endpoint);
    console.log(await receiver.get('/b/k', { host: 'h', range: 'bytes=0-9' }, () => sink));
    console.log((await receive(0, 9).catch((error) => error)).message);`;
  const said = await client(script, { trusts: false });
  expect(said).toMatch(/^false\n.*DEPTH_ZERO_SELF_SIGNED_CERT/);
  expect(requests).toBe(0);
});

test('a certificate for other names is refused', async () => {
  requests = 0;
  const script = `console.log((await receive(0, 9).catch((error) => error)).message);`;
  const said = await client(script, { trusts: true, host: '127.0.0.2' });
  expect(said).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(requests).toBe(0);
});
