/**
 * The style test: what a reviewer would otherwise have to look for in every change.
 *
 * Checks the arrows between packages (manifest, references and imports), file names and sizes,
 * focused tests, untyped escapes, and links between documents. Prints one line a finding.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Who may import whom: docs/ARCHITECTURE.md draws the same. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'packages/local-s3': [],
  'packages/object-store': [],
  'packages/file-system': ['object-store'],
  'packages/fuse': ['file-system'],
  'packages/functions': [],
  'packages/durable': [],
  'packages/durable-agent': [],
  'packages/workspace': [],
  'packages/stack': ['file-system', 'fuse', 'functions', 'durable', 'object-store', 'local-s3'],
  'packages/cli': ['stack', 'durable', 'local-s3', 'object-store', 'workspace', 'code-review'],
  'apps/code-review': ['workspace', 'durable-agent'],
};

const LINES_MAX = 600;
const findings: string[] = [];
const files = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
  .stdout.split('\n')
  .filter((path) => path !== '' && existsSync(path));

for (const path of files) {
  if (/\.tsx?$/.test(path)) checkSource(path, readFileSync(path, 'utf8'));
  if (path.endsWith('.md')) checkLinks(path, readFileSync(path, 'utf8'));
}
for (const [room, allowed] of Object.entries(ARROWS)) checkManifest(room, allowed);

for (const finding of findings) console.error(finding);
console.log(`tidy: ${files.length} files, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

function checkSource(path: string, text: string): void {
  const test = path.endsWith('.test.ts');
  const lines = text.split('\n');
  if (lines.length > LINES_MAX) say(path, 1, `${lines.length} lines: two concepts in one file?`);
  if (!/^[a-z0-9]+([.-][a-z0-9]+)*\.ts$/.test(path.slice(path.lastIndexOf('/') + 1)))
    say(path, 1, 'file names are kebab-case');
  if (/\/(utils|common|helpers)\//.test(path)) say(path, 1, 'name the concept, not "utils"');
  lines.forEach((line, index) => {
    const comment = /^\s*(\/\/|\/?\*)/.test(line);
    if (/\b(it|test|describe)\.(only|skip|todo)\b/.test(line))
      say(path, index + 1, 'focused, skipped or empty test');
    if (
      /\bas any\b|: any\b[^:]*[;,)=]$|@ts-(ignore|nocheck)/.test(line) &&
      !comment &&
      !path.startsWith('scripts/')
    )
      say(path, index + 1, 'untyped escape');
    if (line.startsWith('export default') && !path.endsWith('config.ts'))
      say(path, index + 1, 'named exports only');
  });
  checkImports(path, text, test);
}

function checkImports(path: string, text: string, test: boolean): void {
  const room = roomOf(path);
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const target = match[1]!;
    const line = text.slice(0, match.index).split('\n').length;
    if (target.startsWith('.')) {
      const resolved = normalize(join(dirname(path), target));
      if (room !== undefined && !resolved.startsWith(`${room}/`))
        say(path, line, `${target} leaves ${room}: import the package instead`);
    } else if (target.startsWith('@moorage/') && room !== undefined && !test) {
      const imported = target.split('/')[1]!;
      if (`packages/${imported}` !== room && !ARROWS[room]?.includes(imported))
        say(path, line, `no arrow from ${room} to ${imported}`);
    }
  }
}

function checkManifest(room: string, allowed: readonly string[]): void {
  const manifest = JSON.parse(readFileSync(join(room, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (name.startsWith('@moorage/') && !allowed.includes(name.slice('@moorage/'.length)))
      say(`${room}/package.json`, 1, `no arrow from ${room} to ${name}`);
  }
  for (const [name, version] of Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
  })) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      say(`${room}/package.json`, 1, `pin ${name} exactly`);
  }
}

function checkLinks(path: string, text: string): void {
  for (const match of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    const target = match[1]!;
    if (/^[a-z]+:/.test(target)) continue;
    if (!existsSync(join(dirname(path), target)))
      say(path, text.slice(0, match.index).split('\n').length, `dead link ${target}`);
  }
}

function roomOf(path: string): string | undefined {
  return Object.keys(ARROWS).find((room) => path.startsWith(`${room}/`));
}

function say(path: string, line: number, message: string): void {
  findings.push(`${path}:${line} ${message}`);
}
