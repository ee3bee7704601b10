/** What AWS's cases of the suite "callback" expect, by case id; notation in expectation.ts. */
import type { Expectation } from '../expectation.ts';

export const callbackExpectations: Readonly<Record<string, Expectation>> = {
  '4-1': {
    input: 'cb-name-4-1',
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-4-1',
        answer: 'succeed',
        payload: 'cb-payload-4-1',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ id1 name="cb-name-4-1" CallbackId=*',
      'invocation.',
      'callback. id1 name="cb-name-4-1" Result="\\"cb-payload-4-1\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-2': {
    input: null,
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'approval',
        answer: 'succeed',
        payload: 'cb-payload-4-2',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ id1 name="approval" CallbackId=*',
      'invocation.',
      'callback. id1 name="approval" Result="\\"cb-payload-4-2\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-3': {
    input: 'cb-name-4-3',
    status: 'FAILED',
    history: [
      'callback+ id1 name="cb-name-4-3" CallbackId=* Timeout=5',
      'invocation.',
      'callback~ id1 name="cb-name-4-3" errorType="Callback.Timeout"',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-4': {
    input: 'cb-name-4-4',
    status: 'FAILED',
    history: [
      'callback+ id1 name="cb-name-4-4" CallbackId=* HeartbeatTimeout=5',
      'invocation.',
      'callback~ id1 name="cb-name-4-4" errorType="Callback.Heartbeat"',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-5': {
    input: 'cb-name-4-5',
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-4-5',
        answer: 'heartbeat',
      },
      {
        name: 'cb-name-4-5',
        answer: 'succeed',
        payload: 'cb-payload-4-5',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ id1 name="cb-name-4-5" CallbackId=* HeartbeatTimeout=10',
      'invocation.',
      'callback. id1 name="cb-name-4-5" Result="\\"cb-payload-4-5\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-6': {
    input: 'cb-name-4-6',
    status: 'FAILED',
    callbacks: [
      {
        name: 'cb-name-4-6',
        answer: 'fail',
        payload: {
          ErrorType: 'RejectedError',
          ErrorMessage: 'not approved',
        },
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ id1 name="cb-name-4-6" CallbackId=*',
      'invocation.',
      'callback! id1 name="cb-name-4-6" errorType="RejectedError" errorMessage="not approved"',
      'invocation.',
      'execution! errorType=* errorMessage="not approved"',
    ],
  },
  '4-7': {
    input: 'cb-name-4-7',
    status: 'FAILED',
    callbacks: [
      {
        name: 'cb-name-4-7',
        answer: 'fail',
        payload: {
          ErrorType: 'RejectedError',
          ErrorMessage: 'not approved',
        },
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-7" CallbackId=*',
      'step+ step1',
      'step. step1',
      'invocation.',
      'callback! cb1 name="cb-name-4-7" errorType="RejectedError" errorMessage="not approved"',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-8': {
    input: 'cb-name-4-8',
    status: 'FAILED',
    history: [
      'callback+ cb1 name="cb-name-4-8" CallbackId=* Timeout=5',
      'step+ step1',
      'step. step1',
      'invocation.',
      'callback~ cb1 name="cb-name-4-8" errorType="Callback.Timeout"',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-9': {
    input: 'cb-name-4-9',
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-4-9',
        answer: 'succeed',
        payload: 'cb-payload-4-9',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-9" CallbackId=*',
      'wait+ wait1 Duration=5',
      'invocation.',
      'callback. cb1 name="cb-name-4-9" Result="\\"cb-payload-4-9\\""',
      'invocation.',
      'wait. wait1 Duration=5',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-10': {
    input: 'cb-name-4-10',
    status: 'FAILED',
    callbacks: [
      {
        name: 'cb-name-4-10',
        answer: 'fail',
        payload: {
          ErrorType: 'RejectedError',
          ErrorMessage: 'not approved',
        },
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-10" CallbackId=*',
      'wait+ wait1 Duration=5',
      'invocation.',
      'callback! cb1 name="cb-name-4-10" errorType="RejectedError" errorMessage="not approved"',
      'invocation.',
      'wait. wait1 Duration=5',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-11': {
    input: 'cb-name-4-11',
    status: 'FAILED',
    history: [
      'callback+ cb1 name="cb-name-4-11" CallbackId=* Timeout=3',
      'wait+ wait1 Duration=6',
      'invocation.',
      'callback~ cb1 name="cb-name-4-11" errorType="Callback.Timeout"',
      'invocation.',
      'wait. wait1 Duration=6',
      'invocation.',
      'execution! errorType=*',
    ],
  },
  '4-12': {
    input: 'cb-name-4-12',
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-4-12',
        answer: 'succeed',
        payload: 'cb-payload-4-12',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-12" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-4-12" Result="\\"cb-payload-4-12\\""',
      'wait+ wait1 Duration=2',
      'invocation.',
      'wait. wait1 Duration=2',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-13': {
    input: 'cb-name-4-13',
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-4-13',
        answer: 'fail',
        payload: {
          ErrorType: 'RejectedError',
          ErrorMessage: 'not approved',
        },
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-13" CallbackId=*',
      'invocation.',
      'callback! cb1 name="cb-name-4-13" errorType="RejectedError" errorMessage="not approved"',
      'wait+ wait1 Duration=2',
      'invocation.',
      'wait. wait1 Duration=2',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-14': {
    input: 'cb-name-4-14',
    status: 'SUCCEEDED',
    history: [
      'callback+ cb1 name="cb-name-4-14" CallbackId=* Timeout=3',
      'invocation.',
      'callback~ cb1 name="cb-name-4-14" errorType="Callback.Timeout"',
      'wait+ wait1 Duration=2',
      'invocation.',
      'wait. wait1 Duration=2',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-15': {
    input: 'cb-name-4-15',
    status: 'SUCCEEDED',
    result: {
      received: {
        id: 'cb-payload-id-4-15',
        message: 'hello',
        timestamp: 1767225600,
      },
    },
    callbacks: [
      {
        name: 'cb-name-4-15',
        answer: 'succeed',
        payload: {
          id: 'cb-payload-id-4-15',
          message: 'hello',
          timestamp: '2026-01-01T00:00:00.000Z',
        },
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-15" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-4-15" Result=*',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-16': {
    input: 'cb-name-4-16',
    status: 'SUCCEEDED',
    result: {
      count: 42,
      doubled: 84,
    },
    callbacks: [
      {
        name: 'cb-name-4-16',
        answer: 'succeed',
        payload: 42,
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-4-16" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-4-16" Result=*',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-17': {
    input: ['cb-name-a-4-17', 'cb-name-b-4-17'],
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-a-4-17',
        answer: 'succeed',
        payload: 'cb-payload-a-4-17',
        delaySeconds: 1,
      },
      {
        name: 'cb-name-b-4-17',
        answer: 'succeed',
        payload: 'cb-payload-b-4-17',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-a-4-17" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-a-4-17" Result="\\"cb-payload-a-4-17\\""',
      'callback+ cb2 name="cb-name-b-4-17" CallbackId=*',
      'invocation.',
      'callback. cb2 name="cb-name-b-4-17" Result="\\"cb-payload-b-4-17\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-18': {
    input: ['cb-name-a-4-18', 'cb-name-b-4-18'],
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-a-4-18',
        answer: 'succeed',
        payload: 'cb-payload-a-4-18',
        delaySeconds: 3,
      },
      {
        name: 'cb-name-b-4-18',
        answer: 'succeed',
        payload: 'cb-payload-b-4-18',
        delaySeconds: 4,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-a-4-18" CallbackId=*',
      'callback+ cb2 name="cb-name-b-4-18" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-a-4-18" Result="\\"cb-payload-a-4-18\\""',
      'invocation.',
      'callback. cb2 name="cb-name-b-4-18" Result="\\"cb-payload-b-4-18\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
  '4-19': {
    input: ['cb-name-a-4-19', 'cb-name-b-4-19'],
    status: 'SUCCEEDED',
    callbacks: [
      {
        name: 'cb-name-b-4-19',
        answer: 'succeed',
        payload: 'cb-payload-b-4-19',
        delaySeconds: 4,
      },
      {
        name: 'cb-name-a-4-19',
        answer: 'succeed',
        payload: 'cb-payload-a-4-19',
        delaySeconds: 1,
      },
    ],
    history: [
      'callback+ cb1 name="cb-name-a-4-19" CallbackId=*',
      'callback+ cb2 name="cb-name-b-4-19" CallbackId=*',
      'invocation.',
      'callback. cb1 name="cb-name-a-4-19" Result="\\"cb-payload-a-4-19\\""',
      'invocation.',
      'callback. cb2 name="cb-name-b-4-19" Result="\\"cb-payload-b-4-19\\""',
      'invocation.',
      'execution. Result=*',
    ],
  },
};
