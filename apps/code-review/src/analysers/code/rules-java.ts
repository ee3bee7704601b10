/** Rules for Java. */
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

const htmlEscapes =
  /(?:[\w.]*\.)?(?:encodeForHTML\w*|escapeHtml\w*|htmlEscape|forHtml\w*|encode\w*|escape\w*)/;

export const javaRules: RulePack = {
  calls: [
    {
      rule: certain('java-weak-hash', 328, 'medium', 'high', 'A weak hash is used', remedy.hash),
      names: ['getInstance', 'md5', 'md5Hex', 'sha1', 'sha1Hex', 'getMd5Digest', 'getSha1Digest'],
      callee:
        /^MessageDigest\.getInstance$|^DigestUtils\.(?:md5|md5Hex|sha1|sha1Hex|getMd5Digest|getSha1Digest)$/,
      severity: hashSeverity,
      test: (call) =>
        call.callee.startsWith('DigestUtils') || /^(?:md[245]|sha-?1|sha)$/.test(literal(call)),
    },
    {
      rule: certain(
        'java-weak-cipher',
        327,
        'high',
        'high',
        'A broken cipher or mode is used',
        remedy.cipher,
      ),
      names: ['getInstance'],
      callee: /^(?:Cipher|KeyGenerator|SecretKeyFactory)\.getInstance$/,
      test: (call) =>
        /^(?:des|desede|rc[245]|arcfour|blowfish)(?:\/|$)|\/ecb\//.test(literal(call)) ||
        (call.callee === 'Cipher.getInstance' && literal(call) === 'aes'),
    },
    {
      rule: certain(
        'java-weak-random',
        330,
        'medium',
        'medium',
        'Random makes something that must not be guessed',
        remedy.random,
      ),
      names: [
        'Random',
        'random',
        'nextInt',
        'nextLong',
        'nextDouble',
        'nextFloat',
        'nextBytes',
        'nextGaussian',
        'nextBoolean',
      ],
      callee: /^(?:new Random|Math\.random|Random\.next\w+|new Random\(\)\.next\w+)$/,
      test: isAboutSecrets,
    },
    {
      rule: certain(
        'java-cookie-insecure',
        614,
        'medium',
        'high',
        'A cookie is set without its protection',
        remedy.cookie,
      ),
      names: ['setSecure', 'setHttpOnly'],
      callee: /\.set(?:Secure|HttpOnly)$/,
      test: (call) => call.arguments[0]?.text === 'false',
    },
    {
      rule: certain(
        'java-tls-unchecked',
        295,
        'high',
        'high',
        'Host names of certificates are not checked',
        remedy.tls,
      ),
      names: ['setHostnameVerifier', 'setDefaultHostnameVerifier', 'setSSLHostnameVerifier'],
      callee: /\.set(?:Default|SSL)?HostnameVerifier$/,
      test: (call) => /->\s*true|Noop|ALLOW_ALL|AllowAll|return true/.test(call.text),
    },
    {
      rule: certain(
        'java-xml-entities',
        611,
        'medium',
        'medium',
        'An XML parser may expand external entities',
        remedy.xxe,
      ),
      names: ['newInstance', 'newFactory', 'newDefaultInstance'],
      callee:
        /^(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory|TransformerFactory)\.new\w+$/,
      test: (_call, source) =>
        !/disallow-doctype-decl|FEATURE_SECURE_PROCESSING|ACCESS_EXTERNAL_DTD|SUPPORT_DTD|IS_SUPPORTING_EXTERNAL_ENTITIES|external-general-entities/.test(
          source,
        ),
    },
  ],
  sinks: [
    {
      rule: flowing(
        'java-command-injection',
        78,
        'critical',
        'high',
        'Command injection',
        remedy.command,
      ),
      names: ['exec', 'ProcessBuilder', 'command'],
      callee: /^(?:Runtime(?:\.getRuntime\(\))?\.exec|new ProcessBuilder|ProcessBuilder\.command)$/,
      positions: 'all',
      composed: { needle: /\bgetRuntime\b|\bProcessBuilder\b/, test: isComposed },
    },
    {
      rule: flowing('java-sql-injection', 89, 'critical', 'high', 'SQL injection', remedy.sql),
      names: [
        'executeQuery',
        'execute',
        'executeUpdate',
        'executeLargeUpdate',
        'prepareStatement',
        'prepareCall',
        'addBatch',
        'queryForObject',
        'queryForList',
        'queryForMap',
        'queryForRowSet',
        'query',
        'batchUpdate',
        'createQuery',
        'createNativeQuery',
        'update',
      ],
      callee:
        /\.(?:executeQuery|execute|executeUpdate|executeLargeUpdate|prepareStatement|prepareCall|addBatch|queryFor\w+|query|batchUpdate|createQuery|createNativeQuery|update)$/,
      positions: [0],
      composed: composedSql,
      // These names mean something else in most classes: what they are called on must speak of a database.
      applies: (call) =>
        !/\.(?:execute|update|query)$/.test(call.callee) ||
        isSql(call.text) ||
        /(?:statement|stmt|jdbc|template|conn\w*|query|session|manager|database|\bdb|sql|dao|repository|\bem)(?:\(\))?\.\w+$/i.test(
          call.callee,
        ),
    },
    {
      rule: flowing('java-path-traversal', 22, 'high', 'high', 'Path traversal', remedy.path),
      names: [
        'File',
        'FileInputStream',
        'FileOutputStream',
        'FileReader',
        'FileWriter',
        'RandomAccessFile',
        'get',
        'of',
        'newInputStream',
        'newOutputStream',
        'readAllBytes',
        'readString',
        'newBufferedReader',
      ],
      callee:
        /^new (?:File|FileInputStream|FileOutputStream|FileReader|FileWriter|RandomAccessFile)$|^(?:Paths\.get|Path\.of)$|^Files\.\w+$/,
      positions: 'all',
      sanitizers: /(?:[\w.]*\.)?FilenameUtils\.getName/,
    },
    {
      rule: flowing('java-xss', 79, 'high', 'medium', 'Cross-site scripting', remedy.xss),
      names: ['print', 'println', 'write', 'format', 'printf', 'append'],
      callee:
        /getWriter\(\)\.(?:print|println|write|format|printf|append)$|^PrintWriter\.(?:print|println|write|format|printf|append)$/,
      positions: 'all',
      sanitizers: htmlEscapes,
    },
    {
      rule: flowing(
        'java-open-redirect',
        601,
        'medium',
        'medium',
        'Open redirect',
        remedy.redirect,
      ),
      names: ['sendRedirect', 'RedirectView'],
      callee: /\.sendRedirect$|^new RedirectView$/,
      positions: [0],
    },
    {
      rule: flowing('java-ssrf', 918, 'high', 'medium', 'Server-side request forgery', remedy.ssrf),
      names: ['URL', 'create', 'getForObject', 'getForEntity', 'postForObject', 'exchange'],
      callee: /^new URL$|^URI\.create$|^RestTemplate\.\w+$/,
      positions: [0],
      applies: (call) => !/^"https?:\/\/[\w.:-]+\//.test(call.arguments[0]?.text ?? ''),
    },
    {
      rule: flowing(
        'java-deserialization',
        502,
        'critical',
        'medium',
        'Deserialization of input',
        remedy.deserialization,
      ),
      names: ['ObjectInputStream', 'XMLDecoder', 'fromXML', 'loadAs', 'load'],
      callee: /^new (?:ObjectInputStream|XMLDecoder)$|^XStream\.fromXML$|^Yaml\.load(?:As)?$/,
      positions: 'all',
    },
    {
      rule: flowing('java-ldap-injection', 90, 'high', 'medium', 'LDAP injection', remedy.ldap),
      names: ['search'],
      callee: /(?:Context|LdapTemplate|ctx|context)\.search$/i,
      positions: [0, 1, 2],
    },
    {
      rule: flowing('java-xpath-injection', 643, 'high', 'medium', 'XPath injection', remedy.xpath),
      names: ['evaluate', 'compile'],
      callee: /^(?:XPath|xp|xpath)\.(?:evaluate|compile)$/,
      positions: [0],
    },
    {
      rule: flowing(
        'java-code-injection',
        94,
        'critical',
        'medium',
        'Text is run as code',
        remedy.code,
      ),
      names: ['eval', 'parseExpression', 'evaluate'],
      callee:
        /^(?:ScriptEngine|GroovyShell)\.(?:eval|evaluate)$|^(?:SpelExpressionParser|ExpressionParser)\.parseExpression$/,
      positions: [0],
    },
    {
      rule: flowing(
        'java-trust-boundary',
        501,
        'low',
        'low',
        'Input is stored in the session as it is',
        'Check the value before it is stored among values that are trusted.',
      ),
      names: ['setAttribute', 'putValue'],
      callee: /(?:getSession\(\)|HttpSession|session)\.(?:setAttribute|putValue)$/i,
      positions: [0, 1],
    },
  ],
  shapes: [],
};
