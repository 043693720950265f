// Work that is done once at the end of an event-loop turn, so that everything written in the turn leaves in one system call, and behind
// it what nobody waits for.

export interface Flushable {
  flush(): void;
}

/** What remains to be done when the answer has left: counting it, its line in the log. */
export interface Afterwork {
  afterTurn(): void;
}

let queue: Flushable[] = [];
let spare: Flushable[] = [];
let afterwork: Afterwork[] = [];
let spareAfterwork: Afterwork[] = [];
/** The runtime calls back at the end of this turn. */
let scheduled = false;

// ── events that come alone ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** So many turns in a row had one event: then what an event writes leaves with it, for nothing would join it. */
const QUIET_TURNS = 16;
/** One quiet event in so many has its turn, to see whether others come with it by now: a prime, so that it is not always the last of a few. */
const PROBE_EVERY = 17;

/** Of the turn at hand, and of turns before it that wrote nothing. */
let events = 0;
let quietTurns = 0;
let unprobed = 0;
/** `eventEnds` will be called: no need for the runtime to call back. */
let alone = false;

/**
 * A socket has something to read. True while events come alone: the caller calls `eventEnds` when it is read. What is written then leaves
 * without the way through the runtime to the turn's end and back (2.5 µs of each of the four turns of a request through two sidecars).
 */
export function eventBegins(): boolean {
  events++;
  if (quietTurns < QUIET_TURNS || scheduled || alone) return false;
  if (++unprobed === PROBE_EVERY) {
    unprobed = 0;
    return false;
  }
  alone = true;
  return true;
}

/** After an `eventBegins` that said true. */
export function eventEnds(): void {
  alone = false;
  events = 0;
  flushTurn();
}

function endTurn(): void {
  scheduled = false;
  quietTurns = events > 1 ? 0 : quietTurns + 1;
  events = 0;
  flushTurn();
}

// ── what waits for the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

function schedule(): void {
  if (scheduled || alone) return;
  scheduled = true;
  setImmediate(endTurn);
}

/** Flushes what the turn has enqueued so far, and does what waits for that: before work that would hold it up. */
export function flushTurn(): void {
  if (queue.length > 0) flushQueue();
  if (afterwork.length > 0) doAfterwork();
}

function flushQueue(): void {
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

function doAfterwork(): void {
  const due = afterwork;
  afterwork = spareAfterwork;
  spareAfterwork = due;
  let next = 0;
  try {
    while (next < due.length) due[next++]!.afterTurn();
  } finally {
    for (; next < due.length; next++) afterTurn(due[next]!);
    due.length = 0;
  }
}

/**
 * Calls `target.flush()` once this turn's I/O callbacks have run. setImmediate and not a microtask: microtasks run after each
 * socket's callback, and frames of other sockets in the same turn would miss the write. The caller keeps itself from
 * enqueueing twice. What a flush enqueues is flushed in the next turn.
 */
export function atEndOfTurn(target: Flushable): void {
  queue.push(target);
  schedule();
}

/** Calls `target.afterTurn()` once everything that this turn writes has been flushed. */
export function afterTurn(target: Afterwork): void {
  afterwork.push(target);
  schedule();
}
