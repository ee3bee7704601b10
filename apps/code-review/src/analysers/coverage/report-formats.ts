/**
 * Coverage reports that a repository holds: lcov, Istanbul's coverage-final.json, Cobertura, JaCoCo, and Go
 * cover profiles. All become the same thing: for each file the lines that ran and the lines that did not.
 * The XML readers look at exactly the attributes they need; documents are data here, no entity is expanded.
 */

/** Line to whether it ran; lines without code are absent. */
export type LineCoverage = ReadonlyMap<number, boolean>;

export interface CoverageReport {
  readonly format: string;
  /** Keyed by the path as the report names it. */
  readonly files: ReadonlyMap<string, LineCoverage>;
}

export function isCoverageReport(path: string): boolean {
  return /(?:^|\/)(?:lcov\.info|[\w.-]*\.lcov|coverage-final\.json|cobertura[\w.-]*\.xml|coverage(?:\.cobertura)?\.xml|jacoco[\w.-]*\.xml|(?:c|cover|coverage|profile)\.(?:out|cov|txt))$/i.test(
    path,
  );
}

/** Null when the text is none of the formats. Throws nothing: a damaged report is no report. */
export function readCoverageReport(text: string): CoverageReport | null {
  const files = new Map<string, Map<number, boolean>>();
  const head = text.slice(0, 2000);
  let format: string;
  if (/^(?:TN:|SF:)/m.test(head)) {
    format = 'lcov';
    readLcov(text, files);
  } else if (/^\s*\{\s*"/.test(head) && head.includes('"statementMap"')) {
    format = 'istanbul';
    if (!readIstanbul(text, files)) return null;
  } else if (/^mode: (?:set|count|atomic)/.test(head)) {
    format = 'go';
    readGo(text, files);
  } else if (/<report\b|JACOCO/i.test(head) && text.includes('<sourcefile')) {
    format = 'jacoco';
    readJacoco(text, files);
  } else if (/<coverage\b/.test(head)) {
    format = 'cobertura';
    readCobertura(text, files);
  } else {
    return null;
  }
  return files.size === 0 ? null : { format, files };
}

type Files = Map<string, Map<number, boolean>>;

function linesOf(files: Files, path: string): Map<number, boolean> {
  const known = files.get(path);
  if (known) return known;
  const made = new Map<number, boolean>();
  files.set(path, made);
  return made;
}

/** A line ran when any record says so. */
function mark(lines: Map<number, boolean>, line: number, ran: boolean): void {
  if (Number.isSafeInteger(line) && line > 0) lines.set(line, ran || lines.get(line) === true);
}

function readLcov(text: string, files: Files): void {
  let lines: Map<number, boolean> | null = null;
  for (const record of text.split('\n')) {
    if (record.startsWith('SF:')) lines = linesOf(files, record.slice(3).trim());
    else if (record.startsWith('DA:') && lines) {
      const [line, count] = record.slice(3).split(',');
      mark(lines, Number(line), Number(count) > 0);
    }
  }
}

interface IstanbulFile {
  readonly path?: string;
  readonly statementMap?: Record<string, { start: { line: number }; end: { line: number } }>;
  readonly s?: Record<string, number>;
}

function readIstanbul(text: string, files: Files): boolean {
  let report: Record<string, IstanbulFile>;
  try {
    report = JSON.parse(text) as Record<string, IstanbulFile>;
  } catch {
    return false;
  }
  for (const [key, file] of Object.entries(report)) {
    if (!file?.statementMap || !file.s) continue;
    const lines = linesOf(files, file.path ?? key);
    for (const [id, { start }] of Object.entries(file.statementMap)) {
      mark(lines, start.line, (file.s[id] ?? 0) > 0);
    }
  }
  return true;
}

/** `path:startLine.startColumn,endLine.endColumn statements count` */
function readGo(text: string, files: Files): void {
  for (const match of text.matchAll(/^(.+):(\d+)\.\d+,(\d+)\.\d+ \d+ (\d+)$/gm)) {
    const [, path = '', start, end, count] = match;
    const lines = linesOf(files, path);
    for (let line = Number(start); line <= Number(end) && line - Number(start) < 10_000; line++) {
      mark(lines, line, Number(count) > 0);
    }
  }
}

function readCobertura(text: string, files: Files): void {
  let lines: Map<number, boolean> | null = null;
  for (const [tag] of text.matchAll(/<(?:class|line)\s[^>]*>/g)) {
    if (tag.startsWith('<class')) lines = linesOf(files, attribute(tag, 'filename'));
    else if (lines)
      mark(lines, Number(attribute(tag, 'number')), Number(attribute(tag, 'hits')) > 0);
  }
}

function readJacoco(text: string, files: Files): void {
  let folder = '';
  let lines: Map<number, boolean> | null = null;
  for (const [tag] of text.matchAll(/<(?:package|sourcefile|line)\s[^>]*>|<\/sourcefile>/g)) {
    if (tag.startsWith('<package')) folder = attribute(tag, 'name');
    else if (tag.startsWith('<sourcefile'))
      lines = linesOf(files, `${folder}/${attribute(tag, 'name')}`);
    else if (tag.startsWith('</')) lines = null;
    else if (lines) mark(lines, Number(attribute(tag, 'nr')), Number(attribute(tag, 'ci')) > 0);
  }
}

function attribute(tag: string, name: string): string {
  return new RegExp(`\\s${name}=["']([^"']*)["']`).exec(tag)?.[1] ?? '';
}
