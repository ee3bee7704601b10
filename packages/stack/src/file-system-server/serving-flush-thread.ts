/** Entry of the thread that flushes (see serving-flusher.ts): waits, flushes, says so, as long as the process lives. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { startWriteBack } from '@moorage/file-system/write-back';
import { FlushSlot, FlushState, behindBlockBytes, flushAll } from './serving-flusher.ts';

const { shared, wakeFd } = workerData as { shared: SharedArrayBuffer; wakeFd: number };
const numbers = new Int32Array(shared);
/** What an event descriptor counts up by. */
const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

Atomics.store(numbers, FlushSlot.ready, 1);
for (;;) {
  const state = Atomics.load(numbers, FlushSlot.state);
  if (state === FlushState.behind) {
    const { behindFd, behindBlock, behindBlocks } = FlushSlot;
    const offset = numbers[behindBlock]! * behindBlockBytes;
    startWriteBack(numbers[behindFd]!, offset, numbers[behindBlocks]! * behindBlockBytes);
    Atomics.compareExchange(numbers, FlushSlot.state, FlushState.behind, FlushState.idle);
    continue;
  }
  if (state !== FlushState.asked) {
    Atomics.wait(numbers, FlushSlot.state, state);
    continue;
  }
  const { first, count } = FlushSlot;
  const flushed = flushAll(numbers.subarray(first, first + numbers[count]!));
  numbers[FlushSlot.failed] = flushed ? 0 : 1;
  Atomics.store(numbers, FlushSlot.state, FlushState.done);
  writeSync(wakeFd, one);
}
