export { readPlan, type PlanOptions } from './template/read-plan.ts';
export type * from './template/plan.ts';
export { TemplateError, type Position } from './template/template-error.ts';
