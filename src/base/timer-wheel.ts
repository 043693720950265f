// One coarse timer for every deadline. A timer per request costs more than parsing it; arming here is two pointer writes.

/** Granularity. Deadlines of a proxy are hundreds of milliseconds; 10 ms late is within what Envoy's event loop gives. */
export const TICK_MS = 10;
const SLOTS = 512; // 5.12 s a turn of the wheel; longer deadlines wait for whole turns in `rounds`
/** Values of `slot` for what is in none: not armed, or due and about to be called. */
const IDLE = -1;
const RINGING = -2;

/** Something with one deadline at a time. The links belong to the wheel; a class embeds them so that arming allocates nothing. */
export abstract class Deadline {
  /** @internal */ previous: Deadline | undefined = undefined;
  /** @internal */ next: Deadline | undefined = undefined;
  /** @internal */ slot = IDLE;
  /** @internal */ rounds = 0;

  abstract onDeadline(): void;

  get armed(): boolean {
    return this.slot !== IDLE;
  }
}

/** A deadline for those who are not a Deadline themselves. */
export class Alarm extends Deadline {
  readonly #ring: () => void;

  constructor(ring: () => void) {
    super();
    this.#ring = ring;
  }

  onDeadline(): void {
    this.#ring();
  }
}

export class TimerWheel {
  readonly #slots: (Deadline | undefined)[] = new Array<Deadline | undefined>(SLOTS).fill(undefined);
  #cursor = 0;
  #armed = 0;
  #startedAt = 0;
  #interval: ReturnType<typeof setInterval> | undefined;

  /** Milliseconds, as of the last tick: for ages that need no more precision than the deadlines themselves. */
  get now(): number {
    return this.#startedAt + this.#ticks * TICK_MS;
  }

  /** How many deadlines wait. */
  get armed(): number {
    return this.#armed;
  }

  /** Arms `deadline` to ring in `delayMs` (rounded up to ticks), replacing an earlier one. */
  arm(deadline: Deadline, delayMs: number): void {
    if (deadline.slot !== IDLE) this.disarm(deadline);
    if (this.#interval === undefined) this.#start();
    const elapsed = Math.floor((performance.now() - this.#startedAt) / TICK_MS);
    const behind = Math.max(0, elapsed - this.#ticks);
    const ticks = Math.max(1, Math.ceil(delayMs / TICK_MS)) + behind;
    const slot = (this.#cursor + ticks) % SLOTS;
    deadline.slot = slot;
    deadline.rounds = Math.floor((ticks - 1) / SLOTS);
    const head = this.#slots[slot];
    deadline.next = head;
    deadline.previous = undefined;
    if (head) head.previous = deadline;
    this.#slots[slot] = deadline;
    this.#armed++;
  }

  disarm(deadline: Deadline): void {
    if (deadline.slot === IDLE) return;
    if (deadline.slot === RINGING) {
      deadline.slot = IDLE;
      return;
    }
    const { previous, next } = deadline;
    if (previous) previous.next = next;
    else this.#slots[deadline.slot] = next;
    if (next) next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.slot = IDLE;
    this.#armed--;
  }

  #ticks = 0;

  #start(): void {
    this.#startedAt = performance.now();
    this.#ticks = 0;
    this.#interval = setInterval(() => this.#advance(), TICK_MS);
    this.#interval.unref();
  }

  /** Catches up when the event loop was late, so that a stall delays deadlines and never loses them. */
  #advance(): void {
    const due = Math.floor((performance.now() - this.#startedAt) / TICK_MS);
    while (this.#ticks < due) {
      this.#ticks++;
      this.#cursor = (this.#cursor + 1) % SLOTS;
      this.#ring(this.#cursor);
    }
    if (this.#armed === 0) {
      clearInterval(this.#interval);
      this.#interval = undefined;
    }
  }

  #ring(slot: number): void {
    // Unlinked first, called afterwards: a callback may arm or disarm others, of this very slot too.
    const due: Deadline[] = [];
    for (let deadline = this.#slots[slot]; deadline; ) {
      const { next } = deadline;
      if (deadline.rounds === 0) {
        this.disarm(deadline);
        deadline.slot = RINGING;
        due.push(deadline);
      } else deadline.rounds--;
      deadline = next;
    }
    for (const deadline of due) {
      if (deadline.slot !== RINGING) continue; // disarmed, or armed anew, by a callback before it
      deadline.slot = IDLE;
      deadline.onDeadline();
    }
  }
}

/** The process's wheel. It does not keep the process alive. */
export const timers = new TimerWheel();
