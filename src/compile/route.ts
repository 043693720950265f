// Routes of a virtual host.

import { create } from "@bufbuild/protobuf";
import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { HttpRule, Redirect, RetryPolicy } from "../model/route.ts";
import {
  DirectResponseActionSchema,
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
  RedirectActionSchema,
  type Route,
  type RouteAction,
  RouteActionSchema,
  type RouteMatch,
  RouteSchema,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { headerFields } from "./headers.ts";
import type { ResolvedBackend, SelectedRule } from "./http-rules.ts";
import { originMetadata } from "./metadata.ts";
import { retryPolicy } from "./retry.ts";
import { connectRequests, everyRequest, routeMatch } from "./route-match.ts";

/** A share of a byte stream. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
}

/** 0: none. Envoy's own default is 15 s. */
const NO_TIMEOUT = durationFromMs(0);

/**
 * Time-outs of a route. A request's `grpc-timeout` is honoured, up to the route's own if it has one: with a maximum of 0 a gRPC request
 * that asks for nothing would never time out, whatever the route says (FilterUtility::finalTimeout). Not by max_stream_duration: a
 * route that has it, be it 0, ignores its `timeout` (RouteEntryImplBase::usingNewTimeouts); Istio keeps to the older field, too.
 */
export function timeouts(timeout: Duration = NO_TIMEOUT): { timeout: Duration; maxGrpcTimeout: Duration } {
  return { timeout, maxGrpcTimeout: timeout };
}

function clusterSpecifier(clusters: readonly WeightedCluster[]) {
  const [only] = clusters;
  return clusters.length === 1 && only
    ? ({ case: "cluster", value: only.name } as const)
    : ({
        case: "weightedClusters",
        value: { clusters: clusters.map(({ name, weight }) => ({ name, weight })) },
      } as const);
}

function backendSpecifier(backends: readonly ResolvedBackend[]) {
  const [only] = backends;
  if (backends.length === 1 && only) return { case: "cluster", value: only.cluster } as const;
  const clusters = backends.map(({ cluster, backend }) => ({
    name: cluster,
    weight: backend.weight,
    ...headerFields(backend),
  }));
  return { case: "weightedClusters", value: { clusters } } as const;
}

/** What a route needs to know beside the rule. */
export interface RouteContext {
  /** For rules that say nothing. */
  readonly retry: RetryPolicy;
  /** Authority that the upstream sees unless a rule rewrites it; undefined: the client's. */
  readonly authority?: string | undefined;
}

function forward(rule: HttpRule, backends: readonly ResolvedBackend[], context: RouteContext): RouteAction {
  const { action } = rule;
  const authority = (action.kind === "forward" ? action.rewrite?.authority : undefined) ?? context.authority;
  const retry = retryPolicy(rule.retry ?? context.retry);
  return create(RouteActionSchema, {
    clusterSpecifier: backendSpecifier(backends),
    ...timeouts(rule.timeoutMs === undefined ? undefined : durationFromMs(rule.timeoutMs)),
    ...(retry ? { retryPolicy: retry } : {}),
    ...(authority === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } }),
  });
}

const REDIRECT_CODES: Readonly<Record<Redirect["status"], RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

function redirectAction({ status, path, authority, scheme, port }: Redirect): RedirectAction {
  return create(RedirectActionSchema, {
    responseCode: REDIRECT_CODES[status],
    hostRedirect: authority ?? "",
    portRedirect: port ?? 0,
    ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { case: "schemeRedirect", value: scheme } }),
    ...(path === undefined ? {} : { pathRewriteSpecifier: { case: "pathRedirect", value: path } }),
  });
}

function routeAction({ rule, backends }: SelectedRule, context: RouteContext) {
  const { action } = rule;
  switch (action.kind) {
    case "forward":
      return { case: "route", value: forward(rule, backends, context) } as const;
    case "redirect":
      return { case: "redirect", value: redirectAction(action.redirect) } as const;
    case "direct": {
      const { status, body } = action;
      const source = body === undefined ? {} : { body: { specifier: { case: "inlineString", value: body } as const } };
      return { case: "directResponse", value: create(DirectResponseActionSchema, { status, ...source }) } as const;
    }
  }
}

/** Name of the operation in traces, as Istio's: the destination, or the rules' object when the traffic is split; then the path. */
function operation({ backends, match, routeName }: SelectedRule, port: number): string {
  const [only] = backends;
  const target = backends.length === 1 && only ? `${only.host}:${only.port}` : `${routeName}:${port}`;
  const path = match?.path;
  if (path?.kind === "exact") return `${target}${path.value}`;
  return path && path.kind !== "regex" ? `${target}${path.value.replace(/\/$/, "")}*` : `${target}/*`;
}

/** `port` is the one that the client called. */
export function ruleRoute(selected: SelectedRule, port: number, context: RouteContext): Route {
  const { rule, match, backends } = selected;
  const single = backends.length === 1 ? backends : [];
  return create(RouteSchema, {
    name: [rule.name, match?.name].filter((name) => name !== undefined && name !== "").join("."),
    match: match ? routeMatch(match) : everyRequest(),
    metadata: originMetadata(rule.origin),
    decorator: { operation: operation(selected, port) },
    action: routeAction(selected, context),
    // A single destination has no weighted cluster to carry its headers; they join the route's, and win.
    ...headerFields(rule, ...single.map(({ backend }) => backend)),
  });
}

/** Where requests go that no rule speaks of. */
export function defaultRoute(cluster: string, operationName: string, context: RouteContext): Route {
  const retry = retryPolicy(context.retry);
  const { authority } = context;
  return create(RouteSchema, {
    name: "default",
    match: everyRequest(),
    decorator: { operation: operationName },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...timeouts(),
        ...(retry ? { retryPolicy: retry } : {}),
        ...(authority === undefined ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } }),
      },
    },
  });
}

/** Ends a CONNECT here and hands its bytes to the clusters. */
export function tunnelRoute(name: string, clusters: readonly WeightedCluster[]): Route {
  return create(RouteSchema, {
    name,
    match: connectRequests(),
    action: {
      case: "route",
      value: {
        clusterSpecifier: clusterSpecifier(clusters),
        timeout: NO_TIMEOUT,
        upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }],
      },
    },
  });
}

export function clusterRoute(name: string, cluster: string, match: RouteMatch = everyRequest()): Route {
  return create(RouteSchema, {
    name,
    match,
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...timeouts(),
      },
    },
  });
}

export function refusalRoute(name: string, status: number, match: RouteMatch = everyRequest()): Route {
  return create(RouteSchema, { name, match, action: { case: "directResponse", value: { status } } });
}
