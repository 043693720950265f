// Keeps objects for those after it (envoy.filters.http.set_filter_state).

import type { SetFilterStateFilter } from "../../table/filter/set-filter-state.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

export class SetFilterState implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: SetFilterStateFilter;

  constructor(name: string, disabled: boolean, table: SetFilterStateFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const own = request.routeFilters.get(this.name);
    // The listener's objects come first, as in Envoy, and the route's beside them.
    request.record.keep(this.#table.rules);
    if (own?.kind === "set-filter-state") request.record.keep(own.rules);
    return "continue";
  }
}
