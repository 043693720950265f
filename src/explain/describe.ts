// Decisions of the tables in words.

import { JWT_FILTER, PAYLOAD_KEY } from "../compile/authorization/condition.ts";
import type { FaultFilter } from "../table/filter/fault.ts";
import type { HeaderMatch } from "../table/header-match.ts";
import type { MetadataMatch } from "../table/metadata-match.ts";
import type { RetryPolicy } from "../table/retry-policy.ts";
import type { ForwardAction, Route } from "../table/route.ts";
import type { PathMatch, RouteMatch } from "../table/route-match.ts";
import type { StringMatch } from "../table/string-match.ts";

function stringText(match: StringMatch): string {
  const value = match.kind === "regex" ? match.pattern.pattern() : match.text;
  return match.kind === "exact" ? value : `${match.kind} ${value}`;
}

function pathText(match: PathMatch): string {
  switch (match.kind) {
    case "prefix":
      return match.text === "/" ? "every path" : `paths that begin with ${match.text}`;
    case "segments":
      return `${match.text} and what is below it`;
    case "string":
      return `path ${stringText(match.match)}`;
    case "connect":
      return "CONNECT";
  }
}

function headerNames(headers: readonly HeaderMatch[]): string {
  return [...new Set(headers.map(({ name }) => name))].join(", ");
}

/** Claims stand behind the key under which a token's payload is. */
function foundText({ namespace, path, invert }: MetadataMatch): string {
  const isClaim = namespace === JWT_FILTER && path[0] === PAYLOAD_KEY;
  const what = isClaim ? `claim ${path.slice(1).join(".")}` : `metadata ${namespace} ${path.join(".")}`;
  return invert ? `other than by ${what}` : `by ${what}`;
}

export function matchText({ path, headers, query, metadata, grpc, always }: RouteMatch): string {
  if (always) return "every request";
  return [
    pathText(path),
    ...(headers.length > 0 ? [`headers ${headerNames(headers)}`] : []),
    ...(query.length > 0 ? [`parameters ${query.map(({ name }) => name).join(", ")}`] : []),
    ...metadata.map(foundText),
    ...(grpc ? ["gRPC"] : []),
  ].join(", ");
}

export function clusterNames({ cluster }: ForwardAction): readonly string[] {
  switch (cluster.kind) {
    case "single":
      return [cluster.name];
    case "weighted":
      return cluster.clusters.map(({ name }) => name);
    case "header":
      return [`whichever header ${cluster.header} names`];
  }
}

function actionText({ action }: Route): string {
  switch (action.kind) {
    case "forward":
      return `forward to ${clusterNames(action).join(" or ")}`;
    case "redirect":
      return `redirect with ${action.status}`;
    case "direct":
      return `answer ${action.status}`;
  }
}

export function routeText(route: Route): string {
  const name = route.name === "" ? "" : `${route.name}: `;
  return `${name}${matchText(route.match)} → ${actionText(route)}`;
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}

function retryText(retry: RetryPolicy | undefined): string {
  if (!retry || retry.retries === 0) return "no retries";
  const each = retry.perTryTimeoutMs > 0 ? `, each try ${duration(retry.perTryTimeoutMs)}` : "";
  const noun = retry.retries === 1 ? "retry" : "retries";
  return `${retry.retries} ${noun} on ${[...retry.on].join(", ")}${each}`;
}

export function timeoutText({ timeoutMs, retry }: ForwardAction): string {
  return `${timeoutMs === 0 ? "no time-out" : `time-out ${duration(timeoutMs)}`}; ${retryText(retry)}`;
}

/** `0.8` → `80 %`. */
export function percentText(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

export function faultText({ delay, abort }: FaultFilter): string {
  const held = delay?.kind === "fixed" ? [`${percentText(delay.fraction)} are held for ${duration(delay.ms)}`] : [];
  const answered =
    abort && abort.kind !== "header"
      ? [`${percentText(abort.fraction)} are answered ${abort.kind === "grpc" ? "gRPC status " : ""}${abort.status}`]
      : [];
  return [...held, ...answered].join(", ");
}
