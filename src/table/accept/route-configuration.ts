// Route configurations.

import type { Message } from "@bufbuild/protobuf";
import type { Steps } from "../../base/steps.ts";
import type { VirtualHost as VirtualHostMessage } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import type { RouteConfiguration as RouteConfigurationTable } from "../http.ts";
import type { VirtualHost } from "../route.ts";
import { VirtualHosts } from "../virtual-hosts.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptMutation, MUTATION_FIELDS } from "./header-mutation.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import type { Scope } from "./scope.ts";
import { acceptVirtualHost, type RouteConfigurationShell } from "./virtual-host.ts";

/** A configuration that is refused for so many reasons is refused: what comes after them would be read only to say more. */
const MAX_REASONS = 100;

/** `owners`: by domain, the virtual host that has it. */
function rejectDuplicateDomains(scope: Scope, host: VirtualHostMessage, owners: Map<string, string>): void {
  for (const written of host.domains) {
    const domain = written.toLowerCase();
    const owner = owners.get(domain);
    if (owner !== undefined)
      scope.reject(
        `domain ${JSON.stringify(written)} is in virtual hosts ${JSON.stringify(owner)} and ${JSON.stringify(host.name)}: only one may have it`,
      );
    owners.set(domain, host.name);
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

export interface AcceptedRoutes {
  readonly routes: RouteConfigurationTable;
  readonly shell: RouteConfigurationShell;
}

/** A virtual host a step; `hosts` in place of those of `config`, so that they can be decoded as they are taken. */
export function* acceptRouteConfiguration(
  scope: Scope,
  config: RouteConfiguration,
  hosts: Iterable<VirtualHostMessage>,
): Steps<AcceptedRoutes> {
  scope.only(config, CONFIGURATION_FIELDS);
  const shell = readShell(scope, config);
  const at = scope.field("virtual_hosts");
  const owners = new Map<string, string>();
  const accepted: VirtualHost[] = [];
  for (const host of hosts) {
    rejectDuplicateDomains(at, host, owners);
    accepted.push(acceptVirtualHost(at.index(accepted.length), host, shell));
    if (scope.rejections.length >= MAX_REASONS) break;
    yield;
  }
  const virtualHosts = yield* VirtualHosts.inSteps(accepted, shell.ignorePort);
  const { name, vhds, validateClusters } = config;
  return { routes: { name, virtualHosts, vhds: vhds !== undefined, validateClusters }, shell };
}
