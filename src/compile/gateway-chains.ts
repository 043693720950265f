// Filter chains of a gateway's ports, before they are made.

import type { BoundServer, GatewayPort } from "../model/gateway-ports.ts";
import type { TcpMatch, TlsMatch } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { WeightedBackend } from "../model/route.ts";
import { BLACK_HOLE_CLUSTER } from "../xds/names.ts";
import type { GatewayCredentials, ServerSocketPlan } from "./gateway-credentials.ts";
import { commonHosts, routesAtServer } from "./gateway-routes.ts";
import { resolveBackend, selects } from "./http-rules.ts";
import { legPassages } from "./leg-passage.ts";
import { type StreamTarget, sharedSettings } from "./stream-route.ts";
import type { View } from "./visibility.ts";

/** One chain. Plain data: the memo compares it. */
export interface ChainPlan {
  readonly name: string;
  /** None: every server name, and none at all. */
  readonly serverNames: readonly string[];
  /** Undefined: the bytes are taken as they come. */
  readonly socket: ServerSocketPlan | undefined;
  /** Name of the route configuration, or where bytes go. */
  readonly terminal:
    | { readonly kind: "http"; readonly routes: string }
    | ({ readonly kind: "stream" } & Pick<StreamTarget, "clusters"> & Partial<StreamTarget>);
}

export interface ChainContext {
  readonly mesh: Mesh;
  readonly view: View;
  readonly credentials: GatewayCredentials;
}

/** Closes every connection. */
const NOWHERE: ChainPlan["terminal"] = { kind: "stream", clusters: [{ name: BLACK_HOLE_CLUSTER, weight: 1 }] };

/** `http.8080`, or with the address that the servers ask for. Istio's names. */
export function plainRouteName({ number, bind }: GatewayPort): string {
  return bind === undefined ? `http.${number}` : `http.${number}.${bind}`;
}

/** `https.443.https.shop.default`: servers that end TLS have routes of their own. */
export function secureRouteName({ gateway, server }: BoundServer): string {
  return `https.${server.port}.${server.portName}.${gateway.origin.name}.${gateway.namespace}`;
}

/** Whether requests come out of the server's TLS, with routes of their own. */
export function takesSecureHttp({ server }: BoundServer): boolean {
  return server.tls?.kind === "terminate" && server.protocol === "https";
}

function serverNames({ server }: BoundServer): readonly string[] {
  const names = server.hosts.map(({ host }) => host);
  return names.includes("*") ? [] : [...new Set(names)];
}

function targetOf({ mesh, view }: ChainContext, backends: readonly WeightedBackend[], port: number): StreamTarget {
  const clusters = backends.map((backend) => ({
    name: resolveBackend(mesh, view, backend, port).cluster,
    weight: backend.weight,
  }));
  return { clusters, settings: sharedSettings(mesh, view, backends, port) };
}

function concerns(match: TcpMatch | TlsMatch, port: number, view: View): boolean {
  return (match.port === undefined || match.port === port) && selects(match.client, view);
}

/** Where bytes of a server go: by the first rule for its port. Undefined: no route speaks of them. */
function streamOf(context: ChainContext, bound: BoundServer): StreamTarget | undefined {
  const { port } = bound.server;
  for (const { route } of routesAtServer(context.mesh, context.view, bound, "tcp")) {
    const rule = route.rules.find(
      ({ matches }) => matches.length === 0 || matches.some((match) => concerns(match, port, context.view)),
    );
    if (rule) return targetOf(context, rule.backends, port);
  }
  return undefined;
}

function terminating(context: ChainContext, bound: BoundServer): readonly ChainPlan[] {
  const { tls } = bound.server;
  if (tls?.kind !== "terminate") return [];
  const names = serverNames(bound);
  const http = takesSecureHttp(bound);
  const name = secureRouteName(bound);
  const socket = context.credentials.resolve(tls);
  if (!socket) return [{ name, serverNames: names, socket, terminal: NOWHERE }];
  if (http) return [{ name, serverNames: names, socket, terminal: { kind: "http", routes: name } }];
  const target = streamOf(context, bound);
  return target ? [{ name, serverNames: names, socket, terminal: { kind: "stream", ...target } }] : [];
}

/** A chain for each match of the TLS routes that are bound to the server, for the names that both have. */
function passingThrough(context: ChainContext, bound: BoundServer): readonly ChainPlan[] {
  const { server } = bound;
  return routesAtServer(context.mesh, context.view, bound, "tls").flatMap(({ route }) =>
    route.rules.flatMap((rule) =>
      rule.matches
        .filter((match) => concerns(match, server.port, context.view))
        .map((match): ChainPlan => {
          const names = commonHosts(server.hosts, match.sniHosts, route.namespace);
          const target = targetOf(context, rule.backends, server.port);
          const name = `${rule.origin.namespace}/${rule.origin.name}/${rule.path}`;
          return { name, serverNames: names, socket: undefined, terminal: { kind: "stream", ...target } };
        })
        .filter(({ serverNames: names }) => names.length > 0),
    ),
  );
}

/** A chain for each server name of the leg: it names the cluster, and no route has a say. */
function handingOn({ mesh, view }: ChainContext, bound: BoundServer): readonly ChainPlan[] {
  return legPassages(mesh, view, bound).map(({ name }) => ({
    name,
    serverNames: [name],
    socket: undefined,
    terminal: { kind: "stream", clusters: [{ name, weight: 1 }] },
  }));
}

/** Envoy refuses a listener in which two chains have one server name: it is the first one's. */
function withoutRepetition(chains: readonly ChainPlan[]): readonly ChainPlan[] {
  const taken = new Set<string>();
  return chains.flatMap((chain) => {
    const names = chain.serverNames.includes("*") ? [] : chain.serverNames;
    const free = names.filter((name) => !taken.has(name));
    if (names.length === 0 ? taken.has("*") : free.length === 0) return [];
    for (const name of names.length === 0 ? ["*"] : free) taken.add(name);
    return [{ ...chain, serverNames: free }];
  });
}

/** None: nothing leads through the port, and it stays closed. */
export function planChains(context: ChainContext, port: GatewayPort): readonly ChainPlan[] {
  switch (port.family) {
    case "http": {
      const routes = plainRouteName(port);
      return [{ name: routes, serverNames: [], socket: undefined, terminal: { kind: "http", routes } }];
    }
    case "tcp":
      return port.servers.flatMap((bound): ChainPlan[] => {
        const target = streamOf(context, bound);
        const name = `tcp.${port.number}`;
        return target ? [{ name, serverNames: [], socket: undefined, terminal: { kind: "stream", ...target } }] : [];
      });
    case "tls":
      return withoutRepetition(
        port.servers.flatMap((bound) => [
          ...terminating(context, bound),
          ...passingThrough(context, bound),
          ...handingOn(context, bound),
        ]),
      );
  }
}
