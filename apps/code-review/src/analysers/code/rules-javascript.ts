/** Rules for JavaScript and TypeScript. */
import type { RulePack } from './profile.ts';
import {
  certain,
  flowing,
  hashSeverity,
  isAboutSecrets,
  composedSql,
  isComposed,
  isSql,
  literal,
  remedy,
} from './rule.ts';

const weakHashes = new Set(['md5', 'md4', 'md2', 'sha1', 'sha-1', 'ripemd', 'rmd160']);
const escapes = /(?:[\w$.]*(?:escape|sanitize|encode|purify|clean)[\w$]*|he\.encode)/i;
const paths = /(?:path\.)?basename|sanitizeFilename|sanitize/;

const domHtml = flowing('js-dom-html', 79, 'low', 'low', 'Markup is set from a value', remedy.xss);

const commandInjection = flowing(
  'js-command-injection',
  78,
  'critical',
  'high',
  'Command injection',
  remedy.command,
);

const codeInjection = flowing(
  'js-code-injection',
  95,
  'critical',
  'high',
  'Text is run as code',
  remedy.code,
);

const pathTraversal = flowing(
  'js-path-traversal',
  22,
  'high',
  'high',
  'Path traversal',
  remedy.path,
);

/** Rules for every JavaScript and TypeScript file. */
export const javascriptRules: RulePack = {
  calls: [
    {
      rule: certain('js-weak-hash', 328, 'medium', 'high', 'A weak hash is used', remedy.hash),
      names: ['createHash', 'createHmac'],
      callee: /^(?:crypto\.)?create(?:Hash|Hmac)$/,
      severity: hashSeverity,
      test: (call) => weakHashes.has(literal(call)),
    },
    {
      rule: certain(
        'js-weak-cipher',
        327,
        'high',
        'high',
        'A broken cipher or mode is used',
        remedy.cipher,
      ),
      names: ['createCipher', 'createDecipher', 'createCipheriv', 'createDecipheriv'],
      callee: /^(?:crypto\.)?create(?:C|Dec)ipher(?:iv)?$/,
      test: (call) =>
        /^(?:crypto\.)?create(?:C|Dec)ipher$/.test(call.callee) ||
        /^(?:des|rc[24]|bf|blowfish|idea|seed)|-ecb$/.test(literal(call)),
    },
    {
      rule: certain(
        'js-weak-random',
        338,
        'medium',
        'medium',
        'Math.random() makes something that must not be guessed',
        remedy.random,
      ),
      names: ['random'],
      callee: /^Math\.random$/,
      test: isAboutSecrets,
    },
    {
      rule: certain(
        'js-cookie-unprotected',
        1004,
        'medium',
        'medium',
        'A session cookie is set without HttpOnly and Secure',
        remedy.cookie,
      ),
      names: ['cookie'],
      callee: /^(?:res|response|reply)(?:\.status\(\))?\.cookie$/,
      test: (call) =>
        /sess|auth|token|jwt|sid\b|login/i.test(call.arguments[0]?.text ?? '') &&
        // An empty value takes the cookie back.
        !/^["'`]{2}$/.test(call.arguments[1]?.text ?? '') &&
        !/httpOnly\s*:\s*true/.test(call.arguments[2]?.text ?? ''),
    },
    {
      rule: certain(
        'js-jwt-fixed-key',
        798,
        'high',
        'high',
        'The key of a token is written in the code',
        remedy.jwt,
      ),
      names: ['sign', 'verify'],
      callee: /^(?:jsonwebtoken|jwt)\.(?:sign|verify)$/,
      test: (call) => /^["'`][^$]*["'`]$/.test(call.arguments[1]?.text ?? ''),
    },
    {
      rule: certain(
        'js-cors-any-origin',
        942,
        'medium',
        'medium',
        'Any site may make requests with the credentials of the user',
        'List the origins that may.',
      ),
      names: ['cors'],
      callee: /^cors$/,
      test: (call) =>
        /credentials\s*:\s*true/.test(call.text) &&
        /origin\s*:\s*(?:true|["']\*["'])/.test(call.text),
    },
    {
      rule: certain(
        'js-xml-entities',
        611,
        'high',
        'high',
        'An XML parser expands external entities',
        remedy.xxe,
      ),
      names: ['parseXml', 'parseXmlString', 'parseXmlAsync'],
      callee: /parseXml(?:String|Async)?$/,
      test: (call) => /noent\s*:\s*true/.test(call.text),
    },
  ],
  sinks: [
    {
      rule: commandInjection,
      names: ['exec', 'execSync', 'command', 'commandSync'],
      callee: /^(?:child_process|shelljs|shell|execa)\.(?:exec|execSync|command|commandSync)$/,
      positions: [0],
      sanitizers: /(?:[\w$.]*(?:shellEscape|shell_quote|quote|escapeShellArg))/i,
      composed: { needle: /child_process|shelljs|execa/, test: isComposed },
    },
    {
      rule: commandInjection,
      names: ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork'],
      callee: /^child_process\.(?:spawn|spawnSync|execFile|execFileSync|fork)$/,
      positions: [0],
    },
    {
      rule: commandInjection,
      names: ['spawn', 'spawnSync', 'execFile', 'execFileSync'],
      callee: /^child_process\.(?:spawn|spawnSync|execFile|execFileSync)$/,
      positions: [1],
      applies: (call) =>
        /shell\s*:\s*(?:true|["'])/.test(call.text) ||
        (/^["'`](?:\/bin\/)?(?:sh|bash|zsh|cmd(?:\.exe)?|powershell)["'`]$/.test(
          call.arguments[0]?.text ?? '',
        ) &&
          /["'`](?:-c|\/c)["'`]/.test(call.arguments[1]?.text ?? '')),
    },
    {
      rule: codeInjection,
      names: ['eval', 'runInNewContext', 'runInThisContext', 'runInContext', 'Script'],
      callee: /^(?:(?:globalThis|window|global)\.)?eval$|^vm\.runIn\w+$|^new vm\.Script$/,
      // What follows the text is the context it runs in.
      positions: [0],
      composed: { needle: /\b(?:eval|runIn\w+|Script)\s*\(/, test: () => true },
    },
    {
      rule: codeInjection,
      names: ['Function'],
      callee: /^(?:new )?Function$/,
      positions: 'all',
      composed: { needle: /\bFunction\s*\(/, test: () => true },
    },
    {
      rule: flowing('js-sql-injection', 89, 'critical', 'high', 'SQL injection', remedy.sql),
      names: [
        'query',
        'execute',
        'raw',
        '$queryRawUnsafe',
        '$executeRawUnsafe',
        'exec',
        'all',
        'get',
        'run',
        'prepare',
        'whereRaw',
        'havingRaw',
        'orderByRaw',
        'literal',
        'unsafe',
        'each',
        'one',
        'any',
        'many',
        'none',
      ],
      callee:
        /\.(?:query|execute|raw|\$queryRawUnsafe|\$executeRawUnsafe|exec|all|get|run|prepare|whereRaw|havingRaw|orderByRaw|literal|unsafe|each|one|any|many|none)$/,
      positions: [0],
      sanitizers: /[\w$.]*(?:escape(?:Id)?|format|sql)\b/,
      applies: (call, source) =>
        isSql(call.text) ||
        (/^[\w$.]+$/.test(call.arguments[0]?.text ?? '') &&
          /(?:^|\.)(?:query|execute|\$\w+Unsafe|whereRaw|orderByRaw|exec|all|run|prepare)$/.test(
            call.callee,
          ) &&
          mentionsSql(call.arguments[0]?.text ?? '', source)),
      composed: composedSql,
    },
    {
      rule: flowing(
        'js-nosql-injection',
        943,
        'medium',
        'low',
        'Input is used as a database query object',
        'Convert each value to the type it must have, or check it against a schema.',
      ),
      names: [
        'find',
        'findOne',
        'findOneAndUpdate',
        'findOneAndDelete',
        'updateOne',
        'updateMany',
        'deleteOne',
        'deleteMany',
        'countDocuments',
      ],
      callee: /\.(?:findOne\w*|find|updateOne|updateMany|deleteOne|deleteMany|countDocuments)$/,
      positions: [0],
      sanitizers: /String|(?:new )?(?:[\w.]*\.)?ObjectId|[\w$.]*(?:sanitize|parse|validate)\w*/,
      // `where` is what SQL mappers take; they bind the values.
      applies: (call) =>
        /^\{(?!\s*["']?where\b)[\s\S]*\b(?:req|request|ctx)\.(?:body|query)\b/.test(
          call.arguments[0]?.text ?? '',
        ),
    },
    {
      rule: pathTraversal,
      names: [
        'readFile',
        'readFileSync',
        'createReadStream',
        'writeFile',
        'writeFileSync',
        'createWriteStream',
        'appendFile',
        'appendFileSync',
        'unlink',
        'unlinkSync',
        'rm',
        'rmSync',
        'rmdir',
        'readdir',
        'readdirSync',
        'open',
        'openSync',
        'copyFile',
        'copyFileSync',
        'rename',
        'renameSync',
      ],
      callee: /^(?:fs(?:\.promises)?|fsp|fs-extra|graceful-fs)\.\w+$/,
      positions: [0],
      sanitizers: paths,
    },
    {
      rule: pathTraversal,
      names: ['sendFile', 'download', 'sendfile'],
      callee: /^(?:res|response|reply)\.(?:sendFile|sendfile|download)$/,
      positions: [0],
      sanitizers: paths,
      applies: (call) => !/\broot\s*:/.test(call.text),
    },
    {
      rule: flowing('js-xss', 79, 'high', 'medium', 'Cross-site scripting', remedy.xss),
      names: ['send', 'write', 'end', 'html', 'insertAdjacentHTML', 'writeln', 'append'],
      callee:
        /^(?:res|response|reply|ctx)(?:\.\w+\(.*\))*\.(?:send|write|end|html)$|^document\.write(?:ln)?$|\.insertAdjacentHTML$/,
      positions: [0, 1],
      sanitizers: escapes,
      applies: (call, source) =>
        /document\.|insertAdjacentHTML|<\s*\w/.test(call.text) ||
        /<(?:html|div|p|h\d|span|body|b|script)\b/i.test(source),
    },
    {
      rule: flowing('js-open-redirect', 601, 'medium', 'medium', 'Open redirect', remedy.redirect),
      names: ['redirect'],
      callee: /^(?:res|response|reply|ctx|NextResponse|c)\.redirect$/,
      positions: [0, 1],
      // The address of the request itself, and back to where the browser came from, lead nowhere else.
      harmless: /^(?:c\.req|request)\.url$|\.nextUrl$/,
      applies: (call) =>
        !/^[`"']\/[^/`"']|^new URL\(\s*[`"']\/[^/]|referr?er/i.test(
          call.arguments.at(-1)?.text ?? '',
        ),
    },
    {
      rule: flowing('js-ssrf', 918, 'high', 'medium', 'Server-side request forgery', remedy.ssrf),
      names: ['fetch', 'get', 'post', 'put', 'request', 'axios', 'got', 'head', 'needle'],
      callee:
        /^(?:fetch|node-fetch|axios|got|request|needle|undici\.(?:fetch|request)|(?:axios|got|https?|request|superagent|needle)\.(?:get|post|put|head|request|delete|patch))$/,
      positions: [0],
      sanitizers: /encodeURIComponent/,
      applies: (call) =>
        !/^[`"']https?:\/\/[\w.:-]+\/|^[`"']\//.test(call.arguments[0]?.text ?? ''),
    },
    {
      rule: flowing(
        'js-deserialization',
        502,
        'critical',
        'medium',
        'Deserialization of input',
        remedy.deserialization,
      ),
      names: ['unserialize', 'deserialize'],
      callee: /^(?:node-serialize|serialize-to-js|serialize|v8)\.(?:unserialize|deserialize)$/,
      positions: [0],
    },
    {
      rule: flowing(
        'js-prototype-pollution',
        1321,
        'medium',
        'medium',
        'Input is merged into an object together with its prototype',
        'Check the keys, or merge into an object without prototype.',
      ),
      names: ['merge', 'mergeWith', 'defaultsDeep', 'set', 'setWith'],
      callee:
        /^(?:_|lodash|deepmerge|merge|lodash\.merge)\.(?:merge|mergeWith|defaultsDeep|set|setWith)$/,
      positions: [1, 2],
    },
    {
      rule: flowing(
        'js-regexp-injection',
        1333,
        'medium',
        'medium',
        'Input becomes a regular expression',
        'Escape the input, or compare strings.',
      ),
      names: ['RegExp'],
      callee: /^(?:new )?RegExp$/,
      positions: [0],
      sanitizers: escapes,
    },
    {
      rule: flowing(
        'js-template-injection',
        1336,
        'critical',
        'medium',
        'Input becomes a template',
        remedy.template,
      ),
      names: ['compile', 'render', 'renderString', 'template'],
      callee:
        /^(?:handlebars|Handlebars|ejs|pug|nunjucks|_|lodash|mustache)\.(?:compile|render|renderString|template)$/,
      positions: [0],
    },
    {
      rule: flowing('js-xpath-injection', 643, 'high', 'medium', 'XPath injection', remedy.xpath),
      names: ['select', 'evaluate', 'parse'],
      callee: /^xpath\.(?:select1?|evaluate|parse)$/,
      positions: [0],
    },
  ],
  shapes: [
    {
      rule: certain(
        'js-tls-unchecked',
        295,
        'high',
        'high',
        'TLS certificates are not checked',
        remedy.tls,
      ),
      needle: /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED|strictSSL/,
      shape: {
        any: [
          { kind: 'pair', regex: '^["\']?(?:rejectUnauthorized|strictSSL)["\']?\\s*:\\s*false$' },
          {
            kind: 'assignment_expression',
            regex:
              '(?:NODE_TLS_REJECT_UNAUTHORIZED["\'\\]]*\\s*=\\s*["\']?0|rejectUnauthorized\\s*=\\s*false)',
          },
        ],
      },
    },
    {
      rule: certain(
        'js-cookie-insecure',
        614,
        'medium',
        'high',
        'A cookie is set without its protection',
        remedy.cookie,
      ),
      needle: /httpOnly|secure/,
      shape: {
        kind: 'pair',
        regex: '^["\']?(?:httpOnly|secure)["\']?\\s*:\\s*false$',
        inside: {
          stopBy: 'end',
          any: [
            { kind: 'pair', regex: '^["\']?cookie' },
            { kind: 'call_expression', regex: '(?i)cookie|session' },
          ],
        },
      },
    },
    {
      rule: certain(
        'js-jwt-none',
        347,
        'critical',
        'high',
        'Tokens without signature are accepted',
        remedy.jwt,
      ),
      needle: /['"]none['"]/,
      shape: {
        kind: 'pair',
        regex: '^["\']?algorithms?["\']?\\s*:\\s*(?:\\[[^\\]]*)?["\']none["\']',
      },
    },
    {
      rule: certain(
        'js-nosql-where',
        943,
        'high',
        'medium',
        'Values are put into code that the database runs',
        'Compare fields with operators ($eq, $gt, …) instead of $where; convert each value to the type it must have.',
      ),
      needle: /\$where/,
      shape: {
        kind: 'pair',
        all: [
          { has: { field: 'key', regex: '^["\']?\\$where["\']?$' } },
          { has: { field: 'value', regex: '\\$\\{|["\'`]\\s*\\+|\\+\\s*["\'`]' } },
        ],
      },
    },
    {
      rule: certain(
        'js-template-unescaped',
        79,
        'medium',
        'high',
        'A template engine is told not to escape',
        remedy.xss,
      ),
      needle: /autoescape|noEscape/,
      shape: {
        kind: 'pair',
        regex: '^["\']?(?:autoescape["\']?\\s*:\\s*false|noEscape["\']?\\s*:\\s*true)$',
      },
    },
    {
      rule: certain(
        'js-regex-backtracking',
        1333,
        'medium',
        'high',
        'A regular expression takes exponential time on some texts',
        'Repeat only once: ([0-9]+)+ matches the same as [0-9]+.',
      ),
      needle: /[+*]\)[+*]/,
      shape: {
        kind: 'regex',
        regex: '\\((?:\\?:)?(?:\\[[^\\]]+\\]|\\\\[dwsDWS]|[\\w.])[+*]\\)[+*]',
      },
    },
    {
      rule: domHtml,
      needle: /innerHTML|outerHTML/,
      shape: {
        kind: 'assignment_expression',
        all: [
          { has: { field: 'left', regex: '\\.(?:inner|outer)HTML$' } },
          { not: { has: { field: 'right', kind: 'string' } } },
          { not: { has: { field: 'right', regex: '(?i)^`[^$]*`$|sanitize|escape|purify' } } },
        ],
      },
    },
  ],
};

/** With the rules for markup in code, whose nodes plain TypeScript does not have. */
export const markupRules: RulePack = {
  ...javascriptRules,
  shapes: [
    ...javascriptRules.shapes,
    {
      rule: domHtml,
      needle: /dangerouslySetInnerHTML/,
      shape: {
        kind: 'jsx_attribute',
        regex: '^dangerouslySetInnerHTML',
        not: {
          regex:
            '(?i)sanitize|purify|escape|JSON\\.stringify|__html[\'"]?:\\s*(?:\'[^\']*\'|"[^"]*"|`[^`$]*`)\\s*,?\\s*\\}',
        },
      },
    },
  ],
};

/** The variable holds an SQL statement somewhere in the file. */
function mentionsSql(variable: string, source: string): boolean {
  const name = /^[\w$]+/.exec(variable)?.[0];
  if (name === undefined) return false;
  const at = source.search(new RegExp(`\\b${name.replaceAll('$', '\\$')}\\s*\\+?=`));
  return at !== -1 && isSql(source.slice(at, at + 400));
}
