// Which callers that were seen would go elsewhere, or lose access: what they ask for is explained before a change and after it.

import { Failure } from "../base/failure.ts";
import { gatewaysOf } from "../model/gateway-ports.ts";
import type { Mesh } from "../model/mesh.ts";
import { isHttp } from "../model/protocol.ts";
import type { Service } from "../model/service.ts";
import { upstreamHost } from "../model/upstream.ts";
import type { Workload } from "../model/workload.ts";
import type { Explainer } from "./explain.ts";
import type { Explanation } from "./explanation.ts";
import { type Probe, probesOf } from "./probes.ts";
import type { Question } from "./question.ts";

/** As telemetry knows it: no method, no path. */
export interface ObservedCaller {
  readonly namespace: string;
  /** As its metrics have it: a Deployment's name. */
  readonly workload: string;
  /** Host of the service. */
  readonly service: string;
  readonly protocol: "http" | "grpc" | "tcp";
}

export interface Side {
  readonly mesh: Mesh;
  readonly explainer: Explainer;
}

export type CallerEffect = "loses access" | "fails" | "goes elsewhere" | "is sent otherwise" | "works again";

export interface RequestDifference {
  readonly effect: CallerEffect;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly before: Explanation;
  readonly after: Explanation;
}

export interface CallerDifference {
  readonly caller: ObservedCaller;
  readonly requests: readonly RequestDifference[];
  /** How many were asked about. */
  readonly asked: number;
}

/** Undefined: the mesh does not know the caller, or the service, before the change. */
export function callerDifference(caller: ObservedCaller, before: Side, after: Side): CallerDifference | undefined {
  const workload = clientOf(before.mesh, caller);
  const service = before.mesh.index.servicesByHost.get(caller.service)?.[0];
  if (!workload || !service) return undefined;
  const probes = probesOf([before.mesh, after.mesh], service, workload);
  const questions = urlsOf(before.mesh, workload, service, caller).flatMap((url) =>
    probes.map((probe) => questionOf(workload, url, probe)),
  );
  const asked = questions.filter((question) => reaches(before, after, question, caller.service));
  const requests = asked.flatMap((question) => requestDifference(question, before, after) ?? []);
  return { caller, requests, asked: asked.length };
}

function clientOf({ workloads }: Mesh, { namespace, workload }: ObservedCaller): Workload | undefined {
  return workloads.find(
    (one) => one.namespace === namespace && one.workloadName === workload && one.proxy !== undefined,
  );
}

function questionOf(workload: Workload, { url, host }: Address, { method, path, headers }: Probe): Question {
  return {
    entry: { kind: workload.proxy?.gateway ? "gateway" : "sidecar", workload },
    method,
    url: new URL(path, url),
    headers: host === undefined ? headers : [...headers, "host", host],
    sourceAddress: workload.proxy?.gateway ? SOMEBODY : (workload.addresses[0] ?? SOMEBODY),
    claims: undefined,
  };
}

/** Documentation's (RFC 5737): nothing is known of who comes from outside. */
const SOMEBODY = "192.0.2.1";

interface Address {
  readonly url: string;
  /** What the Host header says, where the URL does not. */
  readonly host: string | undefined;
}

/** How the caller may call it: at a port of its own that stands for it, by its name, or through the gateway that it is. */
function urlsOf(mesh: Mesh, workload: Workload, service: Service, { protocol }: ObservedCaller): readonly Address[] {
  if (workload.proxy?.gateway) return gatewayUrls(mesh, workload);
  const ports = service.ports.filter(
    (port) => isHttp(port.protocol) !== (protocol === "tcp") || port.protocol === "undeclared",
  );
  return ports.map(({ number }) => {
    const upstream = workload.proxy?.upstreams.find(
      (each) => each.servicePort === number && upstreamHost(mesh, each, workload.namespace) === service.host,
    );
    return upstream
      ? { url: `http://127.0.0.1:${upstream.port}`, host: service.host }
      : { url: `http://${service.host}:${number}`, host: undefined };
  });
}

function gatewayUrls(mesh: Mesh, workload: Workload): readonly Address[] {
  return gatewaysOf(mesh, workload).flatMap(({ servers }) =>
    servers.flatMap(({ port, hosts, tls }) =>
      hosts.map(({ host }) => ({ url: `${tls ? "https" : "http"}://${exampleOf(host)}:${port}`, host: undefined })),
    ),
  );
}

/** Of a pattern that stands for many hosts, one. */
function exampleOf(host: string): string {
  return host === "*" ? "any.test" : host.replace(/^\*/, "any");
}

/** Of a gateway's requests only those are the service's that come to it, before or after. */
function reaches(before: Side, after: Side, question: Question, service: string): boolean {
  if (question.entry.kind === "sidecar") return true;
  return [before, after].some((side) =>
    explained(side, question)?.clusters.some(({ name }) => name.endsWith(`|${service}`)),
  );
}

function explained({ explainer }: Side, question: Question): Explanation | undefined {
  try {
    return explainer.explain(question);
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined;
    throw thrown;
  }
}

function requestDifference(question: Question, before: Side, after: Side): RequestDifference | undefined {
  const was = explained(before, question);
  // The caller itself may be another afterwards: it is asked about as it was.
  const is = explained(after, { ...question, entry: { ...question.entry, workload: sameIn(after, question) } });
  const effect = was && is && effectOf(was, is);
  if (!effect) return undefined;
  const { method, url, headers } = question;
  return { effect, method, url: url.href, headers, before: was, after: is };
}

function sameIn({ mesh }: Side, { entry: { workload } }: Question): Workload {
  return (
    mesh.workloads.find(({ namespace, name }) => namespace === workload.namespace && name === workload.name) ?? workload
  );
}

function effectOf(was: Explanation, is: Explanation): CallerEffect | undefined {
  const worked = was.outcome !== "reject";
  const works = is.outcome !== "reject";
  if (worked && !works) return is.authz?.decision === "deny" || is.status === 401 ? "loses access" : "fails";
  if (!worked && works) return "works again";
  if (!isSame(destinationOf(was), destinationOf(is))) return worked ? "goes elsewhere" : "is sent otherwise";
  return isSame(was.upstreamRequest, is.upstreamRequest) && isSame(was.tls, is.tls) ? undefined : "is sent otherwise";
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Endpoints come and go; a cluster without any is another. */
function destinationOf({ outcome, status, location, clusters, flags }: Explanation): unknown {
  return [outcome, status, location, flags, clusters.map(({ name, weight, flag }) => [name, weight, flag])];
}
