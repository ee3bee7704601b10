/** The coverage reviewer: what no test reaches. */
import { coverageAnalyser } from '../analysers/coverage/coverage-analyser.ts';
import type { Reviewer } from './run-review.ts';

export const coverageReviewer: Reviewer = {
  name: 'coverage',
  analysers: () => [coverageAnalyser()],
};
