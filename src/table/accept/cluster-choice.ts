// Where a route leads: one cluster, or one of several by weight.

import type { RouteAction, WeightedCluster } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteFilters } from "../filter/filter.ts";
import type { ClusterChoice, MetadataMatch } from "../route.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptMutation, MUTATION_FIELDS } from "./header-mutation.ts";
import type { Scope } from "./scope.ts";
import { Neighbours } from "./shared.ts";
import { acceptMetadataMatch } from "./subset.ts";

function acceptWeighted(
  scope: Scope,
  weighted: WeightedCluster,
  inherited: RouteFilters,
  match: MetadataMatch | undefined,
): ClusterChoice {
  scope.only(weighted, ["clusters", "totalWeight", "runtimeKeyPrefix", "randomValueSpecifier"]);
  let sum = 0;
  const clusters = weighted.clusters.map((cluster, i) => {
    const at = scope.field("clusters").index(i);
    at.only(cluster, [
      "name",
      "weight",
      "typedPerFilterConfig",
      "hostRewriteSpecifier",
      "metadataMatch",
      ...MUTATION_FIELDS,
    ]);
    if (cluster.name === "") at.field("name").reject("empty");
    sum += cluster.weight ?? 0;
    const filters = acceptRouteFilters(at, cluster, inherited);
    return {
      name: cluster.name,
      weight: cluster.weight ?? 0,
      upTo: sum,
      headers: acceptMutation(at, cluster),
      filters: filters === inherited ? undefined : filters,
      hostRewrite:
        cluster.hostRewriteSpecifier.case === "hostRewriteLiteral"
          ? ({ kind: "literal", host: cluster.hostRewriteSpecifier.value } as const)
          : undefined,
      metadataMatch: acceptMetadataMatch(cluster.metadataMatch, match),
    };
  });
  if (sum === 0) scope.reject("the weights add up to 0");
  const by = weighted.randomValueSpecifier;
  const randomHeader = by.case === "headerName" ? by.value.toLowerCase() : undefined;
  return { kind: "weighted", total: sum, clusters, randomHeader };
}

const singles = new Neighbours<ClusterChoice & { kind: "single" }>();

/** `filters`: what the route says of filters, which a weighted cluster may say otherwise. */
export function acceptClusterChoice(scope: Scope, action: RouteAction, filters: RouteFilters): ClusterChoice {
  const by = action.clusterSpecifier;
  switch (by.case) {
    case "cluster":
      if (by.value === "") scope.field("cluster").reject("empty");
      return singles.share({ kind: "single", name: by.value });
    case "clusterHeader":
      if (by.value === "") scope.field("cluster_header").reject("empty");
      return { kind: "header", header: by.value.toLowerCase() };
    case "weightedClusters":
      return acceptWeighted(
        scope.field("weighted_clusters"),
        by.value,
        filters,
        acceptMetadataMatch(action.metadataMatch, undefined),
      );
    default:
      scope.reject(by.case === undefined ? "no cluster" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "single", name: "" };
  }
}
