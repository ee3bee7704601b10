/** The coverage reviewer: what no test reaches. */
import type { Reviewer } from './run-review.ts';

export const coverageReviewer: Reviewer = {
  name: 'coverage',
  analysers: () => [],
};
