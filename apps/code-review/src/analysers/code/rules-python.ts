/** Rules for Python; what ruff finds without following values is left to it. */
import type { Call, RulePack } from './profile.ts';
import { certain, flowing, isAboutSecrets, remedy } from './rule.ts';

function keyword(call: Call, name: string): string | null {
  return call.arguments.find((argument) => argument.name === name)?.text ?? null;
}

const commandInjection = flowing(
  'py-command-injection',
  78,
  'critical',
  'high',
  'Command injection',
  remedy.command,
);

export const pythonRules: RulePack = {
  calls: [
    {
      rule: certain(
        'py-weak-random',
        330,
        'medium',
        'medium',
        'random makes something that must not be guessed',
        remedy.random,
      ),
      names: [
        'random',
        'randint',
        'choice',
        'choices',
        'sample',
        'randrange',
        'getrandbits',
        'uniform',
        'randbytes',
      ],
      callee: /^random\.\w+$/,
      test: isAboutSecrets,
    },
    {
      rule: certain(
        'py-cookie-insecure',
        614,
        'medium',
        'high',
        'A cookie is set without its protection',
        remedy.cookie,
      ),
      names: ['set_cookie'],
      callee: /\.set_cookie$/,
      // An empty value takes the cookie back.
      test: (call) =>
        !/^["']{2}$/.test(call.arguments[1]?.text ?? '') &&
        (keyword(call, 'secure') === 'False' ||
          keyword(call, 'httponly') === 'False' ||
          (/sess|auth|token|jwt|sid/i.test(call.arguments[0]?.text ?? '') &&
            keyword(call, 'httponly') === null)),
    },
    {
      rule: certain(
        'py-jwt-unverified',
        347,
        'high',
        'high',
        'The signature of a token is not verified',
        remedy.jwt,
      ),
      names: ['decode'],
      callee: /^(?:jwt|jose\.jwt)\.decode$/,
      test: (call) =>
        keyword(call, 'verify') === 'False' ||
        /["']verify_signature["']\s*:\s*False/.test(call.text) ||
        /algorithms\s*=\s*\[[^\]]*["']none["']/i.test(call.text),
    },
    {
      rule: certain(
        'py-jwt-fixed-key',
        798,
        'high',
        'high',
        'The key of a token is written in the code',
        remedy.jwt,
      ),
      names: ['encode', 'decode'],
      callee: /^(?:jwt|jose\.jwt)\.(?:encode|decode)$/,
      test: (call) =>
        /^["'].*["']$/.test(call.arguments[1]?.name === null ? call.arguments[1].text : ''),
    },
    {
      rule: certain(
        'py-xml-entities',
        611,
        'medium',
        'high',
        'An XML parser expands external entities',
        remedy.xxe,
      ),
      names: ['setFeature', 'XMLParser'],
      callee: /(?:\.setFeature|etree\.XMLParser)$/,
      test: (call) =>
        /feature_external_ges[\s\S]*(?:True|1)\s*\)$|resolve_entities\s*=\s*True|no_network\s*=\s*False/.test(
          call.text,
        ),
    },
  ],
  sinks: [
    {
      rule: commandInjection,
      names: [
        'system',
        'popen',
        'getoutput',
        'getstatusoutput',
        'create_subprocess_shell',
        'execl',
        'execv',
        'spawnl',
        'startfile',
      ],
      callee:
        /^(?:os|commands|subprocess|asyncio)\.(?:system|popen|getoutput|getstatusoutput|create_subprocess_shell|execl|execv|spawnl|startfile)$/,
      positions: 'all',
      sanitizers: /(?:shlex\.)?quote/,
    },
    {
      rule: commandInjection,
      names: ['run', 'call', 'check_call', 'check_output', 'Popen'],
      callee: /^subprocess\.(?:run|call|check_call|check_output|Popen)$/,
      positions: [0],
      keywords: ['args'],
      sanitizers: /(?:shlex\.)?quote|shlex\.split/,
      // A list of arguments without a shell is the remedy, not the mistake.
      applies: (call) =>
        keyword(call, 'shell') === 'True' ||
        !(call.arguments[0]?.text ?? '').startsWith('[') ||
        /^\[\s*["'](?:\/bin\/)?(?:sh|bash)["']\s*,\s*["']-c["']/.test(
          call.arguments[0]?.text ?? '',
        ),
    },
    {
      rule: flowing(
        'py-code-injection',
        95,
        'critical',
        'high',
        'Text is run as code',
        remedy.code,
      ),
      names: ['eval', 'exec', 'compile'],
      callee: /^(?:builtins\.)?(?:eval|exec|compile)$/,
      positions: [0],
    },
    {
      rule: flowing('py-sql-injection', 89, 'critical', 'high', 'SQL injection', remedy.sql),
      names: [
        'execute',
        'executemany',
        'executescript',
        'raw',
        'RawSQL',
        'text',
        'extra',
        'mogrify',
        'read_sql',
      ],
      callee:
        /\.(?:execute|executemany|executescript|raw|extra|mogrify|read_sql)$|(?:^|\.)RawSQL$|^sqlalchemy\.text$/,
      positions: [0],
    },
    {
      rule: flowing('py-path-traversal', 22, 'high', 'high', 'Path traversal', remedy.path),
      names: [
        'open',
        'remove',
        'unlink',
        'rmtree',
        'listdir',
        'scandir',
        'rename',
        'copyfile',
        'copy',
        'send_file',
        'FileResponse',
        'Path',
        'makedirs',
        'rmdir',
      ],
      callee:
        /^(?:(?:io|codecs|os|builtins)\.)?open$|^os\.(?:remove|unlink|listdir|scandir|rename|makedirs|rmdir)$|^shutil\.\w+$|^(?:flask\.)?send_file$|(?:^|\.)FileResponse$|^pathlib\.Path$/,
      positions: [0],
      sanitizers:
        /(?:os\.path\.)?basename|(?:werkzeug\.utils\.)?secure_filename|(?:werkzeug\.utils\.)?safe_join/,
    },
    {
      rule: flowing(
        'py-template-injection',
        1336,
        'critical',
        'high',
        'Input becomes a template',
        remedy.template,
      ),
      names: ['render_template_string', 'Template', 'from_string'],
      callee:
        /(?:^|\.)render_template_string$|^(?:jinja2|mako\.template|django\.template)\.Template$|\.from_string$/,
      positions: [0],
    },
    {
      rule: flowing('py-xss', 79, 'high', 'medium', 'Cross-site scripting', remedy.xss),
      names: ['Markup', 'mark_safe', 'HttpResponse', 'make_response', 'Response', 'HTMLResponse'],
      callee: /(?:^|\.)(?:Markup|mark_safe|HttpResponse|make_response|Response|HTMLResponse)$/,
      positions: [0],
      keywords: ['content'],
      sanitizers: /(?:[\w.]*\.)?(?:escape|conditional_escape|clean|dumps|jsonify|render\w*)/,
      applies: (call) => !/json|mimetype|content_type|media_type/.test(call.text),
    },
    {
      rule: flowing('py-open-redirect', 601, 'medium', 'medium', 'Open redirect', remedy.redirect),
      names: ['redirect', 'HttpResponseRedirect', 'RedirectResponse'],
      callee: /(?:^|\.)(?:redirect|HttpResponseRedirect|RedirectResponse)$/,
      positions: [0],
      keywords: ['url', 'location'],
      sanitizers: /(?:flask\.)?url_for|reverse/,
      harmless: /^(?:flask\.)?request\.(?:url|path|full_path)$/,
    },
    {
      rule: flowing('py-ssrf', 918, 'high', 'medium', 'Server-side request forgery', remedy.ssrf),
      names: ['get', 'post', 'put', 'head', 'delete', 'request', 'urlopen', 'urlretrieve', 'patch'],
      callee:
        /^(?:requests|httpx|aiohttp)\.\w+$|^urllib\.request\.(?:urlopen|urlretrieve|Request)$|^(?:urllib2\.)?urlopen$/,
      positions: [0],
      keywords: ['url'],
      sanitizers: /(?:urllib\.parse\.)?quote(?:_plus)?/,
      applies: (call) => !/^f?["']https?:\/\/[\w.:-]+\//.test(call.arguments[0]?.text ?? ''),
    },
    {
      rule: flowing(
        'py-deserialization',
        502,
        'critical',
        'high',
        'Deserialization of input',
        remedy.deserialization,
      ),
      names: ['load', 'loads', 'unsafe_load', 'full_load', 'decode', 'Unpickler'],
      callee:
        /^(?:pickle|cPickle|_pickle|dill|cloudpickle|marshal|shelve|jsonpickle)\.\w+$|^yaml\.(?:load|unsafe_load|full_load)$/,
      positions: [0],
      applies: (call) => !/SafeLoader|CSafeLoader/.test(call.text),
    },
    {
      rule: flowing(
        'py-xml-injection',
        611,
        'medium',
        'low',
        'XML from outside is parsed',
        remedy.xxe,
      ),
      names: ['parse', 'parseString', 'fromstring', 'XML'],
      callee:
        /^(?:lxml\.etree|etree|xml\.dom\.\w+|xml\.sax)\.(?:parse|parseString|fromstring|XML)$/,
      positions: [0],
    },
    {
      rule: flowing('py-xpath-injection', 643, 'high', 'medium', 'XPath injection', remedy.xpath),
      names: ['xpath', 'select', 'XPath'],
      callee: /\.xpath$|^elementpath\.select$|etree\.XPath$/,
      positions: [0, 1],
    },
    {
      rule: flowing('py-ldap-injection', 90, 'high', 'medium', 'LDAP injection', remedy.ldap),
      names: ['search', 'search_s', 'search_ext', 'search_st'],
      callee: /(?:conn|connection|ldap|client)\w*\.(?:search|search_s|search_ext|search_st)$/i,
      positions: [0, 1, 2],
      keywords: ['search_filter', 'filterstr'],
      sanitizers: /(?:[\w.]*\.)?escape_(?:filter|dn)_chars|escape_rdn/,
    },
  ],
  shapes: [
    {
      rule: certain(
        'py-fixed-secret-key',
        798,
        'high',
        'high',
        'The key that signs sessions is written in the code',
        remedy.secret,
      ),
      needle: /secret_key|SECRET_KEY/,
      shape: {
        kind: 'assignment',
        regex:
          '^(?:\\w+\\.)*(?:config\\[["\']SECRET_KEY["\']\\]|secret_key|SECRET_KEY)\\s*=\\s*b?["\'][^"\']+["\']$',
      },
    },
    {
      rule: certain(
        'py-csrf-exempt',
        352,
        'medium',
        'medium',
        'A view takes requests that other sites forge',
        'Leave the protection on, or check a token of your own.',
      ),
      needle: /csrf_exempt/,
      shape: { kind: 'decorator', regex: '^@(?:\\w+\\.)*csrf_exempt$' },
    },
  ],
};
