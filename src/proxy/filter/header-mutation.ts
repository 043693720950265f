// Header operations between other filters (envoy.filters.http.header_mutation).

import type { ResponseHead } from "../../http/stream.ts";
import type { HeaderMutationFilter, RouteHeaderMutation } from "../../table/filter/header-mutation.ts";
import { takeSteps } from "../header-operations.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

export class HeaderMutation implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: HeaderMutationFilter;

  constructor(name: string, disabled: boolean, table: HeaderMutationFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  #levels({ routeFilters }: FilteredRequest): RouteHeaderMutation["levels"] {
    const own = routeFilters.get(this.name);
    if (own?.kind !== "route-header-mutation") return [];
    return this.#table.mostSpecificWins ? own.levels.toReversed() : own.levels;
  }

  onRequest(request: FilteredRequest): Verdict {
    const { headers } = request.head;
    takeSteps(headers, this.#table.request, request.record);
    for (const { request: steps } of this.#levels(request)) takeSteps(headers, steps, request.record);
    return "continue";
  }

  onResponse(request: FilteredRequest, { headers }: ResponseHead): "continue" {
    takeSteps(headers, this.#table.response, request.record);
    for (const { response: steps } of this.#levels(request)) takeSteps(headers, steps, request.record);
    return "continue";
  }
}
