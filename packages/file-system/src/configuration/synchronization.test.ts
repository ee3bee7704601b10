import { expect, test } from 'vitest';
import { checkDocument, defaultConfiguration, SynchronizationError } from './synchronization.ts';

const rule = { prefix: '', trigger: 'ON_FILE_ACCESS', sizeLessThan: 10 };
const days = [{ daysAfterLastAccess: 7 }];

function refusal(document: unknown): string {
  try {
    checkDocument(document);
  } catch (error) {
    if (!(error instanceof SynchronizationError)) throw error;
    expect(error.errorCode).toBe('ValidationException');
    return error.message;
  }
  throw new Error('it was taken');
}

test('the defaults are those of S3 Files, and are valid', () => {
  expect(defaultConfiguration()).toEqual({
    importDataRules: [{ prefix: '', trigger: 'ON_DIRECTORY_FIRST_ACCESS', sizeLessThan: 131_072 }],
    expirationDataRules: [{ daysAfterLastAccess: 30 }],
    moorageExportDataRules: [{ prefix: '', quietMs: 2_000, maxAgeMs: 60_000 }],
  });
  expect(checkDocument(defaultConfiguration())).toEqual(defaultConfiguration());
});

test('ten rules, sizes and days up to the limits of S3 Files', () => {
  const ten = Array.from({ length: 10 }, (_, i) => ({
    ...rule,
    prefix: i === 0 ? '' : `p${i}/`,
    sizeLessThan: i === 1 ? 52_673_613_135_872 : 0,
  }));
  const document = {
    importDataRules: ten,
    expirationDataRules: [{ daysAfterLastAccess: 365 }],
    latestVersionNumber: 3,
  };
  expect(checkDocument(document)).toEqual(document);
});

test.each([
  [null, 'must be an object'],
  [{ importDataRules: [rule] }, 'expirationDataRules must be a list of exactly one rule'],
  [{ importDataRules: [], expirationDataRules: days }, 'from one to 10 rules'],
  [
    { importDataRules: Array.from({ length: 11 }, () => rule), expirationDataRules: days },
    'from one to 10 rules',
  ],
  [{ importDataRules: [{ ...rule, prefix: 'a' }], expirationDataRules: days }, 'ends in /'],
  [{ importDataRules: [{ ...rule, prefix: 'a/' }], expirationDataRules: days }, "prefix ''"],
  [{ importDataRules: [rule, rule], expirationDataRules: days }, "two rules for the prefix ''"],
  [{ importDataRules: [{ ...rule, trigger: 'NOW' }], expirationDataRules: days }, 'one of ON_'],
  [
    { importDataRules: [{ ...rule, sizeLessThan: 1.5 }], expirationDataRules: days },
    'whole number',
  ],
  [
    { importDataRules: [{ ...rule, sizeLessThan: 52_673_613_135_873 }], expirationDataRules: days },
    'to 52673613135872',
  ],
  [{ importDataRules: [rule], expirationDataRules: [{ daysAfterLastAccess: 0 }] }, 'from 1 to 365'],
  [{ importDataRules: [rule], expirationDataRules: days, extra: 1 }, 'unknown field extra'],
  [
    {
      importDataRules: [rule],
      expirationDataRules: days,
      moorageExportDataRules: [{ prefix: '', quietMs: 10, maxAgeMs: 5 }],
    },
    'must not be less than its quietMs',
  ],
])('refuses %j', (document, message) => {
  expect(refusal(document)).toContain(message);
});
