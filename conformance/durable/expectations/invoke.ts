/** What AWS's cases of the suite "invoke" expect, by case id; notation in expectation.ts. */
import type { Expectation } from '../expectation.ts';

export const invokeExpectations: Readonly<Record<string, Expectation>> = {
  '5-1': {
    input: 'input-1-5-1',
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input="\\"input-1-5-1\\"" ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result="\\"input-1-5-1\\""',
      'invocation.',
    ],
  },
  '5-2': {
    input: {
      name: 'name-1-5-2',
      payload: 'input-1-5-2',
    },
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 name="name-1-5-2" FunctionName=* Input="\\"input-1-5-2\\"" ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 name="name-1-5-2" Result="\\"input-1-5-2\\""',
      'invocation.',
    ],
  },
  '5-3': {
    input: {
      nested: {
        key: 'value',
        items: [1, 2, 3],
      },
      source: 'test',
    },
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invocation.',
    ],
  },
  '5-4': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invocation.',
    ],
  },
  '5-5': {
    input: null,
    status: 'FAILED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke! id1 Error=*',
      'invocation.',
    ],
  },
  '5-6': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke! id1 Error=*',
      'invocation.',
    ],
  },
  '5-7': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invocation.',
    ],
  },
  '5-8': {
    input: {
      tenantId: 'tenant-id-5-8',
      payload: 'payload-5-8',
    },
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* TenantId="tenant-id-5-8" Input="\\"payload-5-8\\"" ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result="\\"payload-5-8\\""',
      'invocation.',
    ],
  },
  '5-9': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'wait+ id2 Duration=*',
      'invocation.',
      'wait. id2 Duration=*',
      'invocation.',
    ],
  },
  '5-10': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke! id1 Error=*',
      'wait+ id2 Duration=1',
      'invocation.',
      'wait. id2 Duration=1',
      'invocation.',
    ],
  },
  '5-11': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'step+ step1',
      'step. step1',
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invocation.',
    ],
  },
  '5-12': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'step+ step1',
      'step. step1',
      'invocation.',
    ],
  },
  '5-13': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'context+ ctx1',
      'invoke+ id1 <ctx1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 <ctx1 Result=*',
      'context. ctx1 Result=*',
      'invocation.',
    ],
  },
  '5-14': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invoke+ id2 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id2 Result=*',
      'invocation.',
    ],
  },
  '5-15': {
    input: {
      data: 'hello',
    },
    status: 'SUCCEEDED',
    history: [
      'invoke+ id1 FunctionName=* Input=* ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result=*',
      'invocation.',
    ],
  },
  '5-16': {
    input: 'hello',
    status: 'SUCCEEDED',
    result: '"HELLO"',
    history: [
      'invoke+ id1 FunctionName=* Input="\\"hello\\"" ExecutedVersion=* DurableExecutionArn=*',
      'invocation.',
      'invoke. id1 Result="\\"hello\\""',
      'invocation.',
    ],
  },
};
