// A git server over https on this machine that wants a password: git's own http-backend behind Node.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export interface GitServer {
  /** `https://127.0.0.1:port` */
  readonly url: string;
  /** Paths asked for without the right password. */
  readonly refused: string[];
  close(): Promise<void>;
}

/** Serves every repository below `root` to whoever knows `user:password`. */
export async function startGitServer(
  root: string,
  scratch: string,
  secret: string,
): Promise<GitServer> {
  const [key, cert] = [path.join(scratch, 'key.pem'), path.join(scratch, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
    ].concat(subject),
    { stdio: 'ignore' },
  );
  const wanted = `Basic ${Buffer.from(secret).toString('base64')}`;
  const refused: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (req, res) => {
    if (req.headers.authorization !== wanted) {
      refused.push(req.url ?? '');
      res.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const [file = '', query = ''] = (req.url ?? '').split('?');
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        GIT_PROTOCOL: String(req.headers['git-protocol'] ?? ''),
        HTTP_CONTENT_ENCODING: String(req.headers['content-encoding'] ?? ''),
        REQUEST_METHOD: req.method,
        PATH_INFO: decodeURIComponent(file),
        QUERY_STRING: query,
        CONTENT_TYPE: String(req.headers['content-type'] ?? ''),
        REMOTE_USER: 'user',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    req.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const output = Buffer.concat(chunks);
      const end = output.indexOf('\r\n\r\n');
      const headers = output.subarray(0, end).toString('latin1').split('\r\n');
      for (const header of headers) {
        const colon = header.indexOf(':');
        const [name, value] = [header.slice(0, colon), header.slice(colon + 1).trim()];
        if (name.toLowerCase() === 'status') res.statusCode = Number(value.slice(0, 3));
        else if (colon > 0) res.setHeader(name, value);
      }
      res.end(output.subarray(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
