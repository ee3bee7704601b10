/**
 * The files of the snapshot as analysers see them: language by name, and whether a file is worth reading
 * (binary, vendored, generated, minified and lock files are not; each skip has its reason in the ledger).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestFile } from '@moorage/workspace';

export const languages = [
  'typescript',
  'tsx',
  'javascript',
  'python',
  'go',
  'java',
  'other',
] as const;
export type Language = (typeof languages)[number];

export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  readonly language: Language;
}

const byExtension: Readonly<Record<string, Language>> = {
  ts: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
  tsx: 'tsx',
  jsx: 'tsx',
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  py: 'python',
  pyi: 'python',
  go: 'go',
  java: 'java',
};

const binaryExtensions = new Set(
  (
    '7z a ai avi avif bin bmp br bz2 class dat db dll dylib eot exe flac gif glb gz ico icns jar jpeg jpg ' +
    'keystore lib mo mov mp3 mp4 o obj ogg otf pack parquet pdf png ppt pptx psd pyc pyd rar so sqlite svgz ' +
    'tar tgz tif tiff ttf wasm wav webm webp woff woff2 xls xlsx xz zip zst docx'
  ).split(' '),
);

const lockFiles = new Set(
  (
    'package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock composer.lock ' +
    'Gemfile.lock Cargo.lock poetry.lock Pipfile.lock pdm.lock uv.lock go.sum gradle.lockfile flake.lock'
  ).split(' '),
);

const vendored =
  /(?:^|\/)(?:node_modules|bower_components|jspm_packages|vendor|third[_-]?party|\.yarn|\.mvn\/wrapper|gradle\/wrapper|\.venv|site-packages|__pycache__)\//;

/** Below a directory that is served to browsers: a directory of others' scripts, or a well-known one by its name. */
const served = /(?:^|\/)(?:assets?|static|public|resources|webapp|www|wwwroot)\//;
const servedLibrary =
  /\/(?:libs?|plugins?|vendors?)\/.*\.js$|\/(?:(?:jquery|bootstrap|angular|backbone|underscore|lodash|handlebars|require|react|vue|ember|moment|modernizr|mootools|knockout|socket\.io|highcharts|codemirror|ace|d3|three|leaflet|select2|datatables|ckeditor|tinymce|summernote|raphael|swagger-ui|OrbitControls)(?:[.-][\w.-]+)?|[\w.-]+[-.]v?\d+\.\d+(?:\.\d+)?)\.js$/i;

/** A line longer than this on average is not written by a person. */
const averageLineMax = 400;

export function languageOf(path: string): Language {
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  return byExtension[extension] ?? 'other';
}

/** Code that no person wrote or that belongs to somebody else; null when the file is worth reading. */
export function skipByName(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  if (binaryExtensions.has(extension)) return 'binary file';
  if (lockFiles.has(name)) return 'lock file';
  if (vendored.test(path) || (served.test(path) && servedLibrary.test(path))) return 'vendored';
  if (/[.-]min\.(?:js|mjs|cjs|css)$/.test(name) || /\.(?:map|snap)$/.test(name)) {
    return 'minified or generated';
  }
  if (/(?:\.pb\.go|_pb2(?:_grpc)?\.py|\.g\.dart|\.designer\.cs|\.generated\.\w+)$/i.test(name)) {
    return 'generated';
  }
  return null;
}

/** The same by content. */
export function skipByContent(text: string): string | null {
  if (text.startsWith('version https://git-lfs.github.com/spec/')) return 'Git LFS pointer';
  const head = text.slice(0, 2000);
  if (/^.{0,10}\bCode generated .{0,200}DO NOT EDIT|^.{0,10}@generated\b/im.test(head)) {
    return 'generated';
  }
  if (text.length > 10_000) {
    let lines = 1;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
    if (text.length / lines > averageLineMax) return 'minified or data';
  }
  return null;
}

/** Test code by the conventions of its language. */
export function isTestPath(path: string): boolean {
  return (
    /(?:^|\/)(?:__tests__|__mocks__|tests?|specs?|testing|fixtures|testdata|e2e|cypress)\//i.test(
      path,
    ) ||
    /(?:[._-](?:test|tests|spec|e2e|cy)\.[cm]?[jt]sx?|_test\.go|(?:^|\/)test_[^/]*\.py|_test\.py|(?:^|\/)conftest\.py|(?:Test|Tests|IT|TestCase)\.java)$/.test(
      path,
    )
  );
}

/** Texts kept in memory; beyond it files are read again. */
const cachedCharactersMax = 128 * 1024 * 1024;

export interface Skip {
  readonly path: string;
  readonly reason: string;
}

export interface SourceTree {
  /** Directory of the snapshot. */
  readonly root: string;
  /** Files worth reading, in the order of the manifest. */
  readonly files: readonly SourceFile[];
  /** Files left out, known after the texts were read. */
  readonly skipped: readonly Skip[];
  /** The text, or null when the file turned out to be binary, generated or unreadable. */
  text(path: string): string | null;
}

/** Reads every text once, so that all analysers agree on what is skipped. */
export function openSourceTree(root: string, manifest: readonly ManifestFile[]): SourceTree {
  const files: SourceFile[] = [];
  const skipped: Skip[] = [];
  const cache = new Map<string, string>();
  let cachedCharacters = 0;
  for (const { path, bytes } of manifest) {
    const reason = skipByName(path);
    if (reason !== null) {
      skipped.push({ path, reason });
      continue;
    }
    const text = readText(join(root, path));
    const contentReason = text === null ? 'binary file' : skipByContent(text);
    if (text === null || contentReason !== null) {
      skipped.push({ path, reason: contentReason ?? 'binary file' });
      continue;
    }
    files.push({ path, bytes, language: languageOf(path) });
    if (cachedCharacters + text.length <= cachedCharactersMax) {
      cachedCharacters += text.length;
      cache.set(path, text);
    }
  }
  return {
    root,
    files,
    skipped,
    text: (path) => cache.get(path) ?? readText(join(root, path)),
  };
}

/** Null for a file with a NUL byte. Bytes that are not UTF-8 become replacement characters. */
function readText(path: string): string | null {
  const bytes = readFileSync(path);
  if (bytes.subarray(0, 8000).includes(0)) return null;
  const text = bytes.toString();
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
