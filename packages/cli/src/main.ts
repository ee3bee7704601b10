#!/usr/bin/env node
// Entry of the `moorage` command. Any Node since 12 must be able to parse this file, so that it can say which
// one is needed: everything newer is behind the import.
const needed = 24;

if (Number(process.versions.node.split('.')[0]) >= needed) {
  void import('./start.ts');
} else {
  process.stderr.write(
    `moorage: This is Node ${process.versions.node}; moorage needs Node ${needed} or later.\n` +
      '  In a checkout `npm install` brings it: npm run moorage -- <command>\n',
  );
  process.exitCode = 2;
}

export {};
