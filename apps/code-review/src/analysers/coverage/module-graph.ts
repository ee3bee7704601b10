/**
 * Which file imports which, by the text of the import statements: good enough to tell what no test can
 * reach. JavaScript and TypeScript by relative paths and names of workspace packages, Python by module
 * names, Go by packages, Java by class names.
 */
import type { SourceFile, SourceTree } from '../source-file.ts';

export type ModuleGraph = ReadonlyMap<string, ReadonlySet<string>>;

const scriptExtensions = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];

export function moduleGraph(tree: SourceTree, code: readonly SourceFile[]): ModuleGraph {
  const paths = new Set(code.map((file) => file.path));
  const packages = workspacePackages(tree);
  const modules = pythonModules(code);
  const folders = goFolders(code);
  const goModule = /^module\s+(\S+)/m.exec(goMod(tree))?.[1] ?? null;
  const classes = new Map(
    code.flatMap(({ path, language }) =>
      language === 'java' ? [[path.slice(path.lastIndexOf('/') + 1, -5), path] as const] : [],
    ),
  );
  const graph = new Map<string, Set<string>>();
  for (const { path, language } of code) {
    const text = tree.text(path) ?? '';
    const targets = new Set<string>();
    graph.set(path, targets);
    switch (language) {
      case 'typescript':
      case 'tsx':
      case 'javascript':
        for (const [, name = ''] of text.matchAll(/['"`]([^'"`\n\s]{1,300})['"`]/g)) {
          const target = name.startsWith('.')
            ? resolveScript(join(directory(path), name), paths)
            : resolvePackage(name, packages, paths);
          if (target !== null) targets.add(target);
        }
        break;
      case 'python':
        for (const name of pythonImports(text, path)) {
          for (const target of modules.get(name) ?? []) targets.add(target);
        }
        break;
      case 'go':
        for (const sibling of folders.get(directory(path)) ?? []) targets.add(sibling);
        if (goModule !== null) {
          for (const [, name = ''] of text.matchAll(/^\s*(?:import\s+)?(?:\w+\s+)?"([^"\n]+)"/gm)) {
            if (!name.startsWith(goModule)) continue;
            const folder = name.slice(goModule.length).replace(/^\//, '');
            for (const target of folders.get(folder) ?? []) targets.add(target);
          }
        }
        break;
      case 'java':
        for (const [name] of text.matchAll(/\b[A-Z]\w+\b/g)) {
          const target = classes.get(name);
          if (target !== undefined) targets.add(target);
        }
        break;
      case 'other':
        break;
    }
    targets.delete(path);
  }
  return graph;
}

/** Everything that can be reached from the given files, themselves included, with the distance. */
export function reachable(graph: ModuleGraph, from: Iterable<string>): Map<string, number> {
  const distance = new Map<string, number>();
  let edge = [...from];
  for (const path of edge) distance.set(path, 0);
  for (let step = 1; edge.length > 0; step++) {
    const next: string[] = [];
    for (const path of edge) {
      for (const target of graph.get(path) ?? []) {
        if (distance.has(target)) continue;
        distance.set(target, step);
        next.push(target);
      }
    }
    edge = next;
  }
  return distance;
}

function directory(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

/** Joins and normalises; '' when it leaves the tree. */
function join(base: string, name: string): string {
  const parts = base === '' ? [] : base.split('/');
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return '';
  }
  return parts.join('/');
}

function resolveScript(path: string, paths: ReadonlySet<string>): string | null {
  if (path === '') return null;
  if (paths.has(path)) return path;
  const bare = path.replace(/\.(?:[cm]?[jt]sx?)$/, '');
  for (const extension of scriptExtensions) {
    for (const candidate of [
      `${bare}${extension}`,
      `${path}${extension}`,
      `${path}/index${extension}`,
    ]) {
      if (paths.has(candidate)) return candidate;
    }
  }
  return null;
}

function workspacePackages(tree: SourceTree): Map<string, string> {
  const found = new Map<string, string>();
  for (const { path } of tree.files) {
    if (path !== 'package.json' && !path.endsWith('/package.json')) continue;
    const name = /"name"\s*:\s*"([^"]+)"/.exec(tree.text(path) ?? '')?.[1];
    if (name !== undefined) found.set(name, directory(path));
  }
  return found;
}

function resolvePackage(
  name: string,
  packages: ReadonlyMap<string, string>,
  paths: ReadonlySet<string>,
): string | null {
  const parts = name.split('/');
  const length = name.startsWith('@') ? 2 : 1;
  const folder = packages.get(parts.slice(0, length).join('/'));
  if (folder === undefined) return null;
  const rest = parts.slice(length).join('/');
  for (const base of ['src', 'lib', '']) {
    const target = resolveScript(join(folder, `${base}/${rest === '' ? 'index' : rest}`), paths);
    if (target !== null) return target;
  }
  return null;
}

/** Dotted endings of a path (`pkg.mod`, `mod`) to the files. */
function pythonModules(code: readonly SourceFile[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, language } of code) {
    if (language !== 'python') continue;
    const parts = path
      .replace(/\.pyi?$/, '')
      .replace(/\/__init__$/, '')
      .split('/');
    for (let from = 0; from < parts.length; from++) {
      const name = parts.slice(from).join('.');
      const list = found.get(name);
      if (list) list.push(path);
      else found.set(name, [path]);
    }
  }
  return found;
}

function* pythonImports(text: string, path: string): Generator<string> {
  for (const [, names = ''] of text.matchAll(/^[ \t]*import[ \t]+([\w., \t]+)/gm)) {
    for (const name of names.split(',')) yield name.trim().split(/\s+/)[0] ?? '';
  }
  for (const [, dots = '', module = '', names = ''] of text.matchAll(
    /^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)/gm,
  )) {
    const folders = path.split('/').slice(0, -1);
    const base =
      dots === ''
        ? module
        : [...folders.slice(0, folders.length - dots.length + 1), ...module.split('.')]
            .filter((part) => part !== '')
            .join('.');
    yield base;
    for (const name of names.replaceAll(/[()\\]/g, '').split(',')) {
      const first = name.trim().split(/\s+/)[0] ?? '';
      if (first !== '') yield base === '' ? first : `${base}.${first}`;
    }
  }
}

function goFolders(code: readonly SourceFile[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, language } of code) {
    if (language !== 'go') continue;
    const list = found.get(directory(path));
    if (list) list.push(path);
    else found.set(directory(path), [path]);
  }
  return found;
}

function goMod(tree: SourceTree): string {
  return tree.files.some(({ path }) => path === 'go.mod') ? (tree.text('go.mod') ?? '') : '';
}
