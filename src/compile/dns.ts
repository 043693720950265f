// Hosts that are looked up for each request. The filter and every cluster must name one cache with equal settings, or Envoy refuses them.

import { create } from "@bufbuild/protobuf";
import { packAny } from "../xds/any.ts";
import {
  type Cluster,
  Cluster_CustomClusterTypeSchema,
  Cluster_DnsLookupFamily,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { type Filter, FilterSchema } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ClusterConfigSchema } from "../xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.ts";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "../xds/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.ts";
import { FilterConfigSchema } from "../xds/gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.ts";
import { lazy } from "./lazy.ts";

export const dnsCache = lazy(
  (): DnsCacheConfig =>
    create(DnsCacheConfigSchema, { name: "heddle", dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED }),
);

/** A cluster whose endpoint is where the name of the request's host leads. */
export const hostOfRequest = lazy((): Extract<Cluster["clusterDiscoveryType"], { readonly case: "clusterType" }> => {
  const config = create(ClusterConfigSchema, {
    clusterImplementationSpecifier: { case: "dnsCacheConfig", value: dnsCache() },
    // Without it Envoy wants auto_sni of every cluster with options of its protocol, of plaintext ones too.
    allowInsecureClusterOptions: true,
  });
  const name = "envoy.clusters.dynamic_forward_proxy";
  return {
    case: "clusterType",
    value: create(Cluster_CustomClusterTypeSchema, { name, typedConfig: packAny(ClusterConfigSchema, config) }),
  };
});

/** Looks up the host that a client's SNI names, for the cluster behind it, which is called under `port`. */
export function hostOfServerName(port: number): Filter {
  const config = create(FilterConfigSchema, {
    dnsCacheConfig: dnsCache(),
    portSpecifier: { case: "portValue", value: port },
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    configType: { case: "typedConfig", value: packAny(FilterConfigSchema, config) },
  });
}
