// Whether a patch speaks of a part of the configuration.

import type { FilterChain } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Route, VirtualHost } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { parseClusterName } from "../../xds/names.ts";
import { chainFacts, type ListenerFacts, type RoutesFacts, virtualHostNames } from "./istio-names.ts";
import type { Patch } from "./patch.ts";

function isWanted<T>(wanted: T | undefined, is: T | undefined): boolean {
  return wanted === undefined || wanted === is;
}

export function inContext({ context }: Patch, place: string | undefined): boolean {
  return place !== undefined && (context === "any" || context === place);
}

export function matchesListener(patch: Patch, { context, names, port, manyPorts }: ListenerFacts): boolean {
  if (!inContext(patch, context)) return false;
  const match = patch.listener;
  if (!match) return true;
  if (match.name !== undefined && !names.includes(match.name)) return false;
  // Of a listener with many ports the chains are asked.
  return (manyPorts && patch.target !== "listener") || isWanted(match.port, port);
}

export function matchesChain({ listener: match }: Patch, facts: ListenerFacts, chain: FilterChain): boolean {
  if (!match) return true;
  const { names, port, transportProtocol } = chainFacts(chain);
  if (facts.manyPorts && !isWanted(match.port, port)) return false;
  const wanted = match.chain;
  if (!wanted) return true;
  const { serverNames = [], applicationProtocols = [] } = chain.filterChainMatch ?? {};
  return (
    (wanted.name === undefined || names.includes(wanted.name)) &&
    (wanted.serverName === undefined || serverNames.includes(wanted.serverName)) &&
    isWanted(wanted.transportProtocol, transportProtocol) &&
    wanted.applicationProtocols.every((protocol) => applicationProtocols.includes(protocol)) &&
    isWanted(wanted.destinationPort, port)
  );
}

export function matchesRoutes(patch: Patch, { context, names, port, portName, gateway }: RoutesFacts): boolean {
  if (!inContext(patch, context)) return false;
  const match = patch.routes;
  if (!match) return true;
  return (
    isWanted(match.port, port) &&
    (match.name === undefined || names.includes(match.name)) &&
    (context !== "gateway" || (isWanted(match.portName, portName) && isWanted(match.gateway, gateway)))
  );
}

export function matchesVirtualHost({ routes }: Patch, { name, domains }: VirtualHost): boolean {
  const match = routes?.virtualHost;
  if (!match) return true;
  if (match.domain !== undefined && !domains.includes(match.domain)) return false;
  return match.name === undefined || virtualHostNames(name).includes(match.name);
}

export function namesRoute({ routes }: Patch): boolean {
  return routes?.virtualHost?.route !== undefined;
}

const ACTIONS = { route: "route", redirect: "redirect", directResponse: "direct-response" } as const;

export function matchesRoute({ routes }: Patch, { name, action }: Route): boolean {
  const match = routes?.virtualHost?.route;
  if (!match) return true;
  const kind =
    action.case === undefined || !(action.case in ACTIONS) ? undefined : ACTIONS[action.case as keyof typeof ACTIONS];
  return isWanted(match.name, name) && (match.action === "any" || match.action === kind);
}

/** `hosts`: of the services that an inbound cluster stands for. */
export function matchesCluster({ cluster: match }: Patch, name: string, hosts: () => readonly string[]): boolean {
  if (!match) return true;
  if (match.name !== undefined) return match.name === name;
  const parsed = parseClusterName(name);
  if (match.service !== undefined) {
    const own = parsed?.direction === "inbound" ? hosts() : [parsed?.host];
    if (!own.includes(match.service)) return false;
  }
  return isWanted(match.subset, parsed?.subset) && isWanted(match.port, parsed?.port);
}
