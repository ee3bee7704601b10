/**
 * Leases: mutual exclusion between agents on different machines for the rare shared write, with nothing
 * but a directory. A lease is a numbered file `<name>.<n>.lease`; the highest number is the current one.
 *
 * Who wants it creates number n+1 exclusively (one winner), and only when n is released or expired. Lower
 * numbers are removed after a higher one exists, never before; so a slow contender that manages to create a
 * number which was used and removed long ago finds a higher one when it looks again, and backs off.
 * The number is a fencing token: it only grows while the directory lives.
 */
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';

export interface LeaseOptions {
  readonly directory: string;
  readonly name: string;
  /** Who holds it, for people who wonder. */
  readonly owner: string;
  readonly clock: () => number;
  readonly leaseMs: number;
}

export interface Lease {
  readonly token: number;
  /** Extends the lease; false when it was lost, and then nothing may be written any more. */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

interface LeaseFile {
  readonly owner: string;
  readonly expiresAt: number;
}

/** Null when somebody else holds the lease. */
export async function acquireLease(options: LeaseOptions): Promise<Lease | null> {
  const { directory, name, owner, clock, leaseMs } = options;
  const current = await highest(directory, name);
  if (current > 0 && (await expiry(directory, name, current, leaseMs)) > clock()) return null;
  const token = current + 1;
  const path = leasePath(directory, name, token);
  const content = (expiresAt: number): string =>
    JSON.stringify({ owner, expiresAt } satisfies LeaseFile);
  try {
    const file = await open(path, 'wx', 0o640);
    try {
      await file.writeFile(content(clock() + leaseMs));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw error;
  }
  if ((await highest(directory, name)) > token) {
    await rm(path, { force: true });
    return null;
  }
  for (const lower of await numbers(directory, name)) {
    if (lower < token) await rm(leasePath(directory, name, lower), { force: true });
  }
  return {
    token,
    renew: async () => {
      if ((await highest(directory, name)) !== token) return false;
      if ((await expiry(directory, name, token, leaseMs)) <= clock()) return false;
      await writeFileAtomic(path, content(clock() + leaseMs));
      return (await highest(directory, name)) === token;
    },
    release: async () => {
      if ((await highest(directory, name)) === token) await writeFileAtomic(path, content(0));
    },
  };
}

function leasePath(directory: string, name: string, token: number): string {
  return join(directory, `${name}.${token}.lease`);
}

async function numbers(directory: string, name: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(`${name}.`) || !entry.endsWith('.lease')) continue;
    const middle = entry.slice(name.length + 1, -'.lease'.length);
    if (/^\d+$/.test(middle)) found.push(Number(middle));
  }
  return found;
}

async function highest(directory: string, name: string): Promise<number> {
  return Math.max(0, ...(await numbers(directory, name)));
}

/** A holder that died between creating and writing its file leaves no expiry: then the file's age counts. */
async function expiry(
  directory: string,
  name: string,
  token: number,
  leaseMs: number,
): Promise<number> {
  const path = leasePath(directory, name, token);
  try {
    const text = await readFile(path, 'utf8');
    if (text !== '') return (JSON.parse(text) as LeaseFile).expiresAt;
    return (await stat(path)).mtimeMs + leaseMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Infinity;
    throw error;
  }
}
