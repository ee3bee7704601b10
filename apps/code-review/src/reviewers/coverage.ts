/** The coverage reviewer: what no test reaches. */
import { coverageAnalyser } from '../analysers/coverage/coverage-analyser.ts';
import type { Reviewer } from './review-source.ts';

export const coverageReviewer: Reviewer = {
  name: 'coverage',
  analysers: () => [coverageAnalyser()],
};
