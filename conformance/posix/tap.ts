/** Results of one test file in the Test Anything Protocol: `1..N`, `ok 3`, `not ok 4 - why`, `# TODO`. */

/** `todo`: the suite itself expects the failure here. */
export type Verdict = 'passed' | 'failed' | 'todo';

export interface TapCase {
  readonly number: number;
  readonly verdict: Verdict;
  /** The line that says so. */
  readonly line: string;
}

/** Every case that was planned or reported; one that was planned and not reported has failed. */
export function parseTap(text: string): TapCase[] {
  const cases = new Map<number, TapCase>();
  let planned = 0;
  for (const line of text.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan !== null) planned = Number(plan[1]);
    const result = /^(not )?ok (\d+)\b(.*)$/.exec(line);
    if (result === null) continue;
    const number = Number(result[2]);
    const refused = result[1] !== undefined;
    const verdict = !refused ? 'passed' : /# TODO/.test(result[3]!) ? 'todo' : 'failed';
    cases.set(number, { number, verdict, line });
  }
  for (let number = 1; number <= planned; number++)
    if (!cases.has(number))
      cases.set(number, { number, verdict: 'failed', line: `case ${number} did not run` });
  if (cases.size === 0) return [{ number: 0, verdict: 'failed', line: `no plan: ${text.trim()}` }];
  return [...cases.values()].toSorted((a, b) => a.number - b.number);
}
