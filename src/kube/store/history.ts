// What happened to the objects of one kind, for watches that resume and lists that continue. A ring per kind, so that a busy
// kind does not push out the events of a quiet one. It lives in memory: after a restart, watchers list again.

import type { KubeObject } from "../object.ts";

/** `object` is what is stored now (for DELETED: the last state, with the version of its deletion); `previous` what was before. */
export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export interface HistoryLimits {
  /** Events kept for each kind. */
  readonly events: number;
  /** Characters of JSON kept for each kind, counted as they were written. */
  readonly characters: number;
}

/** Kubernetes' watch cache holds 100 to 102,400 events a resource; 4,096 is a minute of heartbeats of some hundred Pods. */
export const DEFAULT_HISTORY: HistoryLimits = { events: 4_096, characters: 32 * 1024 * 1024 };

/** The events of one kind since `floor`. */
export class History {
  readonly #limits: HistoryLimits;
  #events: (StoreEvent & { readonly characters: number })[] = [];
  #first = 0;
  #characters = 0;
  #floor: number;

  /** `floor`: the version at which the history begins. */
  constructor(floor: number, limits: HistoryLimits) {
    this.#floor = floor;
    this.#limits = limits;
  }

  /** The oldest version from which every event is still known. */
  get floor(): number {
    return this.#floor;
  }

  append(event: StoreEvent, characters: number): void {
    this.#events.push({ ...event, characters });
    this.#characters += characters;
    while (
      this.#events.length - this.#first > this.#limits.events ||
      (this.#characters > this.#limits.characters && this.#first < this.#events.length)
    ) {
      const oldest = this.#events[this.#first++]!;
      this.#characters -= oldest.characters;
      this.#floor = oldest.version;
    }
    // The array is cut when half of it is dead, so that appending costs a constant on average.
    if (this.#first > 64 && this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** At most `limit` events after `version`, oldest first; undefined when some of them are no longer kept. */
  after(version: number, limit = Number.POSITIVE_INFINITY): readonly StoreEvent[] | undefined {
    if (version < this.#floor) return undefined;
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.version <= version) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low, low + limit);
  }

  /** Forgets everything up to `version`. */
  compact(version: number): void {
    this.#floor = Math.max(this.#floor, version);
    while (this.#first < this.#events.length && this.#events[this.#first]!.version <= version) {
      this.#characters -= this.#events[this.#first++]!.characters;
    }
  }
}
