/**
 * Secrets in the code: the provider patterns of secretlint, and three rules of our own for what it misses
 * (a private key written as one string, an assigned literal that looks random, an AWS key id).
 *
 * secretlint takes milliseconds a file, so a file is given to it only when one cheap expression says that
 * some of its patterns could match. No part of a secret is put into a message; snippets are masked.
 */
import { lintSource } from '@secretlint/core';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';
import type { Severity } from '../events.ts';
import type { Hit, Rule } from '../findings/rule.ts';
import type { Analyser, AnalysisLimits, AnalysisResult } from './analyser.ts';
import { oncePerFile } from './once-per-file.ts';
import { isTestPath, type SourceTree } from './source-file.ts';

/** Something every pattern of the preset contains. */
const worthLooking =
  /AWS_?(?:SECRET|secret|Secret)|aws_secret|SECRET_?ACCESS|PRIVATE KEY|private_key|-oauth-basic|_authToken|npm_|xox[bpaor]-|xapp-|hooks\.slack\.com|SG\.|shp(?:pa|ca|at|ss)_|[sr]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|glc_|glsa_|sk-|gsk_|hf_|lin_api_|ntn_|ops_ey|(?:mongodb|mysqlx?|postgres|https?|ftps?)[\w+]*:\/\/[^\s:/@]{1,100}:[^\s@/]{1,200}@|hv[sbr]\.|vc[piark]_|dapi|dckr_pat_|figd_|cf(?:k|ut|at)_|tskey-/;

const presetRules: readonly string[] = (
  'aws gcp privatekey npm basicauth slack sendgrid shopify stripe github gitlab grafana openai anthropic groq huggingface ' +
  'linear notion 1password database-connection-string hashicorp-vault vercel databricks docker figma cloudflare tailscale'
).split(' ');

const help =
  'Whoever can read the repository can use the secret, and it stays in the history. Revoke it, then read the new one from the environment or a secret store.';

function secretRule(
  id: string,
  title: string,
  severity: Severity,
  confidence: 'high' | 'medium',
): Rule {
  return { id, title, help, severity, confidence, basis: 'pattern', cwe: 798 };
}

const privateKeyString = secretRule(
  'moorage/secret-private-key',
  'A private key is written in the code',
  'critical',
  'high',
);
const assignedSecret = secretRule(
  'moorage/secret-assigned',
  'A literal that looks random is assigned to a name that means a secret',
  'high',
  'medium',
);
const awsKeyId = secretRule(
  'moorage/secret-aws-key-id',
  'An AWS access key id is written in the code',
  'medium',
  'high',
);

const rules: readonly Rule[] = [
  privateKeyString,
  assignedSecret,
  awsKeyId,
  ...presetRules.map((name) =>
    secretRule(
      `secretlint/${name}`,
      `A secret of the kind "${name}" is written in the code`,
      'critical',
      'high',
    ),
  ),
];

export function secretsAnalyser(version: string): Analyser {
  return {
    name: 'secretlint',
    version,
    rules,
    covers: () => true,
    run: (tree, files, limits) =>
      scan(
        tree,
        files.map((file) => file.path),
        limits,
      ),
  };
}

async function scan(
  tree: SourceTree,
  paths: readonly string[],
  limits: AnalysisLimits,
): Promise<AnalysisResult> {
  const hits: Hit[] = [];
  const missed: { path: string; reason: string }[] = [];
  for (const path of paths) {
    if (limits.expired()) {
      missed.push({ path, reason: 'time limit' });
      continue;
    }
    const text = tree.text(path);
    if (text === null) continue;
    // The provider's own pattern says more than ours, so it comes first.
    const found = worthLooking.test(text) ? await preset(path, text) : [];
    found.push(...ownRules(path, text));
    const inTest = isTestPath(path);
    const lower =
      inTest || /(?:^|\/)(?:examples?|docs?|samples?)\/|\.(?:md|rst|adoc|txt)$/i.test(path);
    const seen = new Set<number>();
    for (const hit of found) {
      // One secret on one line is one finding, however many patterns it fits.
      if (seen.has(hit.startLine)) continue;
      seen.add(hit.startLine);
      // Tests are full of made-up values; only what a provider's pattern knows is more than a remark there.
      const isMadeUp = inTest && hit.ruleId === assignedSecret.id;
      const severity = isMadeUp ? 'info' : 'low';
      hits.push(lower ? { ...hit, severity, confidence: 'low' } : hit);
    }
  }
  const isRepeated = (hit: Hit): boolean =>
    hit.ruleId === assignedSecret.id && hit.severity !== undefined;
  return { hits: oncePerFile(hits, isRepeated), missed, notes: [] };
}

async function preset(path: string, text: string): Promise<Hit[]> {
  const { messages } = await lintSource({
    source: {
      filePath: path,
      content: text,
      ext: path.slice(path.lastIndexOf('.')),
      contentType: 'text',
    },
    options: {
      maskSecrets: true,
      noPhysicFilePath: true,
      config: {
        rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }],
      },
    },
  });
  const hits: Hit[] = [];
  for (const message of messages) {
    const name = message.ruleId.replace('@secretlint/secretlint-rule-', '');
    const literal = text.slice(message.range[0], message.range[1]);
    if (!presetRules.includes(name) || isPlaceholder(literal)) continue;
    hits.push({
      ruleId: `secretlint/${name}`,
      path,
      startLine: message.loc.start.line,
      endLine: message.loc.end.line,
      startColumn: message.loc.start.column + 1,
      secret: true,
    });
  }
  return hits;
}

const privateKey =
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s|["'`+,\\])*[A-Za-z0-9+/=]{32}/g;
const assignment =
  /(?:^|[^\w$-])["']?([\w$-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|credential)[\w$-]*)["']?\s*(?::\s*[\w<>[\]| ]{1,40})?(?::=|=>|[:=])\s*["'`]([^\s"'`]{12,200})["'`]/gim;
const awsId = /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g;

function ownRules(path: string, text: string): Hit[] {
  const hits: Hit[] = [];
  const add = (rule: Rule, index: number, message?: string, severity?: Severity): void => {
    const startLine = lineOf(text, index);
    hits.push({
      ruleId: rule.id,
      path,
      startLine,
      endLine: startLine,
      secret: true,
      ...(message === undefined ? {} : { message }),
      ...(severity === undefined ? {} : { severity }),
    });
  };
  if (text.includes('PRIVATE KEY-----')) {
    for (const match of text.matchAll(privateKey)) add(privateKeyString, match.index);
  }
  for (const match of text.matchAll(assignment)) {
    const [whole, name = '', value = ''] = match;
    if (!looksRandom(value) || isPlaceholder(value) || isNotASecret(name)) continue;
    const index = match.index + whole.indexOf(name);
    if (passwordHash.test(value)) {
      add(assignedSecret, index, `The hash of a password is assigned to ${name}`, 'low');
      continue;
    }
    add(assignedSecret, index, `A literal that looks random is assigned to ${name}`);
  }
  for (const match of text.matchAll(awsId)) {
    if (!/EXAMPLE/.test(match[0])) add(awsKeyId, match.index);
  }
  return hits;
}

/** As crypt(3) and its successors write them: whoever has one may try passwords, but must guess. */
const passwordHash = /^\$(?:2[abxy]?|[156y]|argon2\w*|scrypt|pbkdf2[\w-]*)\$/;

function lineOf(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1))
    line++;
  return line;
}

/** Names that speak of secrets without holding one. */
function isNotASecret(name: string): boolean {
  return /(?:name|type|url|uri|path|file|header|field|key_?id|pattern|regex|label|prefix|endpoint|placeholder|title|message|error|param|event|class|selector|count|length|symbol|kind|column|hint|address|link|href|tooltip|text|description|help|regexp?|strings?|chars|alphabet)(?:s|es)?$/i.test(
    name,
  );
}

function isPlaceholder(value: string): boolean {
  return /:\/\/[^:/@\s]*:(?:pass(?:word|wd)?|pw|pwd|secret)@|example|sample|dummy|placeholder|change[-_ ]?me|your[-_]|my[-_]|<[^>]+>|\$\{|\{\{|%\(|%s|xxxx|\*{3}|\.\.\.|0{6}|1234567890?$|abcdef|redacted|^test|fake|todo|insert|replace/i.test(
    value,
  );
}

/** Enough letters and digits, and more entropy than words, paths and identifiers have. */
function looksRandom(value: string): boolean {
  if (!/\d/.test(value) || !/[a-z]/i.test(value)) return false;
  if (/^(?:https?:|\/|\.\/|[a-z]+(?:[._/-][a-z]+)+$)/i.test(value) || /[(){}<>]/.test(value))
    return false;
  // Text of another alphabet, a pattern, words and a number: whatever it is, nobody drew it at random.
  if (/(?![A-Za-z])\p{L}/u.test(value) || /[a-z]-[zZ]|0-9|\\[dwsb]/.test(value)) return false;
  if (value.split(/[-_.:/]/).every((part) => /^(?:[A-Z]?[a-z]*|[A-Z]+|\d{1,4})$/.test(part)))
    return false;
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) {
    const share = count / value.length;
    entropy -= share * Math.log2(share);
  }
  return entropy >= 3.2;
}
