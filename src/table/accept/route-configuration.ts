// Route configurations.

import type { Message } from "@bufbuild/protobuf";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import type { RouteConfiguration as RouteConfigurationTable } from "../http.ts";
import type { VirtualHost } from "../route.ts";
import { VirtualHosts } from "../virtual-hosts.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptMutation, MUTATION_FIELDS } from "./header-mutation.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import type { Scope } from "./scope.ts";
import { acceptVirtualHost, type RouteConfigurationShell } from "./virtual-host.ts";

function rejectDuplicateDomains(scope: Scope, hosts: readonly Pick<VirtualHost, "name" | "domains">[]): void {
  const owners = new Map<string, string>();
  for (const host of hosts) {
    for (const domain of host.domains) {
      const owner = owners.get(domain.toLowerCase());
      if (owner !== undefined)
        scope.reject(
          `domain ${JSON.stringify(domain)} is in virtual hosts ${JSON.stringify(owner)} and ${JSON.stringify(host.name)}: only one may have it`,
        );
      owners.set(domain.toLowerCase(), host.name);
    }
  }
}

export function readShell(scope: Scope, config: RouteConfiguration): RouteConfigurationShell {
  return {
    mutation: acceptMutation(scope, config),
    filters: acceptRouteFilters(scope, config),
    mirrors: acceptMirrorPolicies(scope, config.requestMirrorPolicies),
    ignorePort: config.ignorePortInHostMatching,
  };
}

const CONFIGURATION_FIELDS: readonly Exclude<keyof RouteConfiguration, keyof Message>[] = [
  "name",
  "virtualHosts",
  "vhds",
  "requestMirrorPolicies",
  "validateClusters",
  "ignorePortInHostMatching",
  "maxDirectResponseBodySizeBytes",
  "metadata",
  "typedPerFilterConfig",
  ...MUTATION_FIELDS,
];

export function acceptRouteConfiguration(scope: Scope, config: RouteConfiguration): RouteConfigurationTable {
  scope.only(config, CONFIGURATION_FIELDS);
  const shell = readShell(scope, config);
  rejectDuplicateDomains(scope.field("virtual_hosts"), config.virtualHosts);
  const hosts = config.virtualHosts.map((host, i) =>
    acceptVirtualHost(scope.field("virtual_hosts").index(i), host, shell),
  );
  return {
    name: config.name,
    virtualHosts: new VirtualHosts(hosts, shell.ignorePort),
    vhds: config.vhds !== undefined,
  };
}
