import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import type { Verb } from '../run.ts';
import { stopSignals } from '../stop-signals.ts';

type Option = 'dir' | 'bucket' | 'port' | 'host' | 'region';

export const verb: Verb<Option> = {
  declaration: {
    name: 'local-s3',
    usage: ['--dir DIR [options]'],
    summary:
      'Serves a directory as an S3 endpoint with versioned buckets, until it is stopped. Prints the endpoint and ' +
      'the credentials, which are kept in the directory.',
    positionals: { min: 0, max: 0 },
    options: {
      dir: { value: 'DIR', help: 'Where buckets and objects are kept; made when missing.' },
      bucket: {
        value: 'NAME',
        repeated: true,
        help: 'Make this bucket, with versioning on, when it is not there. May be repeated.',
      },
      port: { value: 'N', help: 'Port to listen on. Default: a free one.' },
      host: { value: 'ADDRESS', help: 'Address to listen on. Default: 127.0.0.1.' },
      region: { value: 'NAME', help: 'Region of the endpoint. Default: us-east-1.' },
    },
    notes: [
      'Exit codes: 0 stopped; 2 the arguments, the port or the directory cannot be used; 4 internal error.',
    ],
  },
  run: localS3,
};

async function localS3(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const { dir, port = '0', host, region } = args.values;
  if (dir === undefined)
    throw usageError('Missing option: --dir DIR', 'See `moorage local-s3 --help`.');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw usageError(
      `--port ${JSON.stringify(port)} is not a port.`,
      'Give a number from 0 to 65535.',
    );
  }
  const signal = stopSignals(terminal, () => {});
  let store: LocalS3;
  try {
    store = await startLocalS3({
      dir,
      port: Number(port),
      ...(host !== undefined && { host }),
      buckets: args.lists.bucket ?? [],
      ...(region !== undefined && { region }),
      log: (line) => terminal.note(line),
    });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, host ?? '127.0.0.1');
  }
  const { endpoint, credentials } = store;
  terminal.print(`AWS_ENDPOINT_URL_S3=${endpoint}`);
  terminal.print(`AWS_ACCESS_KEY_ID=${credentials.accessKeyId}`);
  terminal.print(`AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`);
  terminal.print(`AWS_REGION=${store.region}`);
  terminal.result({ endpoint, region: store.region, ...credentials, dir });
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  await store.close();
  return EXIT.clean;
}

function explain(error: NodeJS.ErrnoException, host: string): unknown {
  switch (error.code) {
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return usageError(
        `${host} is not an address of this machine.`,
        'Choose another with --host.',
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return usageError(error.message, 'Choose a directory you may write, and a port above 1023.');
    default:
      // The store says itself what to do when its directory or port is taken.
      return error.message.startsWith('local-s3: ') ? usageError(error.message.slice(10)) : error;
  }
}
