// What an explanation tells of a request, and what was seen of it, in the same words.

import { networkInterfaces } from "node:os";
import type { Explanation, Outcome } from "../../../src/explain/explanation.ts";
import type { Described } from "../pair.ts";
import type { Answer } from "./exchange.ts";
import type { AskedRequest } from "./requests.ts";
import type { LogLine } from "./world.ts";

export interface Verdict {
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly flags: string;
  readonly location: string | undefined;
  /** Of those that the explanation names, the one that was seen; "" for none. */
  readonly cluster: string;
  readonly route: string;
  readonly denied: boolean;
  /** As an application got it; undefined: none did, or it did not say (HEAD). */
  readonly upstream: Upstream | undefined;
}

interface Upstream {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where clusters share the requests, what was seen says which of them it was. */
const ONE_OF_THEM = "one of those that share it";

/** Refused before a route was asked: Envoy's log names the one that would have been taken, and its cluster. */
function isRefusedAtDoor({ outcome, virtualHost, status }: Explanation): boolean {
  return outcome === "reject" && virtualHost === undefined && (status === 401 || status === 403);
}

function clusterOf(explanation: Explanation, seen: string | undefined): string {
  const { clusters, flags } = explanation;
  if (isRefusedAtDoor(explanation)) return "";
  // A cluster that is not there has no name in the log.
  if (flags.includes("NC")) return seen ?? "";
  // It names the cluster of the route, too, which a fault kept the request from.
  if (clusters.length === 0) return flags.includes("FI") ? "" : (seen ?? "");
  const names = clusters.filter(({ weight }) => weight > 0).map(({ name }) => name);
  if (seen === undefined) return names.length === 1 ? names[0]! : ONE_OF_THEM;
  return names.length > 1 && names.includes(seen) ? ONE_OF_THEM : seen;
}

export function told(explanation: Explanation): Verdict {
  const { outcome, status, flags, location, route, authz, upstreamRequest } = explanation;
  return {
    outcome,
    status,
    flags: flags.join(","),
    location,
    cluster: clusterOf(explanation, undefined),
    route: route ?? "",
    denied: authz?.decision === "deny",
    upstream:
      outcome === "forward" && upstreamRequest
        ? { ...upstreamRequest, headers: shown(joined(upstreamRequest.headers)) }
        : undefined,
  };
}

export function seen(
  answer: Answer,
  line: LogLine | undefined,
  explanation: Explanation,
  { method }: AskedRequest,
): Verdict {
  const { status, location, headers, body } = answer;
  const application = headers.get("x-application");
  const denied = status === 403 && (method === "HEAD" || body === "RBAC: access denied");
  const outcome = outcomeOf(answer, application, line);
  const described =
    application !== undefined && method !== "HEAD" ? (JSON.parse(bodyText(body)) as Described) : undefined;
  return {
    outcome,
    status: outcome === "forward" ? undefined : status,
    flags: outcome === "reject" ? (line?.flags ?? "").replace(/^-$/, "") : "",
    location: outcome === "redirect" ? location : undefined,
    cluster: clusterOf(explanation, line?.cluster ?? ""),
    route: isRefusedAtDoor(explanation) ? "" : (line?.route ?? ""),
    denied,
    upstream: described
      ? { method: described.method, path: described.path, authority: described.host, headers: shown(described.headers) }
      : method === "HEAD" && outcome === "forward"
        ? told(explanation).upstream
        : undefined,
  };
}

function outcomeOf({ location }: Answer, application: string | undefined, line: LogLine | undefined): Outcome {
  if (application !== undefined) return "forward";
  if (line?.details !== "direct_response") return "reject";
  return location === undefined ? "direct" : "redirect";
}

/** Where the two differ, field by field; undefined: nowhere. */
export function difference(
  expected: Verdict,
  found: Verdict,
): Readonly<Record<string, readonly unknown[]>> | undefined {
  const fields = Object.keys(expected) as (keyof Verdict)[];
  const different = fields.filter((field) => field !== "upstream" && expected[field] !== found[field]);
  const pairs = different.map((field) => [field, [expected[field], found[field]]] as const);
  const upstream = Bun.deepEquals(expected.upstream, found.upstream)
    ? []
    : [["upstream", changes(expected.upstream, found.upstream)] as const];
  return pairs.length + upstream.length === 0 ? undefined : Object.fromEntries([...pairs, ...upstream]);
}

function changes(expected: Upstream | undefined, found: Upstream | undefined): readonly unknown[] {
  if (!expected || !found) return [expected, found];
  const flat = ({ headers, ...rest }: Upstream): Readonly<Record<string, string>> => ({ ...rest, ...headers });
  const [a, b] = [flat(expected), flat(found)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => a[name] !== b[name])
    .map((name) => `${name}: ${a[name]} → ${b[name]}`);
}

/** In one chunk, or as long as it says. */
function bodyText(body: string): string {
  return body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1);
}

function joined(pairs: readonly (readonly [name: string, value: string])[]): Readonly<Record<string, string>> {
  const all = new Map<string, string>();
  for (const [name, value] of pairs) all.set(name, all.has(name) ? `${all.get(name)},${value}` : value);
  return Object.fromEntries(all);
}

/** What only running proxies write, and what ends with a connection. */
const UNTOLD: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
  "x-request-id",
  "x-envoy-peer-metadata",
  "x-forwarded-client-cert",
]);

function shownValue(name: string, value: string): string {
  const text = value.replaceAll(/,\s+/g, ",");
  return name === "x-forwarded-for" ? withLoopback(text) : text;
}

/** Of the machine: in place of a client on the loopback interface Envoy writes it into x-forwarded-for (mutateRequestHeaders). */
const OWN_ADDRESS = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

function withLoopback(value: string): string {
  return OWN_ADDRESS !== undefined && value.endsWith(OWN_ADDRESS)
    ? `${value.slice(0, -OWN_ADDRESS.length)}127.0.0.1`
    : value;
}

function shown(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !UNTOLD.has(name))
      .map(([name, value]) => [name, shownValue(name, value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
