// Work that is done once at the end of an event-loop turn, so that everything written in the turn leaves in one system call.

export interface Flushable {
  flush(): void;
}

let queue: Flushable[] = [];
let spare: Flushable[] = [];

/** Flushes what the turn has enqueued so far: before work that would hold it up. */
export function flushTurn(): void {
  const due = queue;
  queue = spare;
  spare = due;
  let next = 0;
  try {
    while (next < due.length) due[next++]!.flush();
  } finally {
    // One that throws must not cost the others their turn, nor leave anything in the list that is filled next.
    for (; next < due.length; next++) atEndOfTurn(due[next]!);
    due.length = 0;
  }
}

/**
 * Calls `target.flush()` once this turn's I/O callbacks have run. setImmediate and not a microtask: microtasks run after each
 * socket's callback, and frames of other sockets in the same turn would miss the write. The caller keeps itself from
 * enqueueing twice. What a flush enqueues is flushed in the next turn.
 */
export function atEndOfTurn(target: Flushable): void {
  if (queue.push(target) === 1) setImmediate(flushTurn);
}
