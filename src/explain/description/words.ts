// What a model's parts say, in words that a line can hold.

import type { ClientSettings } from "../../model/client-policy.ts";
import type { HeaderMatch, HttpMatch, PathMatch, StringMatch, TcpMatch, TlsMatch } from "../../model/match.ts";
import type { HttpRule, TcpRule, TlsRule, WeightedBackend } from "../../model/route.ts";

function stringText(match: StringMatch): string {
  return match.kind === "exact" ? match.value : `${match.kind} ${match.value}`;
}

function pathText(path: PathMatch): string {
  switch (path.kind) {
    case "exact":
      return `path ${path.value}`;
    case "prefix":
      return `path ${path.value}*`;
    case "segments":
      return `path ${path.value} and below`;
    case "regex":
      return `path regex ${path.value}`;
  }
}

function headerText({ name, value, invert }: HeaderMatch): string {
  const said = value.kind === "present" ? "is there" : `is ${stringText(value)}`;
  return `${invert ? "not " : ""}${name} ${said}`;
}

function clientText(client: HttpMatch["client"]): readonly string[] {
  if (!client) return [];
  const labels = Object.entries(client.labels).map(([name, value]) => `${name}=${value}`);
  return [
    ...(client.namespace === undefined ? [] : [`clients of namespace ${client.namespace}`]),
    ...(labels.length === 0 ? [] : [`clients with ${labels.join(",")}`]),
  ];
}

function portText(port: number | undefined): readonly string[] {
  return port === undefined ? [] : [`port ${port}`];
}

export function httpMatchText({ path, method, scheme, authority, headers, query, client, port }: HttpMatch): string {
  const parts = [
    ...(method ? [`method ${stringText(method)}`] : []),
    ...(path ? [pathText(path)] : []),
    ...(scheme ? [`scheme ${stringText(scheme)}`] : []),
    ...(authority ? [`authority ${stringText(authority)}`] : []),
    ...headers.map((header) => `header ${headerText(header)}`),
    ...query.map(({ name, value }) => `parameter ${headerText({ name, value, invert: false, missingIsEmpty: false })}`),
    ...clientText(client),
    ...portText(port),
  ];
  return parts.join(", ") || "every request";
}

export function streamMatchText(match: TlsMatch | TcpMatch): string {
  const names = "sniHosts" in match ? [`server name ${match.sniHosts.join(" or ")}`] : [];
  const addresses = match.destinations.length > 0 ? [`to ${match.destinations.join(" or ")}`] : [];
  return (
    [...names, ...addresses, ...clientText(match.client), ...portText(match.port)].join(", ") || "every connection"
  );
}

function backendText({ target: { host, subset, port }, weight }: WeightedBackend, total: number, own: string): string {
  const named = [
    ...(host === own ? [] : [host]),
    ...(subset === undefined ? [] : [`subset ${subset}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ];
  const share = total > 0 ? ` ${Number(((weight / total) * 100).toFixed(1))} %` : "";
  return `${named.join(" ") || host}${share}`;
}

function backendsText(backends: readonly WeightedBackend[], own: string): string {
  const total = backends.length === 1 ? 0 : backends.reduce((sum, { weight }) => sum + weight, 0);
  return backends.map((backend) => backendText(backend, total, own)).join(", ");
}

/** `own`: the host that is described, which goes without saying. */
export function actionText(rule: HttpRule | TlsRule | TcpRule, own: string): string {
  if ("backends" in rule) return `to ${backendsText(rule.backends, own)}`;
  const { action } = rule;
  switch (action.kind) {
    case "redirect":
      return `redirects with ${action.redirect.status}`;
    case "direct":
      return `answers ${action.status}`;
    case "forward":
      return [`to ${backendsText(action.backends, own)}`, ...extrasOf(rule)].join("; ");
  }
}

function extrasOf({ timeoutMs, retry, fault, mirrors, cors, action }: HttpRule): readonly string[] {
  return [
    ...(timeoutMs === undefined ? [] : [`time-out ${duration(timeoutMs)}`]),
    ...(retry === undefined ? [] : [retry.attempts === 0 ? "no retries" : `retries ${retry.attempts}`]),
    ...(fault ? ["injects faults"] : []),
    ...(mirrors.length > 0 ? [`copies to ${mirrors.map(({ target }) => target.host).join(", ")}`] : []),
    ...(cors ? ["answers CORS preflights"] : []),
    ...(action.kind === "forward" && action.rewrite ? ["rewrites"] : []),
  ];
}

export function duration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

const TLS: Readonly<Record<NonNullable<ClientSettings["tls"]>["kind"], string>> = {
  disable: "plaintext (DISABLE)",
  mesh: "mutual TLS of the mesh (ISTIO_MUTUAL)",
  simple: "TLS to a server outside of the mesh",
};

/** What is said; what nobody says is the mesh's default. */
export function settingsText(settings: ClientSettings): readonly string[] {
  const { tls, loadBalancing, connectionPool: pool, outlierDetection, tunnel, proxyProtocol } = settings;
  const limits = [
    ["connections", pool?.maxConnections],
    ["pending requests", pool?.maxPendingRequests],
    ["requests", pool?.maxRequests],
    ["requests a connection", pool?.maxRequestsPerConnection],
  ].flatMap(([what, limit]) => (limit === undefined ? [] : [`${limit} ${what}`]));
  return [
    ...(tls ? [TLS[tls.kind]] : []),
    ...(loadBalancing ? [`load balancing ${loadBalancing.kind}`] : []),
    ...(limits.length > 0 ? [`at most ${limits.join(", ")}`] : []),
    ...(outlierDetection ? ["outlier detection"] : []),
    ...(tunnel ? [`tunnel to ${tunnel.host}:${tunnel.port}`] : []),
    ...(proxyProtocol ? [`PROXY protocol ${proxyProtocol}`] : []),
  ];
}
