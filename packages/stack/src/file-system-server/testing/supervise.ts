/** A supervisor in a process of its own: `node supervise.ts <options as JSON>`; says `serving` and goes on for ever. */
import { startFileSystemServer } from '../start-file-system-server.ts';

const options = JSON.parse(process.argv[2]!) as Parameters<typeof startFileSystemServer>[0];
await startFileSystemServer({
  ...options,
  log: (level, message) => console.error(level, message),
});
console.log('serving');
