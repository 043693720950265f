// When a handshake may begin. One costs a server as much CPU as twenty requests (a signature, a key exchange, two chains to verify), and the
// event loop would do all that arrive in a turn before the requests of that turn: connections wait here instead, first come, first served.

/**
 * Between two beginnings: the requests that came meanwhile are served first. 1,000 a second are two thirds of a core on the machines
 * that this was measured on, so that a thousand sidecars that reconnect are through in a second where nothing else is to be done.
 */
const MIN_GAP_MS = 1;
/** Of a loop that has no time left: 25 handshakes a second are a fortieth of a core. */
const MAX_GAP_MS = 40;
/** Who came last has begun within this time, whatever it costs the requests: half of Istio's time to connect. */
const MAX_WAIT_MS = 5_000;
/** A gap that ends so much late says that the loop, or its core, is busy: twice the gap follows. One that ends in time makes it an eighth less. */
const LATE_MS = 1;
/** Four seconds of the shortest gaps. Who comes later would hardly be served before its own patience ends. */
const MAX_WAITING = 4_096;

export interface QueuedHandshake {
  /** Its turn has come. False when there is nobody any more to begin it with: that costs no gap. */
  begin(): boolean;
}

export interface HandshakeClock {
  /** Milliseconds. */
  now(): number;
  /** Calls back once, in a later turn of the event loop, after `ms`. */
  after(ms: number, callback: () => void): void;
}

export class HandshakeQueue {
  readonly #clock: HandshakeClock;
  readonly #maxWaiting: number;
  #waiting: QueuedHandshake[] = [];
  /** Of `#waiting`: what is before it has had its turn. */
  #next = 0;
  /** One has begun, and the gap after it is not over. */
  #resting = false;
  #gapMs = MIN_GAP_MS;
  #gapEnds = 0;
  /** When the last of those that wait came. */
  #enteredAt = 0;
  readonly #onRested = () => {
    this.#resting = false;
    const late = this.#clock.now() - this.#gapEnds > LATE_MS;
    this.#gapMs = late ? this.#gapMs * 2 : this.#gapMs - Math.max(1, this.#gapMs >> 3);
    this.#gapMs = Math.max(MIN_GAP_MS, Math.min(this.#gapMs, MAX_GAP_MS, this.#fairGapMs()));
    this.#beginNext();
  };

  constructor(clock: HandshakeClock, maxWaiting = MAX_WAITING) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** `begun`: at once; `refused`: too many wait. */
  enter(handshake: QueuedHandshake): "begun" | "waits" | "refused" {
    if (!this.#resting) {
      this.#begin(handshake);
      return "begun";
    }
    if (this.waiting >= this.#maxWaiting) return "refused";
    this.#waiting.push(handshake);
    this.#enteredAt = this.#clock.now();
    return "waits";
  }

  /** With which all that wait have begun in time. */
  #fairGapMs(): number {
    const leftMs = this.#enteredAt + MAX_WAIT_MS - this.#clock.now();
    return this.waiting === 0 ? MAX_GAP_MS : Math.floor(leftMs / this.waiting);
  }

  #begin(handshake: QueuedHandshake): boolean {
    this.#resting = handshake.begin();
    if (!this.#resting) return false;
    this.#gapEnds = this.#clock.now() + this.#gapMs;
    this.#clock.after(this.#gapMs, this.#onRested);
    return true;
  }

  #beginNext(): void {
    while (this.#next < this.#waiting.length) {
      const handshake = this.#waiting[this.#next++]!;
      if (this.#next * 2 > this.#waiting.length) this.#compact();
      if (this.#begin(handshake)) return;
    }
  }

  #compact(): void {
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }
}

/** Of the process: there is one event loop, whatever number of listeners. */
export const handshakeQueue = new HandshakeQueue({
  now: () => performance.now(),
  after: (ms, callback) => void setTimeout(callback, ms),
});
