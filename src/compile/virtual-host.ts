// Virtual hosts. Listeners tell services apart in four ways, and each has its own virtual host for a service port: `port`: by the Host header
// among all HTTP services of one port; `proxy`: by host and port of a URL or a CONNECT; `address`: by the virtual IP that was captured;
// `upstream`: not at all, the listener stands for the service.

import { create } from "@bufbuild/protobuf";
import type { HashKey } from "../model/client-policy.ts";
import { isHttp, type Protocol } from "../model/protocol.ts";
import type { ProxyHeaders } from "../model/proxy-headers.ts";
import type { RetryPolicy } from "../model/route.ts";
import { PEER_METADATA_HEADER, PEER_METADATA_VARIABLE } from "../stats/peer-metadata.ts";
import type { HeaderValueOption } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type Route,
  type VirtualHost,
  VirtualHostSchema,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { clusterName } from "../xds/names.ts";
import { overwrite } from "./headers.ts";
import type { SelectedRule } from "./http-rules.ts";
import { lazy } from "./lazy.ts";
import { FORWARD_PROXY_TUNNEL, PASSTHROUGH_DNS } from "./listener-names.ts";
import { type Outside, requestsOutside } from "./outside.ts";
import { mayBeHttp } from "./protocol.ts";
import { clusterRoute, defaultRoute, refusalRoute, ruleRoute, tunnelRoute, type WeightedCluster } from "./route.ts";
import { connectRequests, everyRequest } from "./route-match.ts";

/** What the client spoke: the leg is HTTP/2 whatever that was, and a server port of undeclared protocol goes by it. */
export const PROTOCOL_HEADER = "x-heddle-protocol";

export type VirtualHostKind = "port" | "proxy" | "address" | "upstream";

/** What routes add to requests. */
export type RouteHeaders = Pick<ProxyHeaders, "attemptCount" | "forwardedHost">;

/** Everything that one virtual host is made from. Plain data: the memo compares it. */
export interface VirtualHostPlan {
  readonly kind: VirtualHostKind;
  /** Name of the resource. */
  readonly name: string;
  readonly domains: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Outside of the mesh: gets none of the mesh's headers. */
  readonly external: boolean;
  /** Undefined: the default route alone. */
  readonly rules: readonly SelectedRule[] | undefined;
  /** Where a tunnel's bytes go when they are not HTTP. */
  readonly stream: readonly WeightedCluster[];
  readonly retry: RetryPolicy;
  readonly headers: RouteHeaders;
  /** Of one endpoint, to which its requests go that rules do not send elsewhere; undefined: the service's. */
  readonly cluster?: string | undefined;
  /** By which the service's endpoints are chosen where no rule speaks of the request. */
  readonly hash: HashKey | undefined;
}

const peerMetadata = lazy(() => overwrite(PEER_METADATA_HEADER, `%ENVIRONMENT(${PEER_METADATA_VARIABLE})%`));
const protocol = lazy(() => overwrite(PROTOCOL_HEADER, "%PROTOCOL%"));

/** A declared port goes by its declaration, so that only undeclared ones need to be told. */
function meshHeaders(plan: VirtualHostPlan): HeaderValueOption[] {
  if (plan.external || !mayBeHttp(plan.protocol)) return [];
  return meshRequestHeaders(plan.protocol === "undeclared");
}

/** What the server's proxy is told, and takes out again. */
export function meshRequestHeaders(undeclared: boolean): HeaderValueOption[] {
  return undeclared ? [protocol(), peerMetadata()] : [peerMetadata()];
}

/** The Host of a request that an application sends to `localhost:9191` says nothing to the service. */
function authorityOf({ kind, host, port }: VirtualHostPlan): string | undefined {
  if (kind !== "upstream") return undefined;
  return port === 80 ? host : `${host}:${port}`;
}

function httpRoutes(plan: VirtualHostPlan): Route[] {
  const { host, port, rules, retry, hash, headers } = plan;
  const context = { retry, hash, authority: authorityOf(plan), forwardedHost: headers.forwardedHost };
  if (rules) return rules.map((rule) => ruleRoute(rule, port, context));
  const cluster = plan.cluster ?? clusterName({ direction: "outbound", port, subset: "", host });
  return [defaultRoute(cluster, `${host}:${port}/*`, context)];
}

/**
 * A tunnel to a port that is declared HTTP leads back in, through an internal listener, so that the requests inside are routed like any
 * other. Bytes to any other port go to its cluster as they are.
 */
function tunnels(plan: VirtualHostPlan): Route[] {
  if (plan.kind !== "proxy") return [];
  const inward = [{ name: FORWARD_PROXY_TUNNEL, weight: 1 }];
  return [tunnelRoute("connect", isHttp(plan.protocol) ? inward : plan.stream)];
}

export function virtualHost(plan: VirtualHostPlan): VirtualHost {
  return create(VirtualHostSchema, {
    name: plan.name,
    domains: [...plan.domains],
    // Istio's: applications see which attempt they serve.
    includeRequestAttemptCount: plan.headers.attemptCount && !plan.external && mayBeHttp(plan.protocol),
    requestHeadersToAdd: meshHeaders(plan),
    // Tunnels first: a CONNECT has no path, and no other route may look at it.
    routes: [...tunnels(plan), ...(mayBeHttp(plan.protocol) ? httpRoutes(plan) : [])],
  });
}

/** Hosts that are no service of the mesh, as Istio names them. `proxy` resolves them by DNS; the others go where the client was going. */
export function anyOtherHost(kind: "port" | "proxy", outside: Outside): VirtualHost {
  const name = outside.policy === "registry-only" ? "block_all" : "allow_any";
  return create(VirtualHostSchema, { name, domains: ["*"], routes: otherRoutes(kind, outside, name) });
}

function otherRoutes(kind: "port" | "proxy", outside: Outside, name: string): Route[] {
  if (outside.policy === "registry-only")
    return [...(kind === "proxy" ? [refusalRoute(name, 502, connectRequests())] : []), refusalRoute(name, 502)];
  const cluster = requestsOutside(kind, outside);
  if (kind !== "proxy") return [clusterRoute(name, cluster, everyRequest())];
  // What is inside of a tunnel is the client's own matter.
  return [tunnelRoute(name, [{ name: outside.via ?? PASSTHROUGH_DNS, weight: 1 }]), clusterRoute(name, cluster)];
}
