/**
 * fsx: random reads, writes, mapped reads and writes, truncations, allocations, punched holes and copies inside
 * one file, each compared with a copy in memory. `program` is the binary built from xfstests' `ltp/fsx.c`.
 */
import { createHash } from 'node:crypto';
import { runIn, type ServedMount } from './served-mount.ts';

export interface FormResult {
  readonly name: string;
  readonly options: string;
  readonly operations: number;
  /** Undefined = no difference was found, neither on the mount nor in the bucket afterwards. */
  readonly failure: string | undefined;
}

/** Each stresses another path: the page cache, the exports of large files, descriptors, writes past the cache. */
const forms = [
  { name: 'as it comes', options: '' },
  { name: 'large file', options: '-l 8000000 -o 200000' },
  { name: 'closed and reopened', options: '-c 50' },
  { name: 'system calls only', options: '-R -W' },
  { name: 'caches dropped', options: '-f' },
  { name: 'direct', options: '-Z -R -W -r 4096 -w 4096' },
] as const;

export async function runFsx(o: {
  program: string;
  mount: ServedMount;
  operations: number;
  onForm: (text: string) => void;
}): Promise<FormResult[]> {
  const results: FormResult[] = [];
  const operations = Math.ceil(o.operations / forms.length);
  const waiting = [...forms.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { name, options }] = next;
      const failure = await runForm(o, index, `-q -N ${operations} -S ${index + 1} ${options}`);
      results[index] = { name, options, operations, failure };
      o.onForm(`fsx ${options}: ${failure ?? 'no difference'}`);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

async function runForm(
  o: { program: string; mount: ServedMount },
  index: number,
  options: string,
): Promise<string | undefined> {
  const { mount, program } = o;
  const file = `fsx-${index}`;
  const words = options.trim().split(/ +/);
  const command = [program, ...words, '-P', mount.scratch, file];
  const ran = await runIn(mount.mountPoint, command, { msMax: 3_600_000 });
  if (ran.code !== 0) return `status ${ran.code} ${ran.signal}: ${ran.out.slice(-2_000)}`;
  await mount.server.sync();
  const sum = await runIn(mount.mountPoint, ['sha256sum', file], { msMax: 60_000 });
  const hash = createHash('sha256');
  for await (const chunk of (await mount.bucket.get(file)).body) hash.update(chunk);
  return sum.out.startsWith(hash.digest('hex')) ? undefined : 'the object is not the file';
}
