/** The security reviewer: weaknesses in the code and secrets in any file. */
import { codeAnalyser } from '../analysers/code/code-analyser.ts';
import { ruffAnalyser } from '../analysers/ruff.ts';
import { ruffSecurityRules } from '../analysers/ruff-rules.ts';
import { secretsAnalyser } from '../analysers/secrets.ts';
import type { Reviewer } from './review-source.ts';

/** In package.json; secretlint is in the bundle, so it cannot be asked at run time. */
const secretlintVersion = '13.0.7';

export const securityReviewer: Reviewer = {
  name: 'security',
  analysers: () => [
    codeAnalyser(),
    secretsAnalyser(secretlintVersion),
    ruffAnalyser(ruffSecurityRules, { inTests: false }),
  ],
};
