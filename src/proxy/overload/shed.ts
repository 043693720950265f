// Requests that are refused because there is too much (Envoy: envoy.overload_actions.stop_accepting_requests).

import type { FilterChain } from "../filter/chain.ts";
import type { FilteredRequest } from "../filter/filter.ts";

/**
 * True when the request has been refused. Health checks are answered all the same: who asks must not take the proxy for dead, and end it.
 */
export function sheds(request: FilteredRequest, filters: FilterChain): boolean {
  const { overload } = request.connection.context;
  if (overload.stop_accepting_requests === 0 || !overload.hits("stop_accepting_requests")) return false;
  if (filters.isHealthCheck(request)) return false;
  overload.stats.requestsShed++;
  request.reply(503, "envoy overloaded", "overload", "OM");
  return true;
}
