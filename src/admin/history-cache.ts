// Many open pages ask for the same charts every second; each is computed once per step.

import type { History } from "./api.ts";
import { type HistoryQuery, historyView } from "./history-view.ts";
import type { Sources } from "./sources.ts";

const MAX_ENTRIES = 64;

export class HistoryCache {
  readonly #sources: Sources;
  readonly #entries = new Map<string, { readonly history: History; readonly validUntilMs: number }>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** As `historyView`, at most one step old. */
  view(query: HistoryQuery): History {
    const now = this.#sources.now();
    const key = `${query.spanMs} ${query.service}`;
    const known = this.#entries.get(key);
    if (known && now < known.validUntilMs) return known.history;
    const history = historyView(this.#sources, query);
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.clear();
    this.#entries.set(key, { history, validUntilMs: (Math.floor(now / history.stepMs) + 1) * history.stepMs });
    return history;
  }
}
