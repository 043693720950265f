// Where a byte stream to a service port goes: its own cluster, unless a TCP or TLS route shares it out.

import type { Tunnel } from "../model/client-policy.ts";
import { hostMatches } from "../model/hosts.ts";
import { type Client, tcpRouteFor, tlsRouteFor } from "../model/lookup.ts";
import type { TcpMatch, TlsMatch } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import { isTls } from "../model/protocol.ts";
import type { WeightedBackend } from "../model/route.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { clusterName } from "../xds/names.ts";
import { clientSettingsFor } from "./client-settings.ts";
import { resolveBackend, selects } from "./http-rules.ts";
import { type Source, wholeObject } from "./provenance.ts";
import type { WeightedCluster } from "./route.ts";

/** What becomes of a connection that carries bytes. */
export interface StreamSettings {
  /** Its endpoint is chosen by the client's address. */
  readonly hashSourceAddress: boolean;
  /** Undefined: the proxy's default; 0: none. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
  /** What its endpoint is asked to lead it to; undefined: it is the end itself. */
  readonly tunnel: Tunnel | undefined;
  /** Sidecars of Istio may be among its endpoints, and no server outside that would have TLS offers of its own. */
  readonly mayMeetIstio: boolean;
}

/** Where bytes go, and how. */
export interface StreamTarget {
  readonly clusters: readonly WeightedCluster[];
  readonly settings: StreamSettings;
}

export interface StreamRoute extends StreamTarget {
  readonly sources: readonly Source[];
}

interface StreamRule {
  readonly backends: readonly WeightedBackend[];
  readonly source: Source;
}

/** `port` is one of the service's. */
export function streamRoute(mesh: Mesh, service: Service, port: ServicePort, client: Client): StreamRoute {
  const rule = isTls(port.protocol) ? tlsRule(mesh, service, port, client) : tcpRule(mesh, service, port, client);
  if (rule) return ruledStream(mesh, service, port, client, rule);
  const own = clusterName({ direction: "outbound", port: port.number, subset: "", host: service.host });
  return {
    clusters: [{ name: own, weight: 1 }],
    settings: settingsOf(mesh, client, service.host, port.number, ""),
    sources: [wholeObject(service.origin)],
  };
}

function ruledStream(mesh: Mesh, service: Service, port: ServicePort, client: Client, rule: StreamRule): StreamRoute {
  const clusters = rule.backends.map((backend) => ({
    name: resolveBackend(mesh, client, backend, port.number).cluster,
    weight: backend.weight,
  }));
  return {
    clusters,
    settings: sharedSettings(mesh, client, rule.backends, port.number),
    sources: [rule.source, wholeObject(service.origin)],
  };
}

/**
 * Of several backends the first one's hold: a connection has them before it has a backend. None of them is tunnelled to (Istio's), as one
 * way on may not be the other's.
 */
export function sharedSettings(
  mesh: Mesh,
  client: Client,
  backends: readonly WeightedBackend[],
  calledPort: number,
): StreamSettings {
  const [first, ...others] = backends.map(({ target: { host, port, subset } }) =>
    settingsOf(mesh, client, host, port ?? calledPort, subset ?? ""),
  );
  const settings = first ?? settingsOf(mesh, client, "", calledPort, "");
  if (others.length === 0) return settings;
  const mayMeetIstio = settings.mayMeetIstio && others.every((other) => other.mayMeetIstio);
  return { ...settings, tunnel: undefined, mayMeetIstio };
}

function settingsOf(mesh: Mesh, client: Client, host: string, port: number, subset: string): StreamSettings {
  const settings = clientSettingsFor(mesh, client, host, port, subset);
  const balancing = settings?.loadBalancing;
  return {
    hashSourceAddress: balancing?.kind === "consistent-hash" && balancing.key.kind === "source-address",
    idleTimeoutMs: settings?.pool?.tcpIdleTimeoutMs,
    maxDurationMs: settings?.pool?.maxConnectionDurationMs,
    tunnel: settings?.tunnel,
    mayMeetIstio: settings?.tls?.kind !== "simple" && settings?.tunnel === undefined,
  };
}

function concerns({ client: selector, port }: TcpMatch | TlsMatch, servicePort: ServicePort, client: Client): boolean {
  return (port === undefined || port === servicePort.number) && selects(selector, client);
}

/** Destinations are looked at here: a listener stands for one service, whose addresses are known. */
function reaches({ destinations }: TcpMatch | TlsMatch, service: Service): boolean {
  return (
    destinations.length === 0 ||
    destinations.some((range) => service.addresses.includes(range.replace(/\/(?:32|128)$/, "")))
  );
}

function tcpRule(mesh: Mesh, service: Service, port: ServicePort, client: Client): StreamRule | undefined {
  const rule = tcpRouteFor(mesh, service.host, client.namespace)?.rules.find(
    ({ matches }) =>
      matches.length === 0 || matches.some((match) => concerns(match, port, client) && reaches(match, service)),
  );
  return rule && { backends: rule.backends, source: { origin: rule.origin, path: rule.path } };
}

/**
 * Server names beside the service's own host that the rules which hold for it lead somewhere, each by the first rule that names it: in Istio
 * every match of such a rule is a chain of the service's port, whether the mesh knows a service of that name or not.
 */
export function serverNameRoutes(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  client: Client,
): ReadonlyMap<string, StreamRoute> {
  const routes = new Map<string, StreamRoute>();
  for (const { matches, ...rule } of tlsRouteFor(mesh, service.host, client.namespace)?.rules ?? [])
    for (const match of matches) {
      if (!concerns(match, port, client) || !reaches(match, service)) continue;
      const source = { origin: rule.origin, path: rule.path };
      for (const name of match.sniHosts)
        if (name !== service.host && !routes.has(name))
          routes.set(name, ruledStream(mesh, service, port, client, { backends: rule.backends, source }));
    }
  return routes;
}

function tlsRule(mesh: Mesh, service: Service, port: ServicePort, client: Client): StreamRule | undefined {
  const covers = ({ sniHosts }: TlsMatch) => sniHosts.some((host) => hostMatches(host, service.host));
  const rule = tlsRouteFor(mesh, service.host, client.namespace)?.rules.find(({ matches }) =>
    matches.some((match) => covers(match) && concerns(match, port, client) && reaches(match, service)),
  );
  return rule && { backends: rule.backends, source: { origin: rule.origin, path: rule.path } };
}
