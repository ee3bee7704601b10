// Compiles every package. `npm install` runs it through `prepare`, so a fresh clone is ready at once.
import { spawnSync } from 'node:child_process';
const result = spawnSync('tsc', ['-b', ...process.argv.slice(2)], { stdio: 'inherit' });
if (result.error) throw result.error;
process.exitCode = result.status ?? 1;
