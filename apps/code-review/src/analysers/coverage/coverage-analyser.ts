/** What no test reaches: by coverage reports when the repository holds some, else by names and imports. */
import type { Rule } from '../../findings/rule.ts';
import type { Analyser } from '../analyser.ts';
import { findByReports } from './coverage-report-analyser.ts';
import { findTestGaps } from './test-gaps.ts';

function rule(
  id: string,
  title: string,
  help: string,
  severity: Rule['severity'],
  confidence: Rule['confidence'],
): Rule {
  return { id: `coverage/${id}`, title, help, severity, confidence, basis: 'metric', cwe: null };
}

const rules: readonly Rule[] = [
  rule(
    'low-file',
    'Tests run little of a file',
    'Write tests for the branches that matter most in it.',
    'low',
    'high',
  ),
  rule(
    'missed-block',
    'A passage never runs in any test',
    'Write a test that reaches it, or remove it.',
    'low',
    'high',
  ),
  rule(
    'no-tests',
    'The repository has no tests',
    'Start with the module where a mistake costs most.',
    'medium',
    'high',
  ),
  rule(
    'untested-module',
    'No test reaches a module',
    'Test it directly, or through a module that uses it. Found by names and imports: code that is started in another way is not seen.',
    'low',
    'medium',
  ),
  rule(
    'untested-export',
    'No test mentions an exported function',
    'Test it, or do not export it. Found by its name in test files.',
    'low',
    'low',
  ),
];

export function coverageAnalyser(): Analyser {
  return {
    name: 'test-gaps',
    version: '0.1.0',
    rules,
    covers: ({ language }) => language !== 'other',
    run: async (tree, files) => {
      const byReports = findByReports(tree);
      const { hits, notes } = byReports ?? findTestGaps(tree, files);
      return { hits, notes, missed: [] };
    },
  };
}
