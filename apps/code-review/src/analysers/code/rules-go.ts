/** Rules for Go. */
import type { RulePack } from './profile.ts';
import {
  certain,
  flowing,
  hashSeverity,
  isAboutSecrets,
  composedSql,
  isComposed,
  remedy,
} from './rule.ts';

const sqlInjection = flowing(
  'go-sql-injection',
  89,
  'critical',
  'high',
  'SQL injection',
  remedy.sql,
);

export const goRules: RulePack = {
  calls: [
    {
      rule: certain('go-weak-hash', 328, 'medium', 'high', 'A weak hash is used', remedy.hash),
      names: ['New', 'Sum'],
      needle: /"(?:crypto\/(?:md5|sha1)|golang\.org\/x\/crypto\/(?:md4|ripemd160))"/,
      callee: /^(?:md5|sha1|md4|ripemd160)\.(?:New|Sum)$/,
      severity: hashSeverity,
      test: () => true,
    },
    {
      rule: certain(
        'go-weak-cipher',
        327,
        'high',
        'high',
        'A broken cipher is used',
        remedy.cipher,
      ),
      names: ['NewCipher', 'NewTripleDESCipher'],
      callee: /^(?:des|rc4|blowfish|cast5|tea|xtea)\.New(?:TripleDES)?Cipher$/,
      test: () => true,
    },
    {
      rule: certain(
        'go-weak-random',
        338,
        'medium',
        'medium',
        'math/rand makes something that must not be guessed',
        remedy.random,
      ),
      names: [
        'Int',
        'Intn',
        'IntN',
        'Int31',
        'Int31n',
        'Int63',
        'Int63n',
        'Uint32',
        'Uint64',
        'Float64',
        'Read',
        'N',
      ],
      callee: /^math\/rand\.\w+$/,
      test: isAboutSecrets,
    },
  ],
  sinks: [
    {
      rule: flowing(
        'go-command-injection',
        78,
        'critical',
        'high',
        'Command injection',
        remedy.command,
      ),
      names: ['Command', 'CommandContext'],
      callee: /^exec\.Command(?:Context)?$/,
      positions: 'all',
      applies: (call) => /"(?:\/bin\/)?(?:sh|bash|cmd)"\s*,\s*"(?:-c|\/C)"/i.test(call.text),
      composed: { needle: /"os\/exec"/, test: isComposed },
    },
    {
      rule: flowing(
        'go-command-injection',
        78,
        'critical',
        'high',
        'Command injection',
        remedy.command,
      ),
      names: ['Command'],
      callee: /^exec\.Command$/,
      positions: [0],
    },
    {
      rule: sqlInjection,
      names: ['Query', 'QueryRow', 'Exec', 'Prepare', 'Raw', 'Queryx', 'Select', 'Where', 'Order'],
      callee: /\.(?:Query|QueryRow|Exec|Prepare|Raw|Queryx|Select|Where|Order)$/,
      positions: [0],
      applies: (call) => !call.callee.endsWith('.URL.Query'),
      composed: composedSql,
    },
    {
      rule: sqlInjection,
      names: ['QueryContext', 'QueryRowContext', 'ExecContext', 'PrepareContext'],
      callee: /\.(?:Query|QueryRow|Exec|Prepare)Context$/,
      positions: [1],
      composed: composedSql,
    },
    {
      rule: flowing('go-path-traversal', 22, 'high', 'high', 'Path traversal', remedy.path),
      names: [
        'Open',
        'OpenFile',
        'ReadFile',
        'WriteFile',
        'Create',
        'Remove',
        'RemoveAll',
        'ReadDir',
      ],
      callee: /^(?:os|ioutil)\.\w+$/,
      positions: [0],
      sanitizers: /filepath\.Base|path\.Base/,
    },
    {
      rule: flowing('go-path-traversal', 22, 'high', 'medium', 'Path traversal', remedy.path),
      names: ['ServeFile'],
      callee: /^http\.ServeFile$/,
      positions: [2],
      sanitizers: /filepath\.Base|path\.Base/,
    },
    {
      rule: flowing('go-xss', 79, 'high', 'medium', 'Cross-site scripting', remedy.xss),
      names: ['Fprintf', 'Fprint', 'Fprintln', 'Write', 'WriteString', 'HTML'],
      callee:
        /^fmt\.Fprint(?:f|ln)?$|^(?:w|rw|writer|res)\.Write$|^io\.WriteString$|^template\.HTML$/,
      positions: 'all',
      sanitizers:
        /html\.EscapeString|template\.(?:HTMLEscapeString|HTMLEscaper|JSEscapeString|URLQueryEscaper)|url\.QueryEscape|json\.Marshal/,
      applies: (call) =>
        call.callee.startsWith('template') ||
        call.callee.endsWith('.Write') ||
        /^\(?\s*(?:w|rw|writer|res)\b/.test(call.arguments[0]?.text ?? ''),
    },
    {
      rule: flowing('go-open-redirect', 601, 'medium', 'medium', 'Open redirect', remedy.redirect),
      names: ['Redirect'],
      callee: /^http\.Redirect$/,
      positions: [2],
    },
    {
      rule: flowing('go-ssrf', 918, 'high', 'medium', 'Server-side request forgery', remedy.ssrf),
      names: ['Get', 'Post', 'Head', 'PostForm', 'NewRequest', 'NewRequestWithContext'],
      callee: /^http\.(?:Get|Post|Head|PostForm|NewRequest|NewRequestWithContext)$/,
      positions: [0, 1, 2],
      sanitizers: /url\.(?:QueryEscape|PathEscape)/,
      applies: (call) => !call.arguments.some(({ text }) => /^"https?:\/\/[\w.:-]+\//.test(text)),
    },
  ],
  shapes: [
    {
      rule: certain(
        'go-tls-unchecked',
        295,
        'high',
        'high',
        'TLS certificates are not checked',
        remedy.tls,
      ),
      needle: /InsecureSkipVerify/,
      shape: { kind: 'keyed_element', regex: '^InsecureSkipVerify\\s*:\\s*true$' },
    },
    {
      rule: certain(
        'go-cookie-insecure',
        614,
        'medium',
        'high',
        'A cookie is set without its protection',
        remedy.cookie,
      ),
      needle: /http\.Cookie/,
      shape: {
        kind: 'keyed_element',
        regex: '^(?:Secure|HttpOnly)\\s*:\\s*false$',
        inside: { stopBy: 'end', kind: 'composite_literal', regex: '^http\\.Cookie' },
      },
    },
  ],
};
