// Files that payloads of executions point to (`createFileSystemSerdes`), for those who look at them from
// outside: `GET /moorage/payload-file?function=NAME&file=/mnt/…` while the stack is up; afterwards from the
// bucket, for which `payload-roots.json` in the state directory says under which keys they are.
//
// A function decides what it writes into a payload. Nothing but regular files below the root of the
// function's own mount is read: the check is made on the file that was opened, so that no link can be
// put in its place in between. It is opened by a child process, as everything in a mount is.
import { spawn } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StackPlan } from '../template/plan.ts';
import type { RequestHandler } from './endpoint.ts';

/** Where the files of one function's mount are in the bucket. */
export interface PayloadRoot {
  readonly mountPath: string;
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly keyPrefix: string;
}

/** By function name. */
export type PayloadRoots = Readonly<Record<string, PayloadRoot>>;

export const PAYLOAD_FILE_BYTES_MAX: number = 8 * 1024 * 1024;
const ROUTE = '/moorage/payload-file';
const READ_MS_MAX = 10_000;

export function savePayloadRoots(stateDir: string, plan: StackPlan): void {
  const roots: Record<string, PayloadRoot> = {};
  for (const { name, mount } of plan.functions) {
    const point = plan.accessPoints.find(({ logicalId }) => logicalId === mount?.accessPoint);
    const fileSystem = plan.fileSystems.find(({ logicalId }) => logicalId === point?.fileSystem);
    const bucket = plan.buckets.find(({ logicalId }) => logicalId === fileSystem?.bucket);
    if (!mount || !point || !fileSystem || !bucket) continue;
    const below = point.rootPath.split('/').filter((part) => part !== '');
    const keyPrefix = fileSystem.prefix + below.map((part) => `${part}/`).join('');
    roots[name] = { mountPath: mount.path, bucket: bucket.bucket, keyPrefix };
  }
  const file = rootsFile(stateDir);
  writeFileSync(`${file}.new`, JSON.stringify(roots));
  renameSync(`${file}.new`, file);
}

/** Empty for a stack that was never up. */
export function readPayloadRoots(stateDir: string): PayloadRoots {
  try {
    return JSON.parse(readFileSync(rootsFile(stateDir), 'utf8')) as PayloadRoots;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Path of a file below its mount; undefined when it is not there. */
export function belowMount(mountPath: string, file: string): string | undefined {
  const below = path.posix.relative(mountPath, path.posix.normalize(file));
  const outside = below === '' || below === '..' || below.startsWith('../');
  return outside || !path.posix.isAbsolute(file) ? undefined : below;
}

/** `directories` are those of the access points, by logical id. */
export function payloadFiles(
  plan: Pick<StackPlan, 'functions'>,
  directories: ReadonlyMap<string, string>,
): RequestHandler {
  return (req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost');
    if (url.pathname !== ROUTE) return false;
    req.resume();
    const { searchParams: query } = url;
    const mount = plan.functions.find(({ name }) => name === query.get('function'))?.mount;
    const root = mount && directories.get(mount.accessPoint);
    const below = mount && belowMount(mount.path, query.get('file') ?? '');
    const reading =
      root === undefined || below === undefined
        ? Promise.reject(new Error('it is not in the workspace of its function'))
        : readBelow(root, below);
    reading.then(
      (content) => res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(content),
      (error: Error) => {
        res.writeHead(404, { 'content-type': 'application/json' });
        res.end(JSON.stringify({ Type: 'ResourceNotFoundException', message: error.message }));
      },
    );
    return true;
  };
}

const SCRIPT = `
root=$(realpath -e -- "$1") || exit 3
test -f "$1/$2" || exit 3
exec < "$1/$2" || exit 3
case $(readlink /proc/$$/fd/0) in "$root"/*) ;; *) exit 4 ;; esac
exec head -c $3`;

/** Rejects with a reason that completes "FILE cannot be shown: …". */
function readBelow(root: string, below: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const limit = String(PAYLOAD_FILE_BYTES_MAX + 1);
    const child = spawn('sh', ['-c', SCRIPT, 'read', root, below, limit], {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
      timeout: READ_MS_MAX,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      const content = Buffer.concat(chunks);
      if (status === 4) reject(new Error('it is not in the workspace of its function'));
      else if (status !== 0) reject(new Error('it is not there, or cannot be read'));
      else if (content.length > PAYLOAD_FILE_BYTES_MAX)
        reject(new Error(`it is larger than ${PAYLOAD_FILE_BYTES_MAX} bytes`));
      else resolve(content);
    });
  });
}

function rootsFile(stateDir: string): string {
  return path.join(stateDir, 'payload-roots.json');
}
