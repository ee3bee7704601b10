/** kill -9 at any moment loses nothing that was acknowledged, and nothing else is damaged. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { rootIno } from './operations.ts';
import { Fixture } from './testing/fixture.ts';

const entry = fileURLToPath(new URL('./testing/crashing-process.ts', import.meta.url));

/** Runs until it has acknowledged so many changes, then kills it. Returns what it acknowledged. */
async function runAndKill(dir: string, seed: number, changes: number): Promise<unknown[][]> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entry, dir, String(seed)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.setEncoding('latin1');
  child.stdout.on('data', (piece: string) => {
    text += piece;
    if (text.length > changes * 20) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(child.signalCode).toBe('SIGKILL');
  const lines = text.split('\n');
  // A torn last line was never read as an acknowledgement by anybody.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as unknown[]);
}

function resized(bytes: Buffer, size: number): Buffer {
  const after = Buffer.alloc(size);
  bytes.copy(after, 0, 0, size);
  return after;
}

function apply(files: Map<string, Buffer>, [op, name, ...rest]: unknown[]): void {
  const key = name as string;
  if (op === 'create') files.set(key, Buffer.alloc(0));
  else if (op === 'unlink') files.delete(key);
  else if (op === 'rename') {
    const bytes = files.get(key)!;
    files.delete(key);
    files.set(rest[0] as string, bytes);
  } else if (op === 'truncate') files.set(key, resized(files.get(key)!, rest[0] as number));
  else if (op === 'write') {
    const [offset, length, byte] = rest as [number, number, number];
    const old = files.get(key)!;
    const bytes = resized(old, length === 0 ? old.length : Math.max(old.length, offset + length));
    bytes.fill(byte, length === 0 ? 0 : offset, length === 0 ? 0 : offset + length);
    files.set(key, bytes);
  }
}

function sameAs(fx: Fixture, files: Map<string, Buffer>): string {
  const names = fx.names().sort();
  const expected = [...files.keys()].sort();
  if (names.join() !== expected.join()) return `names ${names.join()} for ${expected.join()}`;
  for (const [name, bytes] of files) {
    if (fx.read(fx.lookup(rootIno, name)) !== bytes.toString('latin1')) return `bytes of ${name}`;
  }
  return 'same';
}

test('everything acknowledged is there after kill -9, round after round', async () => {
  const fx = new Fixture();
  const files = new Map<string, Buffer>();
  try {
    for (let round = 0; round < 6; round++) {
      fx.fs.close();
      const done = await runAndKill(fx.dir, 100 + round, 40 + round * 60);
      expect(done.length).toBeGreaterThan(20);
      for (const change of done) apply(files, change);
      fx.reopen();
      // One more change may have been carried out that was not acknowledged any more; it is not known which,
      // so the files are taken over as they are once they differ in one file at most.
      const outcome = sameAs(fx, files);
      if (outcome !== 'same') {
        const differing = differences(fx, files);
        expect(differing.length).toBeLessThanOrEqual(2);
        for (const name of differing) {
          if (fx.names().includes(name))
            files.set(name, Buffer.from(fx.read(fx.lookup(rootIno, name)), 'latin1'));
          else files.delete(name);
        }
        expect(sameAs(fx, files)).toBe('same');
      }
    }
  } finally {
    fx.end();
  }
}, 120_000);

/** Names whose presence or bytes differ: a rename concerns two. */
function differences(fx: Fixture, files: Map<string, Buffer>): string[] {
  const names = new Set([...fx.names(), ...files.keys()]);
  const present = fx.names();
  return [...names].filter((name) => {
    const expected = files.get(name);
    if (expected === undefined || !present.includes(name)) return true;
    return fx.read(fx.lookup(rootIno, name)) !== expected.toString('latin1');
  });
}
