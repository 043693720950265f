// What filters counted, for each scrape. They count in plain fields, which are read here; what a filter counted stays when it goes.

import type { Registry } from "../stats/registry.ts";
import type { NetworkFilter } from "../table/network-filter.ts";
import type { BoundFilter, FilterCount } from "./filter/filter.ts";
import type { Listener } from "./listener.ts";
import { networkCounts } from "./network-filter.ts";

export function filterMetrics(registry: Registry): (listeners: ReadonlyMap<string, Listener>) => void {
  /** What was written so far, by series. */
  const known = new WeakMap<BoundFilter | NetworkFilter, Map<string, number>>();

  const write = (filter: BoundFilter | NetworkFilter, counts: readonly FilterCount[]): void => {
    let written = known.get(filter);
    if (!written) {
      written = new Map();
      known.set(filter, written);
    }
    for (const { counter: definition, labels, value } of counts) {
      const key = [definition.name, ...labels].join("\0");
      const counter = registry.counter<readonly string[]>(definition);
      counter.add(counter.series(labels), value - (written.get(key) ?? 0));
      written.set(key, value);
    }
  };

  return (listeners) => {
    for (const { managers, networkFilters } of listeners.values()) {
      for (const { table, filters } of managers)
        for (const filter of filters.bound) write(filter, filter.counts?.(table.statPrefix) ?? []);
      for (const filter of networkFilters) write(filter, networkCounts(filter));
    }
  };
}
