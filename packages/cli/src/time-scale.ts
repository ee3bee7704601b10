// `--time-scale`: durable executions on this machine need not wait as long as on AWS.
import { usageError } from './command-line/outcome.ts';

export const TIME_SCALE_OPTION: { readonly value: string; readonly help: string } = {
  value: 'N',
  help: 'Durable waits, delays of retries and callback timeouts take an Nth of their time. Default: 1.',
};

/** Throws a usage error when the text is no positive number. */
export function timeScaleOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const scale = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (scale > 0) return scale;
  throw usageError(
    `--time-scale ${JSON.stringify(text)} is not a number above 0.`,
    'With 60 an hour of waiting takes a minute.',
  );
}
