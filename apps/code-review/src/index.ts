export type * from './events.ts';
export { reviewerNames, severities } from './events.ts';
