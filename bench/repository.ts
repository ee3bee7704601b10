/** A generated git repository: TypeScript files of realistic length in directories of forty. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function generateRepository(directory: string, files: number): Promise<void> {
  for (let index = 0; index < files; index++) {
    const area = join(directory, 'src', `area-${Math.floor(index / 40)}`);
    if (index % 40 === 0) await mkdir(area, { recursive: true });
    await writeFile(join(area, `module-${index}.ts`), source(index));
  }
  await writeFile(join(directory, 'README.md'), '# Generated\n');
  const git = (...args: string[]): Promise<unknown> => run('git', ['-C', directory, ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git(
    ...['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com'],
    ...['commit', '--quiet', '--message=Generated'],
  );
}

/** About 2 KiB; every fortieth file holds a planted defect. */
function source(index: number): string {
  const lines = [`import { createHash } from 'node:crypto';`, ''];
  for (let part = 0; part < 8; part++) {
    lines.push(
      `/** Part ${part} of module ${index}. */`,
      `export function compute${index}x${part}(values: number[]): number {`,
      `  let total = ${(index * 31 + part * 7) % 997};`,
      `  for (const value of values) total += value * ${part + 1} + ${index % 13};`,
      `  return total % ${1009 + index};`,
      `}`,
      '',
    );
  }
  const hash = index % 40 === 0 ? 'md5' : 'sha256';
  lines.push(
    `export function digest${index}(text: string): string {`,
    `  return createHash('${hash}').update(text).digest('hex');`,
    `}`,
    '',
  );
  return lines.join('\n');
}
