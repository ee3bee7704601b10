/**
 * The oxlint rules of the style reviewer: what is almost always a mistake, whatever the house style.
 * Preferences (naming, quotes, function length) are left to the project's own linter.
 */
import type { Severity } from '../events.ts';
import type { Rule } from '../findings/rule.ts';

/** `plugin/rule` of oxlint to [severity, title]. */
const table: Readonly<Record<string, readonly [Severity, string]>> = {
  'eslint/constructor-super': ['medium', 'A derived class must call super() in its constructor'],
  'eslint/for-direction': ['medium', 'The loop counter moves in the wrong direction'],
  'eslint/getter-return': ['medium', 'A getter returns nothing'],
  'eslint/no-async-promise-executor': ['medium', 'An async promise executor loses its exceptions'],
  'eslint/no-class-assign': ['medium', 'A class name is reassigned'],
  'eslint/no-compare-neg-zero': ['low', 'A comparison with -0 is always a comparison with 0'],
  'eslint/no-cond-assign': ['low', 'An assignment stands where a condition is expected'],
  'eslint/no-const-assign': ['medium', 'A constant is reassigned'],
  'eslint/no-constant-binary-expression': ['medium', 'The result of the expression never changes'],
  'eslint/no-debugger': ['medium', 'A debugger statement is left in the code'],
  'eslint/no-delete-var': ['low', 'delete has no effect on a variable'],
  'eslint/no-dupe-class-members': ['medium', 'A class member is defined twice; the first is lost'],
  'eslint/no-dupe-else-if': [
    'medium',
    'A branch can never be reached: its condition occurs before',
  ],
  'eslint/no-dupe-keys': ['medium', 'A key occurs twice in an object; the first value is lost'],
  'eslint/no-duplicate-case': ['medium', 'A case label occurs twice; the second is never reached'],
  'eslint/no-empty-character-class': ['low', 'An empty character class matches nothing'],
  'eslint/no-empty-pattern': ['low', 'A destructuring pattern binds nothing'],
  'eslint/no-ex-assign': ['low', 'The caught exception is overwritten'],
  'eslint/no-fallthrough': ['low', 'A case falls through into the next one'],
  'eslint/no-func-assign': ['medium', 'A function name is reassigned'],
  'eslint/no-global-assign': ['medium', 'A built-in global is overwritten'],
  'eslint/no-import-assign': ['medium', 'An import is reassigned'],
  'eslint/no-invalid-regexp': ['medium', 'A regular expression is invalid'],
  'eslint/no-loss-of-precision': ['medium', 'A number literal cannot be represented exactly'],
  'eslint/no-misleading-character-class': ['low', 'A character class splits a combined character'],
  'eslint/no-new-native-nonconstructor': ['medium', 'Symbol and BigInt cannot be called with new'],
  'eslint/no-obj-calls': ['medium', 'A global object is called like a function'],
  'eslint/no-self-assign': ['low', 'A value is assigned to itself'],
  'eslint/no-self-compare': ['low', 'A value is compared with itself'],
  'eslint/no-setter-return': ['low', 'A setter returns a value nobody can receive'],
  'eslint/no-sparse-arrays': ['low', 'An array literal has a hole'],
  'eslint/no-template-curly-in-string': [
    'low',
    'A plain string contains ${...}: backticks are missing',
  ],
  'eslint/no-this-before-super': ['medium', 'this is used before super()'],
  'eslint/no-unreachable': ['medium', 'Code can never be reached'],
  'eslint/no-unsafe-finally': ['medium', 'finally overrides the result or the exception'],
  'eslint/no-unsafe-negation': ['medium', 'The negation binds tighter than in or instanceof'],
  'eslint/no-unsafe-optional-chaining': [
    'medium',
    'Optional chaining may yield undefined where it throws',
  ],
  'eslint/no-unused-vars': ['info', 'A variable or import is never used'],
  'eslint/no-useless-backreference': ['low', 'A back reference can never match'],
  'eslint/no-useless-catch': ['info', 'A catch clause only throws again'],
  'eslint/no-with': ['medium', 'with makes names ambiguous'],
  'eslint/use-isnan': ['medium', 'A comparison with NaN is never true'],
  'eslint/valid-typeof': ['medium', 'typeof is compared with a word it never returns'],
  'eslint/array-callback-return': ['low', 'An array callback returns nothing in some branch'],
  'eslint/no-empty': ['info', 'A block is empty: an error or a case is ignored silently'],
  'eslint/preserve-caught-error': [
    'info',
    'A new error is thrown without the caught one as its cause',
  ],
  'eslint/eqeqeq': ['info', 'A loose comparison converts its operands'],
  'eslint/no-prototype-builtins': [
    'info',
    'hasOwnProperty is called on an object that may shadow it',
  ],
  'oxc/bad-array-method-on-arguments': ['medium', 'arguments has no array methods'],
  'oxc/bad-char-at-comparison': [
    'medium',
    'charAt returns one character and is compared with several',
  ],
  'oxc/bad-comparison-sequence': ['medium', 'Chained comparisons do not compare as in mathematics'],
  'oxc/bad-min-max-func': [
    'medium',
    'Math.min and Math.max are nested so that the result is constant',
  ],
  'oxc/bad-object-literal-comparison': ['medium', 'A comparison with a new object is never true'],
  'oxc/bad-replace-all-arg': ['medium', 'replaceAll needs a global regular expression'],
  'oxc/const-comparisons': ['medium', 'A comparison is always true or always false'],
  'oxc/double-comparisons': ['low', 'Two comparisons can be one'],
  'oxc/erasing-op': ['low', 'The operation always yields 0'],
  'oxc/missing-throw': ['medium', 'An error is made and not thrown'],
  'oxc/number-arg-out-of-range': [
    'medium',
    'An argument is outside of the range the function takes',
  ],
  'oxc/uninvoked-array-callback': [
    'medium',
    'A callback is never invoked on the holes of new Array(n)',
  ],
  'oxc/no-accumulating-spread': ['low', 'Spreading the accumulator makes the loop quadratic'],
  'oxc/no-async-endpoint-handlers': ['medium', 'An async handler of express loses its exceptions'],
  'promise/no-new-statics': ['medium', 'Promise.resolve and its siblings are not constructors'],
  'promise/valid-params': ['low', 'A promise method is called with the wrong number of arguments'],
  'promise/no-multiple-resolved': ['medium', 'A promise may be resolved more than once'],
  'typescript/no-duplicate-enum-values': ['low', 'Two members of an enum have one value'],
  'typescript/no-misused-new': [
    'low',
    'new in an interface or constructor in a class means nothing',
  ],
  'typescript/no-non-null-asserted-optional-chain': [
    'medium',
    '?. may yield undefined and ! denies it',
  ],
  'typescript/no-unsafe-declaration-merging': [
    'medium',
    'A class merges with an interface unchecked',
  ],
  'typescript/no-explicit-any': ['info', 'any switches the type checker off'],
  'typescript/ban-ts-comment': ['low', 'A comment switches the type checker off'],
  'unicorn/no-await-in-promise-methods': [
    'low',
    'await inside Promise.all makes the calls sequential',
  ],
  'unicorn/no-invalid-fetch-options': ['medium', 'fetch refuses a body with GET or HEAD'],
  'unicorn/no-invalid-remove-event-listener': [
    'medium',
    'The listener is a new function and is never removed',
  ],
  'unicorn/no-accessor-recursion': ['medium', 'An accessor calls itself for ever'],
  'unicorn/no-array-fill-with-reference-type': ['medium', 'All elements share one object'],
  'react/jsx-key': ['low', 'An element of a list has no key'],
  'react/jsx-no-duplicate-props': ['medium', 'A property occurs twice; the first is lost'],
  'react/no-direct-mutation-state': ['medium', 'The state is changed without setState'],
  'react/no-children-prop': ['low', 'children is given as a property'],
  'react/void-dom-elements-no-children': ['medium', 'An element without content has children'],
};

/** Counted in one place, because hundreds of them say one thing about a project. */
export const oxlintGrouped: ReadonlySet<string> = new Set(
  [
    'eslint/no-unused-vars',
    'eslint/no-empty',
    'eslint/no-cond-assign',
    'eslint/no-func-assign',
    'eslint/array-callback-return',
    'eslint/preserve-caught-error',
    'eslint/eqeqeq',
    'react/jsx-key',
    'typescript/no-explicit-any',
  ].map(ruleId),
);

export const oxlintRules: readonly Rule[] = Object.entries(table).map(
  ([name, [severity, title]]) => ({
    id: ruleId(name),
    title,
    help: `${title}. [Documentation](https://oxc.rs/docs/guide/usage/linter/rules/${name}.html)`,
    severity,
    confidence: 'high',
    basis: 'pattern',
    cwe: null,
  }),
);

export function ruleId(name: string): string {
  return `oxlint/${name.replace('/', '.')}`;
}

/** The configuration for these rules and no others. */
export function oxlintConfiguration(): unknown {
  return {
    plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'promise', 'react'],
    categories: { correctness: 'off' },
    rules: Object.fromEntries(
      Object.keys(table).map((name) => [
        name.startsWith('eslint/') ? name.slice('eslint/'.length) : name,
        options[name] ?? 'error',
      ]),
    ),
    env: { builtin: true },
  };
}

const options: Readonly<Record<string, unknown>> = {
  'eslint/no-empty': ['error', { allowEmptyCatch: false }],
  'eslint/eqeqeq': ['error', 'always', { null: 'ignore' }],
  'eslint/no-unused-vars': [
    'error',
    { args: 'none', caughtErrors: 'none', ignoreRestSiblings: true },
  ],
};
