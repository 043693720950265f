// The entry of the tables: a resource in, a table or the reasons for a NACK out.

import { complete, type Steps } from "../../base/steps.ts";
import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { ClusterLoadAssignment } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import type { StatsMatcher } from "../../xds/gen/envoy/config/metrics/v3/stats_pb.ts";
import type { OverloadManager } from "../../xds/gen/envoy/config/overload/v3/overload_pb.ts";
import type { VirtualHost } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { RouteConfigurationParts } from "../../xds/update.ts";
import type * as table from "../cluster.ts";
import type { NamedHost } from "../deferred-virtual-host.ts";
import type { EndpointSet } from "../endpoint.ts";
import type { Listener as ListenerTable } from "../listener.ts";
import type { OverloadTable } from "../overload.ts";
import type { VirtualHost as VirtualHostTable } from "../route.ts";
import type { StatsMatch } from "../stats-match.ts";
import type { UdpListener } from "../udp.ts";
import { acceptCluster } from "./cluster.ts";
import { acceptEndpoints } from "./endpoint.ts";
import { acceptListener } from "./listener.ts";
import { acceptOverloadManager } from "./overload.ts";
import { acceptReceivedRoutes, compareRoutes, type ReceivedRoutes } from "./received-routes.ts";
import { type AcceptedRoutes, acceptRouteConfiguration } from "./route-configuration.ts";
import { type Rejection, Scope } from "./scope.ts";
import { acceptSecret, InlineSecrets, type SecretContent } from "./secret.ts";
import { acceptStatsMatcher } from "./stats-matcher.ts";
import { acceptVirtualHost, type RouteConfigurationShell } from "./virtual-host.ts";

export type Accepted<T> =
  | { readonly kind: "accepted"; readonly table: T }
  | { readonly kind: "rejected"; readonly rejections: readonly Rejection[] };

function check<T>(accept: (scope: Scope) => T, resource = ""): Accepted<T> {
  const scope = Scope.root(resource);
  return verdict(scope, accept(scope));
}

function verdict<T>(scope: Scope, table: T): Accepted<T> {
  return scope.rejections.length === 0
    ? { kind: "accepted", table }
    : { kind: "rejected", rejections: scope.rejections };
}

export interface WithSecrets<T> {
  readonly value: T;
  /** Secrets that stood in the resource itself, by the names that the table uses. */
  readonly secrets: ReadonlyMap<string, SecretContent>;
}

function withSecrets<T>(accept: (inline: InlineSecrets) => T): WithSecrets<T> {
  const inline = new InlineSecrets();
  return { value: accept(inline), secrets: inline.secrets };
}

export function checkListener(listener: Listener): Accepted<WithSecrets<ListenerTable | UdpListener>> {
  return check((scope) => withSecrets((inline) => acceptListener(scope, listener, inline)), listener.name);
}

export function checkStatsMatcher(matcher: StatsMatcher): Accepted<StatsMatch> {
  return check((scope) => acceptStatsMatcher(scope.field("stats_matcher"), matcher));
}

export function checkCluster(cluster: Cluster): Accepted<WithSecrets<table.Cluster>> {
  return check((scope) => withSecrets((inline) => acceptCluster(scope, cluster, inline)));
}

export function checkEndpoints(assignment: ClusterLoadAssignment): Accepted<EndpointSet> {
  return check((scope) => acceptEndpoints(scope, assignment));
}

/**
 * Of virtual hosts that have changed. 36 MB are 2 s of CPU, and garbage that is collected in pauses of up to 15 ms; a process that checks them
 * is there after 0.1 s.
 */
const LARGE_BYTES = 2 * 1024 * 1024;

/** Why a route configuration is refused, or else the names of its virtual hosts, in their order. */
export interface CheckedRoutes {
  readonly rejections: readonly Rejection[];
  readonly hosts: readonly NamedHost[];
}

/** Checks the whole configuration anew, without a table; undefined where that cannot be done. */
export type RemoteCheck = () => Steps<CheckedRoutes | undefined>;

/** In steps. `before`: what is in force by that name; `remote`: for much that has changed. */
export function* checkRoutes(
  parts: RouteConfigurationParts,
  before: ReceivedRoutes | undefined,
  remote: RemoteCheck | undefined,
): Steps<Accepted<ReceivedRoutes>> {
  const compared = yield* compareRoutes(parts, before);
  const isRemote = compared.changedBytes >= LARGE_BYTES && !parts.config.validateClusters;
  const checked = isRemote && remote ? yield* remote() : undefined;
  if (checked && checked.rejections.length > 0) return { kind: "rejected", rejections: checked.rejections };
  const scope = Scope.root(parts.config.name);
  // There are fewer when the process was ended while it wrote.
  const hosts = checked?.hosts.length === compared.hosts.length ? checked.hosts : undefined;
  const table = yield* acceptReceivedRoutes(scope, compared, hosts);
  return verdict(scope, table);
}

export function checkRouteConfiguration(config: RouteConfiguration): Accepted<AcceptedRoutes> {
  return check((scope) => complete(acceptRouteConfiguration(scope, config)), config.name);
}

/** `resource`: the name of the resource that brought it. */
export function checkVirtualHost(
  host: VirtualHost,
  shell: RouteConfigurationShell,
  resource = host.name,
): Accepted<VirtualHostTable> {
  return check((scope) => acceptVirtualHost(scope, host, shell), resource);
}

export function checkOverloadManager(manager: OverloadManager): Accepted<OverloadTable> {
  return check((scope) => acceptOverloadManager(scope, manager));
}

export function checkSecret(secret: Secret): Accepted<SecretContent | undefined> {
  return check((scope) => acceptSecret(scope, secret));
}

/** `filter_chains[0].filters[0].typed_config.tracing: not supported by Heddle's proxy` */
export function describeRejections(rejections: readonly Rejection[]): string {
  return rejections.map(({ path, reason }) => (path === "" ? reason : `${path}: ${reason}`)).join("; ");
}
