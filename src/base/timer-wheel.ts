// One coarse timer for every deadline. A timer per request costs more than parsing it; arming here is two pointer writes.

/** Granularity. Deadlines of a proxy are hundreds of milliseconds; 10 ms late is within what Envoy's event loop gives. */
export const TICK_MS = 10;
const SLOTS = 512; // 5.12 s a turn of the wheel; longer deadlines wait for whole turns in `rounds`
/** 100 ms: waking up to tick again costs two timers, and traffic of ten requests a second shall not pay it for each. */
const QUIET_TICKS = 10;
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

/**
 * Ticks while somebody arms deadlines or asks for the time. After QUIET_TICKS without either it sleeps until the next slot that holds
 * something: a hundred wake-ups a second are nothing beside traffic, but a node has a hundred sidecars that have none.
 */
export class TimerWheel {
  readonly #slots: (Deadline | undefined)[] = new Array<Deadline | undefined>(SLOTS).fill(undefined);
  readonly #origin = performance.now();
  #now = this.#origin;
  /** Ticks since the origin whose slots were rung. */
  #rung = 0;
  #armed = 0;
  #isAsleep = true;
  #wasUsed = false;
  #quietTicks = 0;
  #interval: ReturnType<typeof setInterval> | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;

  /** Milliseconds on the clock of performance.now(), as of the last tick: for ages that need no more precision than the deadlines. */
  get now(): number {
    this.#wasUsed = true;
    if (this.#isAsleep) this.#wake();
    return this.#now;
  }

  /** How many deadlines wait. */
  get armed(): number {
    return this.#armed;
  }

  /** Whether it waits for the next deadline, or for somebody to arm one, without ticking. */
  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Arms `deadline` to ring in `delayMs` (rounded up to ticks), replacing an earlier one. */
  arm(deadline: Deadline, delayMs: number): void {
    if (deadline.slot !== IDLE) this.disarm(deadline);
    this.#wasUsed = true;
    if (this.#isAsleep) this.#wake();
    const due = this.#ticksAt(performance.now()) + Math.max(1, Math.ceil(delayMs / TICK_MS));
    const slot = due % SLOTS;
    deadline.slot = slot;
    deadline.rounds = Math.floor((due - this.#rung - 1) / SLOTS);
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

  #ticksAt(now: number): number {
    return Math.floor((now - this.#origin) / TICK_MS);
  }

  #wake(): void {
    clearTimeout(this.#alarm);
    this.#isAsleep = false;
    this.#quietTicks = 0;
    this.#now = performance.now();
    if (this.#armed === 0) this.#rung = this.#ticksAt(this.#now);
    this.#interval = setInterval(() => this.#tick(), TICK_MS);
    this.#interval.unref();
  }

  #tick(): void {
    this.#advance();
    this.#quietTicks = this.#wasUsed ? 0 : this.#quietTicks + 1;
    this.#wasUsed = false;
    if (this.#quietTicks < QUIET_TICKS) return;
    clearInterval(this.#interval);
    this.#isAsleep = true;
    this.#sleep();
  }

  #sleep(): void {
    if (this.#armed === 0) return;
    let next = this.#rung + 1;
    while (this.#slots[next % SLOTS] === undefined) next++;
    const delayMs = Math.ceil(this.#origin + next * TICK_MS - performance.now());
    this.#alarm = setTimeout(() => this.#ringAsleep(), Math.max(1, delayMs));
    this.#alarm.unref();
  }

  #ringAsleep(): void {
    this.#advance();
    if (this.#isAsleep) this.#sleep(); // who rang may have woken it
  }

  /** Catches up when the event loop was late, so that a stall delays deadlines and never loses them. */
  #advance(): void {
    this.#now = performance.now();
    const due = this.#ticksAt(this.#now);
    while (this.#rung < due) this.#ring(++this.#rung % SLOTS);
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
