import type { ChildProcess } from 'node:child_process';

/**
 * Kills a detached child with everything it started. Never throws: a group that has ended by itself is known here
 * only a moment later, and just then the signal may come that ends the review.
 */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
