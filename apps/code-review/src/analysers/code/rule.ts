/** Short forms for the rule packs. */
import type { SgNode } from '@ast-grep/napi';
import type { Severity } from '../../events.ts';
import type { Basis, Confidence } from '../../findings/finding.ts';
import type { Rule } from '../../findings/rule.ts';
import type { Call, SinkRule } from './profile.ts';

function rule(
  basis: Basis,
  id: string,
  cwe: number,
  severity: Severity,
  confidence: Confidence,
  title: string,
  help: string,
): Rule {
  return { id: `moorage/${id}`, title, help, severity, confidence, basis, cwe };
}

type Parts = [
  id: string,
  cwe: number,
  severity: Severity,
  confidence: Confidence,
  title: string,
  help: string,
];

export const certain = (...parts: Parts): Rule => rule('pattern', ...parts);
export const flowing = (...parts: Parts): Rule => rule('dataflow', ...parts);

/** The remedies, one for each weakness, whatever the language. */
export const remedy = {
  command:
    'Run the program directly with a list of arguments and no shell; take values from a fixed list where you can.',
  code: 'Do not run text as code. Parse data as data, choose behaviour from a fixed table.',
  sql: 'Use a parameterised statement; take names of tables and columns from a fixed list.',
  path: 'Resolve the path and check that it is still below the directory it must stay in, or use only its last component.',
  xss: 'Escape for the place where the value is shown, or let a template engine with automatic escaping do it.',
  redirect: 'Redirect only to paths of your own or to a fixed list of addresses.',
  ssrf: 'Take host and scheme from a fixed list and refuse private addresses.',
  deserialization: 'Use a format that holds only data (JSON), and check it against a schema.',
  xxe: 'Switch document types and external entities off in the parser.',
  xpath: 'Bind values as variables of the expression.',
  ldap: 'Escape the value for LDAP filters.',
  template: 'Keep templates in files; give input to them as values only.',
  hash: 'Use SHA-256 or better; for passwords scrypt, bcrypt or Argon2.',
  cipher: 'Use AES-GCM or ChaCha20-Poly1305 with a fresh nonce.',
  random: "Use the platform's cryptographic random numbers for anything that must not be guessed.",
  cookie: 'Set Secure, HttpOnly and SameSite on cookies that identify somebody.',
  tls: 'Leave certificate checks on; add the authority of a private server to the trust store.',
  jwt: 'Fix the algorithm, verify the signature, and read the key from the environment.',
  secret:
    'Read it from the environment or a secret store, and revoke the one that is in the history.',
} as const;

const sqlWords =
  /\b(?:select\b[\s\S]*\bfrom|insert\s+into|update\b[\s\S]*\bset|delete\s+from|drop\s+table|where|union|order\s+by|alter\s+table)\b/i;

/** An SQL statement in string literals. */
export function isSql(text: string): boolean {
  return /["'`]/.test(text) && sqlWords.test(text);
}

/** Put together: concatenated, interpolated or formatted. */
export function isComposed(text: string): boolean {
  return /["'`)\w]\s*\+\s*["'`(\w]|\$\{|^f["']|%\s*[(\w]|\.format\(|Sprintf\(|\bconcat\(|String\.format\(/.test(
    text,
  );
}

/** For `composed`: an SQL statement that is put together. */
export const composedSql: NonNullable<SinkRule['composed']> = {
  needle: /["'`]\s*(?:select|insert|update|delete|alter|drop|create|with)\s/i,
  test: (text) => isSql(text) && isComposed(text),
};

/** The first argument as a literal in lower case; '' when it is anything else. */
export function literal(call: Call, position = 0): string {
  const text = call.arguments.filter(({ name }) => name === null)[position]?.text ?? '';
  return /^["'`]([^"'`$]*)["'`]$/.exec(text)?.[1]?.toLowerCase() ?? '';
}

/**
 * The line of a call or the head of the function around it speaks of something that must not be guessed. A
 * function without a name is passed over to the one that has one; what stands around that says nothing.
 */
export function isAboutSecrets(call: Call, source: string): boolean {
  const lines = source.split('\n');
  const around = call.node.ancestors().filter(isFunction);
  const named = around.findIndex(hasName);
  const rows = [call.node, ...(named === -1 ? around : around.slice(0, named + 1))].map(
    (node) => node.range().start.line,
  );
  return rows.some((row) =>
    /token|secret|passw|passphrase|session|cookie|remember|\botp\b|one_?time|nonce|\bsalt|csrf|api_?key|reset_?code|verification|captcha|encryption|private_?key/i.test(
      lines[row] ?? '',
    ),
  );
}

/** A weak hash of a password is grave, one for a cache key is not. */
export function hashSeverity(call: Call, source: string): Severity {
  return isAboutSecrets(call, source) ? 'high' : 'low';
}

function hasName(node: SgNode): boolean {
  const isAnonymous = /arrow|func_literal|lambda|^function_expression$/.test(String(node.kind()));
  return !isAnonymous || /declarator|pair|assignment/.test(String(node.parent()?.kind()));
}

function isFunction(node: SgNode): boolean {
  return /function|method|arrow|func_literal|lambda/.test(String(node.kind()));
}
