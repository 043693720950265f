// Refuses requests beyond what the latency of those before bears (Envoy: AdaptiveConcurrencyFilter).

import type { AdaptiveConcurrencyFilter } from "../../table/filter/adaptive-concurrency.ts";
import { ConcurrencyController } from "./concurrency/controller.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

export class AdaptiveConcurrency implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: AdaptiveConcurrencyFilter;
  readonly #controller: ConcurrencyController;
  /** When each admitted request began, on the clock of performance.now(). */
  readonly #startedAt = new Map<FilteredRequest, number>();
  readonly stats = { blocked: 0 };

  constructor(name: string, disabled: boolean, table: AdaptiveConcurrencyFilter) {
    this.name = name;
    this.disabled = disabled || !table.enabled;
    this.#table = table;
    this.#controller = new ConcurrencyController(table);
  }

  onRequest(request: FilteredRequest): Verdict {
    // Health checks are quick: they would make everything else look slow.
    if (request.record.isHealthCheck || this.#startedAt.has(request)) return "continue";
    if (!this.#controller.admit()) {
      this.stats.blocked++;
      request.reply(this.#table.status, "reached concurrency limit", "reached_concurrency_limit");
      return "answered";
    }
    this.#startedAt.set(request, performance.now());
    return "continue";
  }

  onEnd(request: FilteredRequest): void {
    const startedAt = this.#startedAt.get(request);
    if (startedAt === undefined) return;
    this.#startedAt.delete(request);
    // A request that was given up says nothing of how long answers take.
    if (request.record.isWhole) this.#controller.sample(startedAt);
    else this.#controller.cancel();
  }
}
