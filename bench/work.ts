/**
 * Jobs on a directory, each a process of its own: `node work.ts JOB DIR …` prints figures as JSON. See `job` in
 * pinned.ts.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import koffi from 'koffi';
import { median } from './statistics.ts';

const MiB = 1024 * 1024;
const [name = '', directory = '', ...numbers] = process.argv.slice(2);
const [count = 0, size = 0] = numbers.map(Number);

const jobs: Record<string, () => unknown> = {
  /** `count` files of `size` bytes in one directory that is made for them. */
  create() {
    const bytes = Buffer.alloc(size, 'moorage ');
    mkdirSync(directory, { recursive: true });
    const start = performance.now();
    for (let index = 0; index < count; index++)
      writeFileSync(join(directory, `file-${index}`), bytes);
    return { createMs: performance.now() - start };
  },

  /** A file of `count` MiB, written in pieces of 1 MiB and closed. */
  write() {
    const bytes = Buffer.alloc(MiB, 'moorage ');
    const start = performance.now();
    const fd = openSync(directory, 'w');
    for (let piece = 0; piece < count; piece++) writeSync(fd, bytes);
    closeSync(fd);
    const writeMs = performance.now() - start;
    const again = openSync(directory, 'r+');
    fdatasyncSync(again);
    closeSync(again);
    return { writeMs, untilFsyncMs: performance.now() - start };
  },

  /** A whole file, in pieces of 1 MiB. */
  read() {
    const bytes = Buffer.alloc(MiB);
    const start = performance.now();
    const fd = openSync(directory, 'r');
    let total = 0;
    for (let n = readSync(fd, bytes); n > 0; n = readSync(fd, bytes)) total += n;
    closeSync(fd);
    const readMs = performance.now() - start;
    return { readMs, readMiBPerSecond: total / MiB / (readMs / 1000) };
  },

  /** The first 4 KiB of every file of a directory: the median. */
  first() {
    const bytes = Buffer.alloc(4096);
    const took = readdirSync(directory).map((file) => {
      const start = performance.now();
      const fd = openSync(join(directory, file), 'r');
      readSync(fd, bytes, 0, 4096, 0);
      const ms = performance.now() - start;
      closeSync(fd);
      return ms;
    });
    return { first4KiBMs: median(took) };
  },

  list() {
    const start = performance.now();
    const names = readdirSync(directory);
    return { listMs: performance.now() - start, names: names.length };
  },

  /** To the path in the second argument. */
  rename() {
    const start = performance.now();
    renameSync(directory, numbers[0]!);
    return { renameMs: performance.now() - start };
  },

  /** Every file of a directory, `count` times over, one after the other. */
  readAll() {
    const files = readdirSync(directory).map((file) => join(directory, file));
    for (const file of files) readFileSync(file);
    const start = performance.now();
    for (let round = 0; round < count; round++) for (const file of files) readFileSync(file);
    return { readAllMs: performance.now() - start };
  },

  /** Every file of a directory, `count` at a time. */
  async readParallel() {
    const start = performance.now();
    const files = readdirSync(directory).map((file) => join(directory, file));
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < files.length) await readFile(files[next++]!);
    };
    await Promise.all(Array.from({ length: count }, lane));
    return { filesPerSecond: (files.length * 1000) / (performance.now() - start) };
  },

  /** One byte at the end of a file. */
  async append() {
    const start = performance.now();
    const file = await open(directory, constants.O_WRONLY | constants.O_APPEND);
    await file.write('x');
    await file.close();
    return { appendMs: performance.now() - start };
  },

  /** How long asking the file system itself for a file's attributes takes: statx, caches left out. */
  getattr() {
    const statx = koffi
      .load(null)
      .func('int statx(int dir, const char *path, int flags, unsigned int mask, void *buffer)');
    const out = Buffer.alloc(256);
    const atCurrentDirectory = -100;
    const forceSync = 0x2000;
    const basic = 0x7ff;
    const ask = (): void => {
      if (statx(atCurrentDirectory, directory, forceSync, basic, out) !== 0)
        throw new Error(`statx ${directory}`);
    };
    for (let index = 0; index < count / 4; index++) ask();
    const start = performance.now();
    for (let index = 0; index < count; index++) ask();
    return { getattrUs: ((performance.now() - start) * 1000) / count };
  },
};

const run = jobs[name];
if (run === undefined) throw new Error(`no job ${name}`);
console.log(JSON.stringify(await run()));
