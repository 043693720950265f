// envoy.extensions.filters.http.health_check.v3.HealthCheck

import type { HealthCheck } from "../../../xds/gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts";
import type { HealthCheckFilter } from "../../filter/health-check.ts";
import { acceptHeaderMatch } from "../match.ts";
import { milliseconds, type Scope } from "../scope.ts";

export function acceptHealthCheckFilter(scope: Scope, config: HealthCheck): HealthCheckFilter {
  scope.only(config, ["passThroughMode", "cacheTime", "clusterMinHealthyPercentages", "headers"]);
  const { passThroughMode, cacheTime, clusterMinHealthyPercentages } = config;
  if (passThroughMode === undefined) scope.field("pass_through_mode").reject("missing");
  const minHealthyPercents = new Map(
    Object.entries(clusterMinHealthyPercentages).map(([name, { value }]) => [name, value]),
  );
  if (passThroughMode && minHealthyPercents.size > 0)
    scope.field("cluster_min_healthy_percentages").reject("must not be set in pass-through mode");
  if (!passThroughMode && cacheTime) scope.field("cache_time").reject("must not be set outside of pass-through mode");
  return {
    kind: "health-check",
    headers: config.headers.map((match, i) => acceptHeaderMatch(scope.field("headers").index(i), match)),
    mode: passThroughMode
      ? { kind: "pass-through", cacheMs: milliseconds(cacheTime, 0) }
      : { kind: "local", minHealthyPercents },
  };
}
