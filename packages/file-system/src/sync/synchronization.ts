/**
 * The synchronisation configuration in force: kept with the file system, changed while it is in use, and asked for
 * the rule of a directory (all files of a directory have the same rule, since prefixes end with a slash).
 */
import {
  checkDocument,
  defaultConfiguration,
  SynchronizationError,
} from '../configuration/synchronization.ts';
import type {
  ExportDataRule,
  ImportDataRule,
  SynchronizationConfiguration,
} from '../configuration/synchronization.ts';
import { rootIno } from '../operations.ts';
import { Record } from './base.ts';
import type { SyncOptions } from './context.ts';
import { nameOfPart } from './keys.ts';
import type { Tree } from './port.ts';

/** Rules of one kind, those with the longest prefix first. Prefixes are as names are: one character a byte. */
interface Rules<Rule> {
  prefixed: readonly { path: string; rule: Rule }[];
  root: Rule;
}

export class Synchronization {
  readonly #tree: Tree;
  readonly #options: SyncOptions;
  #configuration: SynchronizationConfiguration;
  #import: Rules<ImportDataRule>;
  #export: Rules<ExportDataRule>;
  /** Told when another configuration comes into force. */
  onChange: () => void = () => undefined;

  constructor(tree: Tree, options: SyncOptions) {
    this.#tree = tree;
    this.#options = options;
    const kept = tree.record(Record.configuration);
    this.#configuration =
      kept === undefined ? this.#default() : (JSON.parse(kept) as SynchronizationConfiguration);
    this.#import = rulesOf(this.#configuration.importDataRules);
    this.#export = rulesOf(this.#configuration.moorageExportDataRules);
  }

  #default(): SynchronizationConfiguration {
    const { quietMs, maxAgeMs } = this.#options;
    return defaultConfiguration({ prefix: '', quietMs, maxAgeMs });
  }

  get configuration(): SynchronizationConfiguration {
    return this.#configuration;
  }

  get daysAfterLastAccess(): number {
    return this.#configuration.expirationDataRules[0]!.daysAfterLastAccess;
  }

  /**
   * Takes another configuration over and keeps it. Throws a `SynchronizationError`: it is not valid, or it was made
   * from another version than the one in force. `anyVersion`: whatever is in force is replaced, if it differs.
   */
  put(value: unknown, anyVersion: boolean): void {
    const { latestVersionNumber, ...document } = checkDocument(value);
    const { latestVersionNumber: current, ...rules } = this.#configuration;
    if (!anyVersion && latestVersionNumber !== current) {
      const said = latestVersionNumber === undefined ? 'none' : String(latestVersionNumber);
      const is = current === undefined ? 'has none yet' : `is ${current}`;
      throw new SynchronizationError(
        'ConflictException',
        `latestVersionNumber of the configuration ${is}, not ${said}: get it again and repeat the change`,
        this.#options.fileSystemId,
      );
    }
    const next = { ...this.#default(), ...document };
    if (anyVersion && JSON.stringify(sorted(next)) === JSON.stringify(sorted(rules))) return;
    const configuration = { ...next, latestVersionNumber: (current ?? 0) + 1 };
    this.#tree.setRecord(Record.configuration, JSON.stringify(configuration));
    this.#configuration = configuration;
    this.#import = rulesOf(configuration.importDataRules);
    this.#export = rulesOf(configuration.moorageExportDataRules);
    this.onChange();
  }

  /** For the files of a directory. */
  importRule(directory: number): ImportDataRule {
    return this.#ruleOf(this.#import, directory);
  }

  exportRule(directory: number): ExportDataRule {
    return this.#ruleOf(this.#export, directory);
  }

  /** For what has no name any more: its key. */
  exportRuleOfKey(key: string): ExportDataRule {
    if (this.#export.prefixed.length === 0) return this.#export.root;
    return match(this.#export, nameOfPart(key.slice(this.#options.prefix.length)));
  }

  #ruleOf<Rule>(rules: Rules<Rule>, directory: number): Rule {
    return rules.prefixed.length === 0 ? rules.root : match(rules, this.#path(directory));
  }

  /** As prefixes are written. */
  #path(directory: number): string {
    let path = '';
    for (let at = directory; at !== rootIno && at !== 0; at = this.#tree.parentOf(at))
      path = `${this.#tree.nameOf(at)}/${path}`;
    return path;
  }
}

function rulesOf<Rule extends { prefix: string }>(rules: readonly Rule[]): Rules<Rule> {
  return {
    prefixed: rules
      .filter(({ prefix }) => prefix !== '')
      .map((rule) => ({ path: nameOfPart(rule.prefix), rule }))
      .sort((a, b) => b.path.length - a.path.length),
    root: rules.find(({ prefix }) => prefix === '')!,
  };
}

function match<Rule>(rules: Rules<Rule>, path: string): Rule {
  return rules.prefixed.find((one) => path.startsWith(one.path))?.rule ?? rules.root;
}

function sorted(configuration: SynchronizationConfiguration): unknown[] {
  const { importDataRules, expirationDataRules, moorageExportDataRules } = configuration;
  const byPrefix = (a: { prefix: string }, b: { prefix: string }): number =>
    a.prefix < b.prefix ? -1 : 1;
  return [
    importDataRules
      .toSorted(byPrefix)
      .map(({ prefix, trigger, sizeLessThan }) => [prefix, trigger, sizeLessThan]),
    expirationDataRules[0]!.daysAfterLastAccess,
    moorageExportDataRules
      .toSorted(byPrefix)
      .map(({ prefix, quietMs, maxAgeMs }) => [prefix, quietMs, maxAgeMs]),
  ];
}
