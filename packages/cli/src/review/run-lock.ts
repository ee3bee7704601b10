// One process works on a run: two would serve the same files and unmount each other's.
import { createHash } from 'node:crypto';
import { realpathSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { usageError } from '../command-line/outcome.ts';
import { requestFile, type RunDirectory } from './run-directory.ts';

/**
 * Takes the run for the life of this process and marks it as used now. The lock is a name in the kernel's table of
 * sockets (unix(7), abstract), which goes with the process however that ends. Throws a usage error when it is taken.
 */
export async function holdRun(run: RunDirectory): Promise<void> {
  const place = createHash('sha256').update(realpathSync(run.path)).digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        usageError(
          `Another process is working on the run ${run.runId}.`,
          'Wait until it has ended, or stop it with Ctrl-C; then resume the run if need be.',
        ),
      );
    });
    server.listen(`\0moorage-run-${place}`, resolve);
  });
  server.unref();
  const now = new Date();
  utimesSync(requestFile(run), now, now);
}
