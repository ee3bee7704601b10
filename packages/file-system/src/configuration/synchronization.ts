/**
 * The synchronisation configuration of a file system: which data is brought in, and when; how long unread data
 * stays; when changes are exported.
 *
 * Shape, limits and errors are those of S3 Files (`PutSynchronizationConfiguration`, API 2025-05-05), with its
 * defaults; `moorageExportDataRules` is our own addition, since S3 Files has one fixed window for all.
 */

/** When the data of small files is brought in: with their directory, or each file when it is first read. */
export type ImportTrigger = 'ON_DIRECTORY_FIRST_ACCESS' | 'ON_FILE_ACCESS';

export interface ImportDataRule {
  /** '' or a path in the file system that ends with a slash. The longest that fits a file counts. */
  prefix: string;
  trigger: ImportTrigger;
  /** Bytes. Files of this size and larger are read by range. */
  sizeLessThan: number;
}

export interface ExpirationDataRule {
  daysAfterLastAccess: number;
}

/** Moorage's own: a changed file is exported when it has been quiet for so long, or changed for so long. */
export interface ExportDataRule {
  prefix: string;
  quietMs: number;
  maxAgeMs: number;
}

export interface SynchronizationConfiguration {
  importDataRules: ImportDataRule[];
  expirationDataRules: ExpirationDataRule[];
  /** How often it was put; absent when it never was. */
  latestVersionNumber?: number;
  moorageExportDataRules: ExportDataRule[];
}

/** What `PutSynchronizationConfiguration` takes: export rules may be left out. */
export type SynchronizationDocument = Omit<
  SynchronizationConfiguration,
  'moorageExportDataRules'
> & { moorageExportDataRules?: ExportDataRule[] };

const triggers: readonly string[] = [
  'ON_DIRECTORY_FIRST_ACCESS',
  'ON_FILE_ACCESS',
] satisfies ImportTrigger[];
const rulesMax = 10;
const prefixBytesMax = 1024;
/** The largest object. */
export const sizeLessThanMax = 52_673_613_135_872;
export const exportMsMax: number = 24 * 60 * 60 * 1000;

export const defaultExportRule: ExportDataRule = { prefix: '', quietMs: 2_000, maxAgeMs: 60_000 };

export function defaultConfiguration(
  exportRule: ExportDataRule = defaultExportRule,
): SynchronizationConfiguration {
  return {
    importDataRules: [{ prefix: '', trigger: 'ON_DIRECTORY_FIRST_ACCESS', sizeLessThan: 131_072 }],
    expirationDataRules: [{ daysAfterLastAccess: 30 }],
    moorageExportDataRules: [exportRule],
  };
}

/** As S3 Files answers: HTTP 400 and 409. */
export class SynchronizationError extends Error {
  readonly errorCode: 'ValidationException' | 'ConflictException';
  /** Of a conflict: the file system. */
  readonly resourceId: string | undefined;

  constructor(
    errorCode: 'ValidationException' | 'ConflictException',
    message: string,
    resourceId?: string,
  ) {
    super(message);
    this.name = errorCode;
    this.errorCode = errorCode;
    this.resourceId = resourceId;
  }
}

/** Throws a ValidationException for anything that S3 Files refuses, and for fields it does not know. */
export function checkDocument(value: unknown): SynchronizationDocument {
  const document = map('the configuration', value, [
    'importDataRules',
    'expirationDataRules',
    'latestVersionNumber',
    'moorageExportDataRules',
  ]);
  const importDataRules = list('importDataRules', document['importDataRules'], rulesMax).map(
    readImportRule,
  );
  prefixes('importDataRules', importDataRules);
  const expiration = list('expirationDataRules', document['expirationDataRules'], 1);
  const checked: SynchronizationDocument = {
    importDataRules,
    expirationDataRules: expiration.map((rule, i) => {
      const name = `expirationDataRules[${i}]`;
      const { daysAfterLastAccess } = map(name, rule, ['daysAfterLastAccess']);
      return {
        daysAfterLastAccess: integer(`${name}.daysAfterLastAccess`, daysAfterLastAccess, 1, 365),
      };
    }),
  };
  const version = document['latestVersionNumber'];
  if (version !== undefined)
    checked.latestVersionNumber = integer('latestVersionNumber', version, 0, 2 ** 53 - 1);
  const exports = document['moorageExportDataRules'];
  if (exports !== undefined) {
    checked.moorageExportDataRules = list('moorageExportDataRules', exports, rulesMax).map(
      readExportRule,
    );
    prefixes('moorageExportDataRules', checked.moorageExportDataRules);
  }
  return checked;
}

function readImportRule(value: unknown, index: number): ImportDataRule {
  const name = `importDataRules[${index}]`;
  const rule = map(name, value, ['prefix', 'trigger', 'sizeLessThan']);
  const { trigger } = rule;
  if (typeof trigger !== 'string' || !triggers.includes(trigger))
    throw invalid(`${name}.trigger must be one of ${triggers.join(', ')}`);
  return {
    prefix: prefix(`${name}.prefix`, rule['prefix']),
    trigger: trigger as ImportTrigger,
    sizeLessThan: integer(`${name}.sizeLessThan`, rule['sizeLessThan'], 0, sizeLessThanMax),
  };
}

function readExportRule(value: unknown, index: number): ExportDataRule {
  const name = `moorageExportDataRules[${index}]`;
  const rule = map(name, value, ['prefix', 'quietMs', 'maxAgeMs']);
  const checked = {
    prefix: prefix(`${name}.prefix`, rule['prefix']),
    quietMs: integer(`${name}.quietMs`, rule['quietMs'], 0, exportMsMax),
    maxAgeMs: integer(`${name}.maxAgeMs`, rule['maxAgeMs'], 0, exportMsMax),
  };
  if (checked.maxAgeMs < checked.quietMs)
    throw invalid(`${name}.maxAgeMs must not be less than its quietMs`);
  return checked;
}

function map(name: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${name} must be an object`);
  for (const field of Object.keys(value)) {
    if (!known.includes(field))
      throw invalid(`${name} has the unknown field ${field}; it may have ${known.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function list(name: string, value: unknown, countMax: number): unknown[] {
  const range = countMax === 1 ? 'exactly one rule' : `from one to ${countMax} rules`;
  if (!Array.isArray(value) || value.length < 1 || value.length > countMax)
    throw invalid(`${name} must be a list of ${range}`);
  return value;
}

function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
    throw invalid(`${name} must be a whole number from ${min} to ${max}`);
  return value;
}

function prefix(name: string, value: unknown): string {
  const fits =
    typeof value === 'string' &&
    (value === '' || value.endsWith('/')) &&
    Buffer.byteLength(value) <= prefixBytesMax;
  if (!fits)
    throw invalid(`${name} must be '' or a path of at most ${prefixBytesMax} bytes that ends in /`);
  return value;
}

/** One rule for a prefix, and exactly one for everything. */
function prefixes(name: string, rules: readonly { prefix: string }[]): void {
  const seen = new Set<string>();
  for (const { prefix: one } of rules) {
    if (seen.has(one)) throw invalid(`${name} has two rules for the prefix '${one}'`);
    seen.add(one);
  }
  if (!seen.has('')) throw invalid(`${name} must have one rule with the prefix ''`);
}

function invalid(message: string): SynchronizationError {
  return new SynchronizationError('ValidationException', message);
}
