// Clusters that DNS discovers: by their type, or as an extension (envoy.extensions.clusters.dns.v3.DnsCluster).

import type { Duration } from "@bufbuild/protobuf/wkt";
import { parseAddress } from "../../base/cidr.ts";
import { type Cluster, Cluster_DiscoveryType } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import { DnsLookupFamily } from "../../xds/gen/envoy/extensions/clusters/common/dns/v3/dns_pb.ts";
import type { DnsCluster } from "../../xds/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts";
import { CaresDnsResolverConfigSchema } from "../../xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.ts";
import type * as table from "../cluster.ts";
import type { EndpointSet } from "../endpoint.ts";
import { milliseconds, type Scope } from "./scope.ts";

const DEFAULT_REFRESH_MS = 5_000;
const PORT = 53;

/** Cluster.DnsLookupFamily by number. */
const FAMILIES: readonly table.DnsFamily[] = ["auto", "v4", "v6", "v4-preferred", "all"];
const EXTENSION_FAMILIES: ReadonlyMap<DnsLookupFamily, table.DnsFamily> = new Map([
  [DnsLookupFamily.AUTO, "auto"],
  [DnsLookupFamily.V4_ONLY, "v4"],
  [DnsLookupFamily.V6_ONLY, "v6"],
  [DnsLookupFamily.V4_PREFERRED, "v4-preferred"],
  [DnsLookupFamily.ALL, "all"],
]);

interface Times {
  readonly dnsRefreshRate?: Duration | undefined;
  readonly dnsMinRefreshRate?: Duration | undefined;
  readonly dnsFailureRefreshRate?:
    | { readonly baseInterval?: Duration | undefined; readonly maxInterval?: Duration | undefined }
    | undefined;
  readonly dnsJitter?: Duration | undefined;
  readonly respectDnsTtl: boolean;
}

function acceptRefresh(scope: Scope, times: Times): table.DnsRefresh {
  const everyMs = milliseconds(times.dnsRefreshRate, DEFAULT_REFRESH_MS);
  if (everyMs < 1) scope.field("dns_refresh_rate").reject("must be above 1 ms");
  const failure = times.dnsFailureRefreshRate;
  const failureMs = milliseconds(failure?.baseInterval, everyMs);
  const failureMaxMs = milliseconds(failure?.maxInterval, failure ? failureMs * 10 : everyMs);
  if (failureMaxMs < failureMs)
    scope.field("dns_failure_refresh_rate").field("max_interval").reject("below base_interval");
  const jitterMs = milliseconds(times.dnsJitter, 0);
  const leastMs = milliseconds(times.dnsMinRefreshRate, 0);
  return { everyMs, leastMs, respectTtl: times.respectDnsTtl, failureMs, failureMaxMs, jitterMs };
}

function acceptResolvers(scope: Scope, config: TypedExtensionConfig | undefined): readonly string[] {
  if (!config) return [];
  const at = scope.field("typed_config");
  const cares = at.unpack(config.typedConfig, CaresDnsResolverConfigSchema);
  if (!cares) return [];
  at.only(cares, ["resolvers"]);
  if (cares.resolvers.length === 0) at.field("resolvers").reject("empty");
  return cares.resolvers.flatMap(({ address }, i) => {
    const socket = address.case === "socketAddress" ? address.value : undefined;
    const port = socket?.portSpecifier.case === "portValue" ? socket.portSpecifier.value : 0;
    if (socket && parseAddress(socket.address))
      return `${socket.address.includes(":") ? `[${socket.address}]` : socket.address}:${port || PORT}`;
    at.field("resolvers").index(i).reject("must be an IP address with a port");
    return [];
  });
}

export function acceptDns(scope: Scope, cluster: Cluster, endpoints: EndpointSet): table.Discovery {
  return {
    kind: "dns",
    logical: cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.LOGICAL_DNS,
    endpoints,
    refresh: acceptRefresh(scope, cluster),
    family: FAMILIES[cluster.dnsLookupFamily] ?? "auto",
    resolvers: acceptResolvers(scope.field("typed_dns_resolver_config"), cluster.typedDnsResolverConfig),
  };
}

/** `scope`: of the extension's configuration. */
export function acceptDnsExtension(scope: Scope, config: DnsCluster, endpoints: EndpointSet): table.Discovery {
  scope.known(config);
  return {
    kind: "dns",
    logical: config.allAddressesInSingleEndpoint,
    endpoints,
    refresh: acceptRefresh(scope, config),
    family: EXTENSION_FAMILIES.get(config.dnsLookupFamily) ?? "auto",
    resolvers: acceptResolvers(scope.field("typed_dns_resolver_config"), config.typedDnsResolverConfig),
  };
}
