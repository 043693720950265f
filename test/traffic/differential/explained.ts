// What `heddle explain` says of a request that Heddle's proxy was sent, beside what became of it.

import type { Explanation, Outcome } from "../../../src/explain/explanation.ts";
import type { Question } from "../../../src/explain/question.ts";
import { clusterIn, difference, type Words } from "./compare.ts";
import { isRefusedEarly } from "./declared.ts";
import type { Seen } from "./exchange.ts";
import type { AskedRequest } from "./requests.ts";
import { type Running, workloadNamed } from "./world.ts";

/** As a URL says it; undefined where it would become another one, or where the form of the target counts, which a URL does not say. */
function urlOf({ authority, path, headers }: AskedRequest): URL | undefined {
  const url = URL.parse(`http://${authority}${path}`);
  if (url === null || `${url.pathname}${url.search}` !== path) return undefined;
  return headers.some(([name]) => name === "x-forwarded-proto") ? undefined : url;
}

export function questionOf({ mesh }: Running, request: AskedRequest): Question | undefined {
  const url = isRefusedEarly(request) ? undefined : urlOf(request);
  if (!url) return undefined;
  const { door, method, authority } = request;
  const headers = [...request.headers.flat(), "host", authority];
  const common = { method, url, headers, sourceAddress: "127.0.0.1", claims: undefined };
  if (door === "client") return { ...common, entry: { kind: "sidecar", workload: workloadNamed(mesh, "client") } };
  url.port = "80";
  return { ...common, entry: { kind: "gateway", workload: workloadNamed(mesh, "edge") } };
}

function told({ outcome, status, location, route, clusters, flags, upstreamRequest }: Explanation): Words {
  const [cluster, ...others] = clusters.filter(({ weight }) => weight > 0);
  const isKnown = cluster && others.length === 0 && !flags.includes("NC") && !flags.includes("FI");
  return {
    outcome,
    status: outcome === "forward" ? "" : String(status),
    location: location ?? "",
    route: route ?? "",
    cluster: isKnown ? cluster.name : "",
    upstream:
      outcome === "forward" && upstreamRequest
        ? `${upstreamRequest.method} ${upstreamRequest.authority} ${upstreamRequest.path}`
        : "",
  };
}

function outcomeOf({ response, line, received }: Seen): Outcome {
  if (line?.details === "via_upstream" && received.length > 0 && !isDenied(response)) return "forward";
  if (line?.details !== "direct_response") return "reject";
  return typeof response !== "string" && response.header("location") !== undefined ? "redirect" : "direct";
}

function isDenied(response: Seen["response"]): boolean {
  return typeof response !== "string" && response.status === 403;
}

function found(seen: Seen, explanation: Words): Words {
  const { response, line, received } = seen;
  const outcome = outcomeOf(seen);
  const [first] = received;
  return {
    outcome,
    status: outcome === "forward" || typeof response === "string" ? "" : String(response.status),
    location: typeof response === "string" ? "" : (response.header("location") ?? ""),
    route: line?.route === "-" ? "" : (line?.route ?? ""),
    cluster: line && explanation.cluster !== "" ? clusterIn(line) : "",
    upstream: outcome === "forward" && first ? `${first.method} ${first.authority} ${first.path}` : "",
  };
}

/** Where the explanation is wrong. A preflight that the CORS filter answers is nothing that explanations tell. */
export function misexplained(running: Running, request: AskedRequest, seen: Seen): Words | undefined {
  const question = questionOf(running, request);
  if (!question || seen.line?.details === "cors_response") return undefined;
  const words = told(running.explainer.explain(question));
  return difference(words, found(seen, words));
}
