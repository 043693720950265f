// An explanation for people, step by step, and for programs.

import type { ClusterFacts, Explanation, Place, Step } from "../explain/explanation.ts";
import { isOfBytes, type Question } from "../explain/question.ts";
import type { Style } from "./terminal.ts";

export const EXPLANATION_OUTPUTS = ["text", "json"] as const;
export type ExplanationOutput = (typeof EXPLANATION_OUTPUTS)[number];

export function explanationText(
  explanation: Explanation,
  question: Question,
  output: ExplanationOutput,
  style: Style,
): string {
  if (output === "json") return JSON.stringify(shapeOf(explanation), null, 2);
  const steps = explanation.steps.flatMap((step) => stepLines(step, style));
  return [headline(question, style), verdict(explanation, style), "", ...steps].join("\n");
}

function headline({ entry, method, url }: Question, style: Style): string {
  const { namespace, name } = entry.workload;
  const from = entry.kind === "gateway" ? `at gateway ${namespace}/${name}` : `from ${namespace}/${name}`;
  return style.bold(`${isOfBytes(url) ? "bytes to" : method} ${url.href} ${from}`);
}

function verdict(explanation: Explanation, style: Style): string {
  const { outcome, status, flags, location, clusters } = explanation;
  const flagged = flags.length > 0 ? ` (${flags.join(",")})` : "";
  switch (outcome) {
    case "forward":
      return style.green(
        `forwarded${clusters.length > 0 ? ` to ${clusters.map(clusterText).join(", ")}` : " as it is"}`,
      );
    case "redirect":
      return style.yellow(`redirected with ${status} to ${location}`);
    case "direct":
      return style.yellow(`answered ${status} by the proxy, as configured`);
    case "reject":
      return style.red(`${status === undefined ? "refused without an answer" : `refused with ${status}`}${flagged}`);
  }
}

/** With its share, and why that is answered 503. */
export function clusterText({ name, weight, flag }: ClusterFacts): string {
  const part = weight === 100 ? name : `${name} (${weight} %)`;
  return flag ? `${part} [${flag}]` : part;
}

const STAGE_WIDTH = 22;

function stepLines({ stage, decision, by, second }: Step, style: Style): readonly string[] {
  const margin = " ".repeat(STAGE_WIDTH);
  return [
    `${style.cyan(stage.padEnd(STAGE_WIDTH))}${decision}`,
    ...(by ? [`${margin}${style.dim(`by ${placeText(by)}`)}`] : []),
    ...(second
      ? [`${margin}${style.dim(`else ${second.decision}${second.by ? `, by ${placeText(second.by)}` : ""}`)}`]
      : []),
  ];
}

function placeText({ object, path, file, line }: Place): string {
  const what = path === "" ? object : `${object} ${path}`;
  return file === undefined ? what : `${what} (${file}:${line})`;
}

/** `null` for what is not known or not there, so that every field is always there. */
function shapeOf(explanation: Explanation) {
  const { outcome, status, flags, location, listener, virtualHost, route, tls, upstreamRequest, authz } = explanation;
  return {
    outcome,
    status: status ?? null,
    flags,
    ...(location === undefined ? {} : { location }),
    listener: listener ?? null,
    virtualHost: virtualHost ?? null,
    route: route ?? null,
    clusters: explanation.clusters.map(clusterShape),
    tls: tls ?? null,
    upstreamRequest: upstreamRequest ? { ...upstreamRequest, headers: headersShape(upstreamRequest.headers) } : null,
    authz: authz ? { decision: authz.decision, policy: authz.policy ?? null, rule: authz.rule ?? null } : null,
    steps: explanation.steps.map(stepShape),
  };
}

function clusterShape({ name, weight, endpoints, flag }: ClusterFacts) {
  const list = endpoints.map((endpoint) => ({ ...endpoint, workload: endpoint.workload ?? null }));
  return { name, weight, endpoints: list, ...(flag ? { flag } : {}) };
}

/** A field that comes several times has its values joined, as RFC 9110 5.3 allows. */
function headersShape(headers: readonly (readonly [name: string, value: string])[]): Readonly<Record<string, string>> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}

function stepShape({ stage, decision, by, second }: Step) {
  return {
    stage,
    decision,
    ...placeShape(by),
    second: second ? { decision: second.decision, ...placeShape(second.by) } : null,
  };
}

function placeShape(place: Place | undefined) {
  return {
    object: place?.object ?? null,
    ...(place && place.path !== "" ? { path: place.path } : {}),
    file: place?.file ?? null,
    line: place?.line ?? null,
  };
}
