// Reads every proxy's metrics in turn: each target once an interval, spread over it, never twice at a time.

import { fetchProblem } from "../base/fetch-problem.ts";
import { logger } from "../base/log.ts";
import { fetchExposition } from "./fetch-exposition.ts";
import { TargetIngest } from "./ingest.ts";
import { ProcessRecord } from "./process-record.ts";
import type { ScrapeTarget, ScrapeTargets } from "./target.ts";
import type { TrafficStore } from "./traffic-store.ts";

export interface TargetStatus {
  readonly target: ScrapeTarget;
  readonly health: "new" | "up" | "down";
  /** What the last failed scrape failed with. */
  readonly error: string | undefined;
  readonly lastSuccessMs: number | undefined;
  readonly durationMs: number | undefined;
  readonly samples: number | undefined;
  readonly process: ProcessRecord;
}

export interface ScraperOptions {
  readonly targets: ScrapeTargets;
  readonly store: TrafficStore;
  /** 1 s on a laptop; 15 s where hundreds of proxies share a machine. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly fetch?: (target: ScrapeTarget, signal: AbortSignal) => Promise<string>;
  readonly now?: () => number;
}

interface TargetState {
  target: ScrapeTarget;
  readonly ingest: TargetIngest;
  readonly process: ProcessRecord;
  busy: boolean;
  health: TargetStatus["health"];
  error: string | undefined;
  lastSuccessMs: number | undefined;
  durationMs: number | undefined;
  samples: number | undefined;
}

const log = logger("telemetry");

export class Scraper {
  readonly #options: ScraperOptions;
  readonly #fetch: NonNullable<ScraperOptions["fetch"]>;
  readonly #now: () => number;
  readonly #targets = new Map<string, TargetState>();
  readonly #stopping = new AbortController();
  readonly #pending = new Set<ReturnType<typeof setTimeout>>();
  #interval: ReturnType<typeof setInterval> | undefined;

  constructor(options: ScraperOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? fetchExposition;
    this.#now = options.now ?? Date.now;
  }

  /** Scrapes every interval until `stop`. */
  start(): void {
    if (this.#interval !== undefined) return;
    this.#interval = setInterval(() => this.#round(), this.#options.intervalMs);
    this.#round();
  }

  /** Ends the rounds and aborts what is under way. */
  stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
    this.#stopping.abort();
  }

  /** How each target is doing, in the order of their ids. */
  status(): readonly TargetStatus[] {
    return [...this.#targets.values()].sort((a, b) => (a.target.id < b.target.id ? -1 : 1));
  }

  /** Scrapes every target once, now, and waits for all: what a round does, without its spread. */
  async scrapeAll(): Promise<void> {
    this.#sync();
    await Promise.all([...this.#targets.values()].map((state) => this.#scrape(state)));
  }

  #round(): void {
    this.#sync();
    this.#options.store.expire(this.#now());
    let index = 0;
    for (const state of this.#targets.values()) {
      // A hundred scrapes in one turn of the loop would delay what else the control plane does.
      const delay = (index++ / this.#targets.size) * this.#options.intervalMs;
      const timer = setTimeout(() => {
        this.#pending.delete(timer);
        void this.#scrape(state);
      }, delay);
      this.#pending.add(timer);
    }
  }

  #sync(): void {
    const wanted = new Map(this.#options.targets.list().map((target) => [target.id, target]));
    for (const id of this.#targets.keys()) if (!wanted.has(id)) this.#targets.delete(id);
    for (const [id, target] of wanted) {
      const known = this.#targets.get(id);
      if (known) known.target = target;
      else this.#targets.set(id, this.#newState(target));
    }
  }

  #newState(target: ScrapeTarget): TargetState {
    const process = new ProcessRecord();
    return {
      target,
      process,
      ingest: new TargetIngest(this.#options.store, process),
      busy: false,
      health: "new",
      error: undefined,
      lastSuccessMs: undefined,
      durationMs: undefined,
      samples: undefined,
    };
  }

  async #scrape(state: TargetState): Promise<void> {
    if (state.busy) return;
    state.busy = true;
    const started = this.#now();
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#options.timeoutMs)]);
    try {
      const text = await this.#fetch(state.target, signal);
      const now = this.#now();
      const result = state.ingest.ingest(text, now);
      if (result.kind === "failed") throw new Error(`not an exposition: ${result.message}`);
      Object.assign(state, {
        health: "up",
        error: undefined,
        lastSuccessMs: now,
        durationMs: now - started,
        samples: result.samples,
      });
    } catch (thrown) {
      if (!this.#stopping.signal.aborted) this.#failed(state, thrown);
    } finally {
      state.busy = false;
    }
  }

  #failed(state: TargetState, thrown: unknown): void {
    const error = fetchProblem(thrown);
    // Once per change: a proxy that is gone would otherwise fill the log.
    if (state.health !== "down")
      log.warn("cannot scrape a proxy", { target: state.target.id, url: state.target.url, error });
    state.health = "down";
    state.error = error;
  }
}
