/**
 * Entry of a child process: `node main.js --dir D [--port N] [--host H] [--region R]
 * [--bucket B]... [--exit-with-stdin]`. Prints one line of JSON when it listens; stops on SIGTERM, SIGINT, or at the
 * end of its standard input when told so.
 */
import { parseArgs } from 'node:util';
import { startLocalS3 } from './start.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      port: { type: 'string', default: '0' },
      host: { type: 'string' },
      region: { type: 'string' },
      bucket: { type: 'string', multiple: true, default: [] },
      'exit-with-stdin': { type: 'boolean', default: false },
    },
  });
  const { dir, port, host, region, bucket } = values;
  if (dir === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(
      'usage: --dir DIR [--port 0..65535] [--host H] [--region R] [--bucket B]... [--exit-with-stdin]',
    );
  }
  const s3 = await startLocalS3({
    dir,
    port: Number(port),
    ...(host === undefined ? {} : { host }),
    ...(region === undefined ? {} : { region }),
    buckets: bucket,
    log: (line) => console.error(line),
  });
  const stop = (): void => {
    s3.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(String(error));
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (values['exit-with-stdin']) process.stdin.once('end', stop).once('error', stop).resume();
  console.log(JSON.stringify({ endpoint: s3.endpoint, ...s3.credentials, region: s3.region }));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
