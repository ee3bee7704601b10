/** What AWS's cases of the suite "wait" expect, by case id; notation in expectation.ts. */
import type { Expectation } from '../expectation.ts';

export const waitExpectations: Readonly<Record<string, Expectation>> = {
  '2-1': {
    input: null,
    status: 'SUCCEEDED',
    history: ['wait+ id1 Duration=2', 'invocation.', 'wait. id1 Duration=2', 'invocation.'],
  },
  '2-2': {
    input: null,
    status: 'SUCCEEDED',
    history: [
      'wait+ id1 name="custom_wait_name" Duration=2',
      'invocation.',
      'wait. id1 name="custom_wait_name" Duration=2',
      'invocation.',
    ],
  },
  '2-3': {
    input: null,
    status: 'SUCCEEDED',
    result: {
      completedWaits: 2,
    },
    history: [
      'wait+ id1 name="wait-1" Duration=2',
      'invocation.',
      'wait. id1 name="wait-1" Duration=2',
      'wait+ id2 name="wait-2" Duration=2',
      'invocation.',
      'wait. id2 name="wait-2" Duration=2',
      'invocation.',
    ],
  },
  '2-4': {
    input: null,
    status: 'RUNNING',
    history: ['wait+ id1 Duration=60', 'invocation.'],
  },
  '2-5': {
    input: null,
    status: 'RUNNING',
    history: ['wait+ id1 Duration=3600', 'invocation.'],
  },
};
