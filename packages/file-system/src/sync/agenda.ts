/** A queue ordered by time (a binary heap); equal times come out in any order. */
export class Agenda<T> {
  readonly #heap: { due: number; item: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the first item is due; Infinity = never. */
  get due(): number {
    return this.#heap[0]?.due ?? Infinity;
  }

  push(due: number, item: T): void {
    const heap = this.#heap;
    const entry = { due, item };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || above.due <= due) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** The first item when it is due. */
  pop(now: number): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.due > now) return undefined;
    const last = heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first.item;
  }

  #sink(entry: { due: number; item: T }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const right = heap[child + 1];
      let below = heap[child];
      if (below === undefined) break;
      if (right !== undefined && right.due < below.due) {
        below = right;
        child++;
      }
      if (below.due >= entry.due) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }
}
