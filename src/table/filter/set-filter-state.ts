// The filter that keeps objects for those after it (envoy.filters.http.set_filter_state).

import type { FilterStateRule } from "../filter-state.ts";

export interface SetFilterStateFilter {
  readonly kind: "set-filter-state";
  readonly rules: readonly FilterStateRule[];
}
