/** Mounts a `MemoryFileSystem`, uses it from another process, unmounts it, and prints what was seen. */
import { spawn, execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MountError } from '../mount-error.ts';
import { openAndMount, unmount } from '../mount.ts';

const run = promisify(execFile);

try {
  const mount = await openAndMount({ dir: process.argv[2]!, fsName: 'memory' });
  const main = fileURLToPath(new URL('./serve-memory.ts', import.meta.url));
  const server = spawn(process.execPath, [main, '-', JSON.stringify(mount.identity)], {
    stdio: ['pipe', 'ignore', 'inherit', mount.fd],
  });
  const script =
    '[ -O . ] && echo owner mine; echo hello > f && cat f && chown "$(id -u)" f && [ -O f ]';
  const { stdout } = await run('bash', ['-c', `cd "$0" && ${script}`, mount.dir], {
    env: { PATH: '/usr/bin:/bin' },
  });
  console.log(stdout.trimEnd());
  await unmount(mount.dir);
  server.kill('SIGKILL');
  console.log('unmounted');
} catch (error) {
  if (!(error instanceof MountError)) throw error;
  console.log(`${error.code} ${error.message}`);
}
