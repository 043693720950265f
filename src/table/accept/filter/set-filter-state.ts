// envoy.extensions.filters.http.set_filter_state.v3.Config

import type { Config } from "../../../xds/gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.ts";
import type { SetFilterStateFilter } from "../../filter/set-filter-state.ts";
import { acceptFilterState } from "../filter-state.ts";
import type { Scope } from "../scope.ts";

export function acceptSetFilterState(scope: Scope, config: Config): SetFilterStateFilter {
  scope.only(config, ["onRequestHeaders"]);
  return {
    kind: "set-filter-state",
    rules: acceptFilterState(scope.field("on_request_headers"), config.onRequestHeaders),
  };
}
