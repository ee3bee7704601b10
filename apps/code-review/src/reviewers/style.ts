/** The style reviewer: mistakes and duplicated code. */
import { jscpdAnalyser } from '../analysers/jscpd.ts';
import { oxlintAnalyser } from '../analysers/oxlint.ts';
import { ruffAnalyser } from '../analysers/ruff.ts';
import { ruffStyleRules } from '../analysers/ruff-rules.ts';
import type { Reviewer } from './review-source.ts';

export const styleReviewer: Reviewer = {
  name: 'style',
  analysers: () => [
    oxlintAnalyser(),
    ruffAnalyser(ruffStyleRules, { inTests: true }),
    jscpdAnalyser(),
  ],
};
