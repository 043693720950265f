// Routes, virtual hosts and route configurations.

import type { Message } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  type RouteMatch,
  type VirtualHost,
  type WeightedCluster,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import { RBACPerRouteSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import type { HeaderMutation } from "../header-mutation.ts";
import type { RouteConfiguration as RouteConfigurationTable } from "../http.ts";
import type { RbacTable } from "../rbac.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type * as table from "../route.ts";
import { VirtualHosts } from "../virtual-hosts.ts";
import { acceptMutation, MUTATION_FIELDS, mergeMutations } from "./header-mutation.ts";
import { acceptHeaderMatch, acceptQueryMatch, acceptRegex, exactly } from "./match.ts";
import { readOrigin } from "./metadata.ts";
import { acceptRbac } from "./rbac.ts";
import { acceptRetryPolicy } from "./retry-policy.ts";
import { milliseconds, type Scope } from "./scope.ts";

/** Envoy's route timeout where none is written (RouteAction.timeout). */
const DEFAULT_TIMEOUT_MS = 15_000;

function acceptPath(scope: Scope, match: RouteMatch): table.PathMatch {
  const ignoreCase = match.caseSensitive === false;
  const by = match.pathSpecifier;
  switch (by.case) {
    case "prefix":
      return { kind: "prefix", text: ignoreCase ? by.value.toLowerCase() : by.value, ignoreCase };
    case "pathSeparatedPrefix":
      return { kind: "segments", text: ignoreCase ? by.value.toLowerCase() : by.value, ignoreCase };
    case "path":
      return { kind: "string", match: exactly(by.value, ignoreCase) };
    case "safeRegex":
      return { kind: "string", match: acceptRegex(scope.field("safe_regex"), by.value) };
    case "connectMatcher":
      return { kind: "connect" };
    default:
      scope.reject(by.case === undefined ? "no path to match" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "connect" };
  }
}

function acceptMatch(scope: Scope, match: RouteMatch | undefined): table.RouteMatch {
  if (!match) {
    scope.reject("missing");
    return { path: { kind: "connect" }, headers: [], query: [], always: false };
  }
  scope.only(match, ["pathSpecifier", "caseSensitive", "headers", "queryParameters"]);
  const path = acceptPath(scope, match);
  const headers = match.headers.map((header, i) => acceptHeaderMatch(scope.field("headers").index(i), header));
  const query = match.queryParameters.map((parameter, i) =>
    acceptQueryMatch(scope.field("query_parameters").index(i), parameter),
  );
  const always = path.kind === "prefix" && path.text === "/" && headers.length === 0 && query.length === 0;
  return { path, headers, query, always };
}

function acceptWeighted(scope: Scope, weighted: WeightedCluster): table.ClusterChoice {
  scope.only(weighted, ["clusters", "totalWeight"]);
  let sum = 0;
  const clusters = weighted.clusters.map((cluster, i) => {
    const at = scope.field("clusters").index(i);
    at.only(cluster, ["name", "weight", ...MUTATION_FIELDS]);
    if (cluster.name === "") at.field("name").reject("empty");
    sum += cluster.weight ?? 0;
    return { name: cluster.name, weight: cluster.weight ?? 0, upTo: sum, headers: acceptMutation(at, cluster) };
  });
  if (sum === 0) scope.reject("the weights add up to 0");
  return { kind: "weighted", total: sum, clusters };
}

function acceptClusterChoice(scope: Scope, action: RouteAction): table.ClusterChoice {
  const by = action.clusterSpecifier;
  switch (by.case) {
    case "cluster":
      if (by.value === "") scope.field("cluster").reject("empty");
      return { kind: "single", name: by.value };
    case "weightedClusters":
      return acceptWeighted(scope.field("weighted_clusters"), by.value);
    default:
      scope.reject(by.case === undefined ? "no cluster" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "single", name: "" };
  }
}

function acceptForward(scope: Scope, action: RouteAction, inherited: RetryPolicy | undefined): table.ForwardAction {
  scope.only(action, [
    "clusterSpecifier",
    "clusterNotFoundResponseCode",
    "timeout",
    "idleTimeout",
    "retryPolicy",
    "prefixRewrite",
    "hostRewriteSpecifier",
    "upgradeConfigs",
    "maxGrpcTimeout",
    "maxStreamDuration",
  ]);
  const rewrite = action.hostRewriteSpecifier;
  if (rewrite.case !== undefined && rewrite.case !== "hostRewriteLiteral")
    scope.reject(`${rewrite.case} is not supported by Heddle's proxy`);
  const stream = action.maxStreamDuration;
  if (stream) scope.field("max_stream_duration").only(stream, ["maxStreamDuration", "grpcTimeoutHeaderMax"]);
  if (stream?.maxStreamDuration && durationMs(stream.maxStreamDuration) !== 0)
    scope.field("max_stream_duration").field("max_stream_duration").reject("only 0 is supported by Heddle's proxy");
  const grpcMax = stream?.grpcTimeoutHeaderMax ?? action.maxGrpcTimeout;
  return {
    kind: "forward",
    cluster: acceptClusterChoice(scope, action),
    // A route with max_stream_duration has no other time-out (Envoy: RouteEntryImplBase::usingNewTimeouts).
    timeoutMs: stream ? 0 : milliseconds(action.timeout, DEFAULT_TIMEOUT_MS),
    idleTimeoutMs: action.idleTimeout && milliseconds(action.idleTimeout, 0),
    grpcTimeoutMaxMs: grpcMax && milliseconds(grpcMax, 0),
    retry: action.retryPolicy ? acceptRetryPolicy(scope.field("retry_policy"), action.retryPolicy) : inherited,
    hostRewrite: rewrite.case === "hostRewriteLiteral" ? rewrite.value : undefined,
    prefixRewrite: action.prefixRewrite === "" ? undefined : action.prefixRewrite,
    clusterNotFoundStatus: notFoundStatus(action.clusterNotFoundResponseCode),
    terminateConnect: action.upgradeConfigs.some(
      (upgrade) => upgrade.upgradeType.toUpperCase() === "CONNECT" && upgrade.connectConfig !== undefined,
    ),
  };
}

function notFoundStatus(code: RouteAction_ClusterNotFoundResponseCode): number {
  switch (code) {
    case RouteAction_ClusterNotFoundResponseCode.NOT_FOUND:
      return 404;
    case RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR:
      return 500;
    default:
      return 503;
  }
}

const REDIRECT_STATUS: ReadonlyMap<RedirectAction_RedirectResponseCode, number> = new Map([
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY, 301],
  [RedirectAction_RedirectResponseCode.FOUND, 302],
  [RedirectAction_RedirectResponseCode.SEE_OTHER, 303],
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT, 307],
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT, 308],
]);

function acceptRedirect(scope: Scope, action: RedirectAction): table.RedirectAction {
  scope.only(action, [
    "schemeRewriteSpecifier",
    "hostRedirect",
    "portRedirect",
    "pathRewriteSpecifier",
    "responseCode",
    "stripQuery",
  ]);
  const path = action.pathRewriteSpecifier;
  if (path.case === "regexRewrite") scope.field("regex_rewrite").reject("not supported by Heddle's proxy");
  const scheme = action.schemeRewriteSpecifier;
  return {
    kind: "redirect",
    status: REDIRECT_STATUS.get(action.responseCode) ?? 301,
    scheme: scheme.case === "httpsRedirect" ? (scheme.value ? "https" : undefined) : scheme.value,
    host: action.hostRedirect || undefined,
    port: action.portRedirect || undefined,
    path:
      path.case === "pathRedirect"
        ? { kind: "full", text: path.value }
        : path.case === "prefixRewrite"
          ? { kind: "prefix", text: path.value }
          : undefined,
    stripQuery: action.stripQuery,
  };
}

function acceptAction(scope: Scope, route: Route, retry: RetryPolicy | undefined): table.RouteAction {
  const { action } = route;
  switch (action.case) {
    case "route":
      return acceptForward(scope.field("route"), action.value, retry);
    case "redirect":
      return acceptRedirect(scope.field("redirect"), action.value);
    case "directResponse": {
      const at = scope.field("direct_response");
      at.only(action.value, ["status", "body"]);
      const body = action.value.body?.specifier;
      if (body && body.case !== "inlineString")
        at.field("body").reject("only inline_string is supported by Heddle's proxy");
      return { kind: "direct", status: action.value.status, body: body?.case === "inlineString" ? body.value : "" };
    }
    default:
      scope.reject(action.case === undefined ? "no action" : `${action.case} is not supported by Heddle's proxy`);
      return { kind: "direct", status: 500, body: "" };
  }
}

function acceptRouteRbac(scope: Scope, configs: Route["typedPerFilterConfig"]): RbacTable | undefined {
  let rbac: RbacTable | undefined;
  for (const [name, any] of Object.entries(configs)) {
    const at = scope.field("typed_per_filter_config").key(name);
    const perRoute = at.unpack(any, RBACPerRouteSchema);
    if (!perRoute) continue;
    rbac = perRoute.rbac?.rules
      ? acceptRbac(at.field("rbac").field("rules"), perRoute.rbac.rules)
      : { action: "deny", policies: [] };
  }
  return rbac;
}

interface Inherited {
  readonly mutation: HeaderMutation;
  readonly retry: RetryPolicy | undefined;
}

function acceptRoute(scope: Scope, route: Route, inherited: Inherited): table.Route {
  scope.only(route, ["name", "match", "action", "metadata", "decorator", "typedPerFilterConfig", ...MUTATION_FIELDS]);
  return {
    name: route.name,
    match: acceptMatch(scope.field("match"), route.match),
    action: acceptAction(scope, route, inherited.retry),
    headers: mergeMutations(acceptMutation(scope, route), inherited.mutation),
    rbac: acceptRouteRbac(scope, route.typedPerFilterConfig),
    origin: readOrigin(route.metadata),
  };
}

/** `outer` is what the route configuration adds to every request. */
export function acceptVirtualHost(scope: Scope, host: VirtualHost, outer: HeaderMutation): table.VirtualHost {
  scope.only(host, [
    "name",
    "domains",
    "routes",
    "retryPolicy",
    "includeRequestAttemptCount",
    "includeAttemptCountInResponse",
    "metadata",
    ...MUTATION_FIELDS,
  ]);
  if (host.domains.length === 0) scope.field("domains").reject("empty");
  const inherited: Inherited = {
    mutation: mergeMutations(acceptMutation(scope, host), outer),
    retry: host.retryPolicy && acceptRetryPolicy(scope.field("retry_policy"), host.retryPolicy),
  };
  return {
    name: host.name,
    domains: host.domains,
    routes: host.routes.map((route, i) => acceptRoute(scope.field("routes").index(i), route, inherited)),
    attemptCountHeader: host.includeRequestAttemptCount,
    attemptCountInResponse: host.includeAttemptCountInResponse,
  };
}

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

/** What a route configuration says beside its virtual hosts; VHDS brings those on their own. */
export interface RouteConfigurationShell {
  readonly mutation: HeaderMutation;
  readonly ignorePort: boolean;
}

export function readShell(scope: Scope, config: RouteConfiguration): RouteConfigurationShell {
  return { mutation: acceptMutation(scope, config), ignorePort: config.ignorePortInHostMatching };
}

const CONFIGURATION_FIELDS: readonly Exclude<keyof RouteConfiguration, keyof Message>[] = [
  "name",
  "virtualHosts",
  "vhds",
  "validateClusters",
  "ignorePortInHostMatching",
  "maxDirectResponseBodySizeBytes",
  "metadata",
  ...MUTATION_FIELDS,
];

export function acceptRouteConfiguration(scope: Scope, config: RouteConfiguration): RouteConfigurationTable {
  scope.only(config, CONFIGURATION_FIELDS);
  const shell = readShell(scope, config);
  rejectDuplicateDomains(scope.field("virtual_hosts"), config.virtualHosts);
  const hosts = config.virtualHosts.map((host, i) =>
    acceptVirtualHost(scope.field("virtual_hosts").index(i), host, shell.mutation),
  );
  return {
    name: config.name,
    virtualHosts: new VirtualHosts(hosts, shell.ignorePort),
    vhds: config.vhds !== undefined,
  };
}
