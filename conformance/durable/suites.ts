/** AWS's suites: what each case expects and the handler that is put to it. */
import type { CaseHandlers } from './case-tools.ts';
import type { Expectation } from './expectation.ts';
import { callbackExpectations } from './expectations/callback.ts';
import { childExpectations } from './expectations/child.ts';
import { invokeExpectations } from './expectations/invoke.ts';
import { mapExpectations } from './expectations/map.ts';
import { parallelExpectations } from './expectations/parallel.ts';
import { stepExpectations } from './expectations/step.ts';
import { waitForCallbackExpectations } from './expectations/wait-for-callback.ts';
import { waitForConditionExpectations } from './expectations/wait-for-condition.ts';
import { waitExpectations } from './expectations/wait.ts';
import { callbackHandlers } from './handlers/callback.ts';
import { childHandlers } from './handlers/child.ts';
import { invokeHandlers } from './handlers/invoke.ts';
import { mapHandlers } from './handlers/map.ts';
import { parallelHandlers } from './handlers/parallel.ts';
import { stepHandlers } from './handlers/step.ts';
import { waitForCallbackHandlers } from './handlers/wait-for-callback.ts';
import { waitForConditionHandlers } from './handlers/wait-for-condition.ts';
import { waitHandlers } from './handlers/wait.ts';

export interface Suite {
  name: string;
  expectations: Readonly<Record<string, Expectation>>;
  handlers: CaseHandlers;
}

export const suites: readonly Suite[] = [
  { name: 'step', expectations: stepExpectations, handlers: stepHandlers },
  { name: 'wait', expectations: waitExpectations, handlers: waitHandlers },
  { name: 'child', expectations: childExpectations, handlers: childHandlers },
  { name: 'callback', expectations: callbackExpectations, handlers: callbackHandlers },
  { name: 'invoke', expectations: invokeExpectations, handlers: invokeHandlers },
  {
    name: 'wait_for_condition',
    expectations: waitForConditionExpectations,
    handlers: waitForConditionHandlers,
  },
  {
    name: 'wait_for_callback',
    expectations: waitForCallbackExpectations,
    handlers: waitForCallbackHandlers,
  },
  { name: 'parallel', expectations: parallelExpectations, handlers: parallelHandlers },
  { name: 'map', expectations: mapExpectations, handlers: mapHandlers },
];
