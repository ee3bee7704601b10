import { expect, test } from 'vitest';
import {
  callbackId,
  checkpointToken,
  executionArn,
  executionIdOf,
  functionNameOf,
  parseCallbackId,
} from './arn.ts';

const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:review';

test.for(['7', '$LATEST', '$LATEST.PUBLISHED'])(
  'an execution of version %s has an ARN',
  (version) => {
    const arn = executionArn({ functionArn, version, name: 'a-name', id: 'an-id' });
    expect(arn).toBe(`${functionArn}:${version}/durable-execution/a-name/an-id`);
    expect(executionIdOf(arn)).toBe('an-id');
  },
);

test.for([
  'an-id',
  functionArn,
  `${functionArn}/durable-execution/a/b`,
  `${functionArn}:1/durable-execution/a`,
  `${functionArn}:alias/durable-execution/a/b`,
])('%s is no execution', (text) => {
  expect(executionIdOf(text)).toBeUndefined();
});

test.for([
  ['review', 'review', undefined],
  ['review:live', 'review', 'live'],
  ['123456789012:function:review', 'review', undefined],
  [functionArn, 'review', undefined],
  [`${functionArn}:$LATEST`, 'review', '$LATEST'],
] as const)('%s names a function', ([text, name, qualifier]) => {
  expect(functionNameOf(text)).toEqual({ name, ...(qualifier === undefined ? {} : { qualifier }) });
});

test('tokens and callback identifiers keep to the alphabet of base64', () => {
  const id = callbackId('an-id', 'c4ca4238a0b92382');
  for (const text of [id, checkpointToken('request', 12)]) {
    expect(text).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
  }
  expect(parseCallbackId(id)).toEqual({ executionId: 'an-id', operationId: 'c4ca4238a0b92382' });
  expect(parseCallbackId('nonsense')).toBeUndefined();
});
