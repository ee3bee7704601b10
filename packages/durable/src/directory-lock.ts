/**
 * One process at a time writes a journal. The lock is a file naming the process and when it began,
 * so that a lock left by a killed process, or one whose number was given away since, is not obeyed.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JournalError } from './errors.ts';

/** Takes the directory's lock; the returned function gives it back. */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, 'lock');
  const me = `${process.pid} ${(await processStart(process.pid)) ?? ''}`;
  for (;;) {
    try {
      await writeFile(path, me, { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readFile(path, 'utf8').catch(() => '');
    const pid = Number(holder.split(' ')[0]);
    const start = pid > 0 ? await processStart(pid) : undefined;
    if (start !== undefined && holder === `${pid} ${start}`) {
      throw new JournalError(
        `${dir} is in use by process ${pid}: stop it, or choose another directory`,
      );
    }
    await rm(path, { force: true });
  }
}

/** The process's start time in clock ticks since boot, or undefined when there is no such process. */
async function processStart(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
