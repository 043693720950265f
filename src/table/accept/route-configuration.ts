// Route configurations.

import type { Message } from "@bufbuild/protobuf";
import type { Steps } from "../../base/steps.ts";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import { isInUse, type VirtualHostEntry } from "../deferred-virtual-host.ts";
import { DomainMap } from "../domain-map.ts";
import type { RouteConfiguration as RouteConfigurationTable } from "../http.ts";
import { DOMAINS_A_STEP, VirtualHosts } from "../virtual-hosts.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptMutation, MUTATION_FIELDS } from "./header-mutation.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import type { Scope } from "./scope.ts";
import { acceptVirtualHost, type RouteConfigurationShell, scopeOfHost } from "./virtual-host.ts";

/** A configuration that is refused for so many reasons is refused: what comes after them would be read only to say more. */
const MAX_REASONS = 100;

/** `owners`: by domain, the virtual host that has it. */
function rejectDuplicateDomains(scope: Scope, host: VirtualHostEntry, owners: DomainMap<string>): void {
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

/** All of a route configuration but its virtual hosts. */
export function acceptShell(scope: Scope, config: RouteConfiguration): RouteConfigurationShell {
  scope.only(config, CONFIGURATION_FIELDS);
  return {
    mutation: acceptMutation(scope, config),
    filters: acceptRouteFilters(scope, config),
    mirrors: acceptMirrorPolicies(scope, config.requestMirrorPolicies),
    ignorePort: config.ignorePortInHostMatching,
  };
}

export interface AcceptedRoutes {
  readonly routes: RouteConfigurationTable;
  readonly shell: RouteConfigurationShell;
}

/**
 * In steps: one that is compiled, or as many as have so many domains. `checked`: it is known that nothing is wrong with them, that no two have
 * a domain included. `next` gives undefined where one cannot be read, which ends it; `at`: the list.
 */
export function* acceptHosts(
  scope: Scope,
  config: RouteConfiguration,
  shell: RouteConfigurationShell,
  count: number,
  checked: boolean,
  next: (at: Scope, i: number) => VirtualHostEntry | undefined,
): Steps<RouteConfigurationTable> {
  const at = scope.field("virtual_hosts");
  const owners = checked ? undefined : new DomainMap<string>();
  const domainsAStep = checked ? DOMAINS_A_STEP : 1;
  const accepted: VirtualHostEntry[] = [];
  let domains = 0;
  while (accepted.length < count && scope.rejections.length < MAX_REASONS) {
    const host = next(at, accepted.length);
    if (!host) break;
    if (owners) rejectDuplicateDomains(at, host, owners);
    accepted.push(host);
    domains += host.domains.length;
    if (domains < domainsAStep && !isInUse(host)) continue;
    yield;
    domains = 0;
  }
  const virtualHosts = yield* VirtualHosts.inSteps(accepted, shell.ignorePort);
  const { name, vhds, validateClusters } = config;
  return { name, virtualHosts, vhds: vhds !== undefined, validateClusters };
}

export function* acceptRouteConfiguration(scope: Scope, config: RouteConfiguration): Steps<AcceptedRoutes> {
  const shell = acceptShell(scope, config);
  const hosts = config.virtualHosts;
  const routes = yield* acceptHosts(scope, config, shell, hosts.length, false, (at, i) =>
    acceptVirtualHost(scopeOfHost(at, i, hosts[i]!.name), hosts[i]!, shell),
  );
  return { routes, shell };
}
