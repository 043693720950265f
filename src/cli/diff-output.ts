// What a change would do, for people and for programs.

import type { Finding } from "../analyze/code.ts";
import type { CallerDifference, RequestDifference } from "../explain/caller-difference.ts";
import type { Explanation } from "../explain/explanation.ts";
import type { MeshDifference, ProxyDifference } from "../explain/mesh-difference.ts";
import type { ProxyChange } from "../explain/proxy-difference.ts";
import { findingShape, findingsText } from "./analysis-output.ts";
import { clusterText } from "./explanation-output.ts";
import type { FindingsDifference } from "./findings-difference.ts";
import type { Style } from "./terminal.ts";

export const DIFF_OUTPUTS = ["text", "json"] as const;
export type DiffOutput = (typeof DIFF_OUTPUTS)[number];

/** What a change would do to the mesh, and what would be wrong with it. */
export interface Difference extends MeshDifference {
  readonly findings: FindingsDifference;
}

export function isEmpty({ proxies, callers, findings }: Difference): boolean {
  return proxies.length + callers.length + findings.added.length + findings.removed.length === 0;
}

export function diffText(difference: Difference, output: DiffOutput, style: Style): string {
  if (output === "json") return JSON.stringify(shapeOf(difference), null, 2);
  const { proxies, callers, observed, findings } = difference;
  const sections = [
    proxies.length === 0
      ? "no proxy would be told anything else"
      : proxies.map((one) => proxyText(one, style)).join("\n\n"),
    callersText(callers, observed, style),
    ...findingsTexts(findings, style),
  ];
  return sections.join("\n\n");
}

function proxyText({ proxies, change, changes }: ProxyDifference, style: Style): string {
  const mark = { added: style.green("+ "), removed: style.red("- "), changed: "" }[change];
  return [`${mark}${style.bold(proxies.join(", "))}`, ...changes.flatMap((one) => changeLines(one, style))].join("\n");
}

function changeLines({ kind, name, removed, added, changed, fields }: ProxyChange, style: Style): readonly string[] {
  const fieldsOf = (text: string) => (fields[text] ?? []).map((line) => style.dim(`        ${line}`));
  const same = [...removed, ...added, ...changed];
  // A thing that is not made of others is its own only member.
  if (same.length === 1 && same[0] === kind) {
    const verb = removed.length > 0 ? style.red("-") : added.length > 0 ? style.green("+") : style.yellow("~");
    return [`  ${verb} ${kind} ${name}`, ...fieldsOf(kind)];
  }
  return [
    `  ${kind} of ${name}`,
    ...removed.map((text) => style.red(`    - ${text}`)),
    ...added.flatMap((text) => [style.green(`    + ${text}`), ...fieldsOf(text)]),
    ...changed.flatMap((text) => [style.yellow(`    ~ ${text}`), ...fieldsOf(text)]),
  ];
}

function callersText(callers: readonly CallerDifference[], observed: number, style: Style): string {
  const asked = `${observed} observed ${observed === 1 ? "caller" : "callers"}`;
  if (callers.length === 0)
    return observed === 0 ? "no caller was seen in the last hour" : `${asked}: nothing changes for them`;
  return [`${asked}, of which for ${callers.length}:`, ...callers.map((caller) => callerText(caller, style))].join(
    "\n",
  );
}

const BAD = new Set<RequestDifference["effect"]>(["loses access", "fails"]);

function callerText({ caller, requests, asked }: CallerDifference, style: Style): string {
  const { namespace, workload, service } = caller;
  return [
    style.bold(`  ${namespace}/${workload} → ${service}: ${requests.length} of ${asked} kinds of requests`),
    ...requests.flatMap(({ effect, method, url, headers, before, after }) => {
      const paint = BAD.has(effect) ? style.red : effect === "works again" ? style.green : style.yellow;
      const shown = headersOf(headers).map(([name, value]) => ` -H '${name}: ${value}'`);
      return [
        `    ${paint(effect)}: ${method} ${url}${shown.join("")}`,
        `      before: ${endText(before)}`,
        `      after:  ${endText(after)}`,
      ];
    }),
  ].join("\n");
}

function headersOf(headers: readonly string[]): readonly (readonly [name: string, value: string])[] {
  return headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? ""] as const] : []));
}

/** The end of it, and who decided it: the last step that names somebody. */
function endText(explanation: Explanation): string {
  const { outcome, status, flags, location, clusters, upstreamRequest } = explanation;
  const flagged = flags.length > 0 ? ` (${flags.join(",")})` : "";
  const names = clusters.map(clusterText).join(", ");
  const told = {
    forward: `forwarded to ${names || "where it was going"}${upstreamRequest ? ` as ${upstreamRequest.authority}${upstreamRequest.path}` : ""}`,
    redirect: `redirected with ${status} to ${location}`,
    direct: `answered ${status}`,
    reject: `${status === undefined ? "refused" : `refused with ${status}`}${flagged}`,
  }[outcome];
  const by = outcome === "forward" ? routeOf(explanation) : explanation.steps.findLast((step) => step.by)?.by;
  if (!by) return told;
  const place = by.file === undefined ? "" : ` (${by.file}:${by.line})`;
  return `${told}, by ${by.object}${by.path === "" ? "" : ` ${by.path}`}${place}`;
}

function routeOf({ steps }: Explanation) {
  return steps.find(({ stage }) => stage === "route")?.by;
}

/** Those that go stand in files that are no longer so: what they said is enough. */
function findingsTexts({ added, removed }: FindingsDifference, style: Style): readonly string[] {
  const count = (list: readonly Finding[]) => `${list.length} ${list.length === 1 ? "finding" : "findings"}`;
  const gone = removed.map(({ span: _, suggestion: __, ...rest }) => rest);
  return [
    ...(added.length > 0 ? [`${style.bold(`${count(added)} more:`)}\n${findingsText(added, "log", style)}`] : []),
    ...(gone.length > 0 ? [`${style.bold(`${count(gone)} less:`)}\n${findingsText(gone, "log", style)}`] : []),
  ];
}

function shapeOf({ proxies, callers, observed, findings }: Difference) {
  const { added, removed } = findings;
  return {
    proxies,
    callers: callers.map(callerShape),
    observedCallers: observed,
    findings: { added: added.map(findingShape), removed: removed.map(findingShape) },
  };
}

function callerShape({ caller, requests, asked }: CallerDifference) {
  return {
    ...caller,
    asked,
    requests: requests.map(({ effect, method, url, headers, before, after }) => ({
      effect,
      method,
      url,
      headers: Object.fromEntries(headersOf(headers)),
      before: endShape(before),
      after: endShape(after),
    })),
  };
}

function endShape({ outcome, status, flags, location, route, clusters, authz }: Explanation) {
  return {
    outcome,
    status: status ?? null,
    flags,
    ...(location === undefined ? {} : { location }),
    route: route ?? null,
    clusters: clusters.map(({ name, weight }) => ({ name, weight })),
    authz: authz ? { decision: authz.decision, policy: authz.policy ?? null, rule: authz.rule ?? null } : null,
  };
}
