// A small git repository with planted defects of every reviewer, and with things that must do no harm.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "planted", "version": "1.0.0", "type": "module" }\n',
  'README.md': '# Planted\n',
  'src/users.js': `import { createHash } from 'node:crypto';
import { exec } from 'node:child_process';

export function findUser(db, request) {
  return db.query("SELECT * FROM users WHERE name = '" + request.query.name + "'");
}

export function fingerprint(password) {
  return createHash('md5').update(password).digest('hex');
}

export function archive(request) {
  exec('tar czf backup.tgz ' + request.query.directory);
}
`,
  'src/prices.ts': `export function total(prices: number[]): number {
  let unused = 0;
  let sum = 0;
  for (const price of prices) sum += price;
  if (sum == null) debugger;
  return sum;
}
`,
  'src/prices.test.ts': `import { total } from './prices.ts';
if (total([1, 2]) !== 3) throw new Error('wrong');
`,
  // No test imports it, and it is large enough to be worth one.
  'src/shipping.ts': untestedModule(),
  'tools/deploy.py': `import subprocess


def deploy(target, options=[]):
    subprocess.call("scp build.tgz " + target, shell=True)
    return options
`,
  'docs/naïve name with spaces.md': 'text\n',
};

function untestedModule(): string {
  const zones = ['home', 'near', 'far', 'island', 'abroad', 'remote', 'polar', 'orbit'];
  const cases = zones.map(
    (zone, index) => `  if (zone === '${zone}' && grams > ${index * 100}) {
    if (express) return ${index + 5} + grams / 100;
    return ${index + 2} + grams / 200;
  }`,
  );
  return `export function shippingPrice(zone: string, grams: number, express: boolean): number {
${cases.join('\n')}
  throw new Error('unknown zone ' + zone);
}
`;
}

/** Git for tests: independent of the machine's configuration. */
export function git(directory: string, ...args: string[]): string {
  return execFileSync('git', ['-C', directory, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Test',
      GIT_AUTHOR_EMAIL: 'test@example.com',
      GIT_COMMITTER_NAME: 'Test',
      GIT_COMMITTER_EMAIL: 'test@example.com',
    },
  }).trim();
}

/** Makes the repository; gives back its only commit. */
export function plantRepository(directory: string): string {
  for (const [name, text] of Object.entries(FILES)) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  symlinkSync('/etc/passwd', path.join(directory, 'src', 'passwd'));
  git(directory, 'init', '--quiet', '--initial-branch=main');
  git(directory, 'add', '--all');
  git(directory, 'commit', '--quiet', '--message=Planted');
  git(directory, 'tag', 'v1');
  return git(directory, 'rev-parse', 'HEAD');
}
