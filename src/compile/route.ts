// Routes of a virtual host.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type Any, type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { HashKey } from "../model/client-policy.ts";
import type { DirectBody, HttpRule, PathRewrite, Redirect, RetryPolicy, Rewrite } from "../model/route.ts";
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
import type { RegexMatchAndSubstituteSchema } from "../xds/gen/envoy/type/matcher/v3/regex_pb.ts";
import { CORS_FILTER, corsOnRoute } from "./filter/cors.ts";
import { FAULT_FILTER, faultOnRoute } from "./filter/fault.ts";
import { hashPolicy } from "./hash-policy.ts";
import { headerFields } from "./headers.ts";
import type { ResolvedBackend, SelectedRule } from "./http-rules.ts";
import { originMetadata } from "./metadata.ts";
import { fractionalPercent } from "./percentage.ts";
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

function hostRewrite(authority: string | undefined) {
  if (authority === undefined) return {};
  return { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } } as const;
}

/** `authority`: of shares that name none of their own. */
function backendSpecifier(backends: readonly ResolvedBackend[], authority: string | undefined) {
  const [only] = backends;
  if (backends.length === 1 && only) return { case: "cluster", value: only.cluster } as const;
  const clusters = backends.map(({ cluster, backend }) => ({
    name: cluster,
    weight: backend.weight,
    ...hostRewrite(backend.authority ?? authority),
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
  /** Of requests that no rule speaks of. */
  readonly hash?: HashKey | undefined;
  /** Whether the upstream hears the Host that is rewritten (x-forwarded-host). */
  readonly forwardedHost?: boolean | undefined;
  /** In which clients come; undefined: plaintext, as sidecars take them. */
  readonly scheme?: "http" | "https" | undefined;
}

/** `prefix_rewrite` replaces what the match's path matched, which is all of it after an exact or a regex match. */
function pathRewrite(path: PathRewrite | undefined): { prefixRewrite?: string; regexRewrite?: RegexRewrite } {
  if (!path) return {};
  if (path.kind === "matched") return { prefixRewrite: path.replacement };
  return { regexRewrite: { pattern: { regex: path.pattern }, substitution: path.substitution } };
}

type RegexRewrite = MessageInitShape<typeof RegexMatchAndSubstituteSchema>;

/** Not sampled, and to the host that the request names: a copy is to be like the request (Istio's DISABLE_SHADOW_HOST_SUFFIX). */
function mirrorPolicies(mirrors: SelectedRule["mirrors"]) {
  return mirrors.map(({ cluster, percent }) => ({
    cluster,
    runtimeFraction: { defaultValue: fractionalPercent(percent) },
    traceSampled: false,
    disableShadowHostSuffixAppend: true,
  }));
}

function forward({ rule, backends, mirrors }: SelectedRule, rewrite: Rewrite, context: RouteContext): RouteAction {
  // Envoy takes the route's host before that of a share.
  const perShare = rewrite.authority === undefined && backends.some(({ backend }) => backend.authority !== undefined);
  const authority = rewrite.authority ?? context.authority;
  const hashes = backends.flatMap(({ hash }) => hash ?? []);
  const retry = retryPolicy(rule.retry ?? context.retry, hashes.length > 0);
  return create(RouteActionSchema, {
    clusterSpecifier: backendSpecifier(backends, perShare ? authority : undefined),
    hashPolicy: hashes.map(hashPolicy),
    ...timeouts(rule.timeoutMs === undefined ? undefined : durationFromMs(rule.timeoutMs)),
    ...(retry ? { retryPolicy: retry } : {}),
    ...(perShare ? {} : hostRewrite(authority)),
    ...(context.forwardedHost ? { appendXForwardedHost: true } : {}),
    ...pathRewrite(rewrite.path),
    requestMirrorPolicies: mirrorPolicies(mirrors),
  });
}

const REDIRECT_CODES: Readonly<Record<Redirect["status"], RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

function redirectPath(path: Redirect["path"]) {
  if (!path) return {};
  const specifier = path.kind === "whole" ? "pathRedirect" : "prefixRewrite";
  return { pathRewriteSpecifier: { case: specifier, value: path.replacement } } as const;
}

/** Of the location; 0: none, as for a port that its scheme has anyway. */
function redirectPort({ port, scheme }: Redirect, calledPort: number): number {
  const number = port === "request" ? calledPort : (port ?? 0);
  return (number === 80 && scheme === "http") || (number === 443 && scheme === "https") ? 0 : number;
}

function redirectAction(redirect: Redirect, calledPort: number, called: "http" | "https"): RedirectAction {
  const { status, path, authority, scheme } = redirect;
  return create(RedirectActionSchema, {
    responseCode: REDIRECT_CODES[status],
    hostRedirect: authority ?? "",
    portRedirect: redirectPort({ ...redirect, scheme: scheme ?? called }, calledPort),
    ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { case: "schemeRedirect", value: scheme } }),
    ...redirectPath(path),
  });
}

function bodySource(body: DirectBody | undefined) {
  if (!body) return {};
  const specifier =
    body.kind === "text"
      ? ({ case: "inlineString", value: body.text } as const)
      : ({ case: "inlineBytes", value: base64Decode(body.base64) } as const);
  return { body: { specifier } };
}

function routeAction(selected: SelectedRule, port: number, context: RouteContext) {
  const { action } = selected.rule;
  switch (action.kind) {
    case "forward":
      return { case: "route", value: forward(selected, action.rewrite ?? {}, context) } as const;
    case "redirect":
      return { case: "redirect", value: redirectAction(action.redirect, port, context.scheme ?? "http") } as const;
    case "direct": {
      const { status, body } = action;
      const value = create(DirectResponseActionSchema, { status, ...bodySource(body) });
      return { case: "directResponse", value } as const;
    }
  }
}

function filtersOf({ cors, fault }: HttpRule): { [filter: string]: Any } {
  return {
    ...(cors ? { [CORS_FILTER]: corsOnRoute(cors) } : {}),
    ...(fault ? { [FAULT_FILTER]: faultOnRoute(fault) } : {}),
  };
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
    statPrefix: match?.statPrefix ?? "",
    metadata: originMetadata(rule.origin),
    decorator: { operation: operation(selected, port) },
    action: routeAction(selected, port, context),
    typedPerFilterConfig: filtersOf(rule),
    // A single destination has no weighted cluster to carry its headers; they join the route's, and win.
    ...headerFields(rule, ...single.map(({ backend }) => backend)),
  });
}

/** Where requests go that no rule speaks of. */
export function defaultRoute(cluster: string, operationName: string, context: RouteContext): Route {
  const { authority, hash } = context;
  const retry = retryPolicy(context.retry, hash !== undefined);
  return create(RouteSchema, {
    name: "default",
    match: everyRequest(),
    decorator: { operation: operationName },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...timeouts(),
        hashPolicy: hash ? [hashPolicy(hash)] : [],
        ...(retry ? { retryPolicy: retry } : {}),
        ...hostRewrite(authority),
        ...(context.forwardedHost ? { appendXForwardedHost: true } : {}),
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
