// Whether a request or byte stream is written to an access log (envoy.config.accesslog.v3.AccessLogFilter).

import type { CelFacts, CelPredicate } from "./cel.ts";
import { type HeaderMatch, matchesHeader } from "./header-match.ts";

export interface Comparison {
  readonly op: "equal" | "at-least" | "at-most" | "not-equal";
  readonly value: number;
}

export type LogFilter =
  | { readonly kind: "status" | "duration"; readonly comparison: Comparison }
  | { readonly kind: "header"; readonly match: HeaderMatch }
  /** Empty: any flag. */
  | { readonly kind: "flags"; readonly flags: readonly string[] }
  | { readonly kind: "grpc-status"; readonly statuses: readonly number[]; readonly exclude: boolean }
  /** Out of 1. */
  | { readonly kind: "share"; readonly share: number }
  | { readonly kind: "type"; readonly types: readonly LogType[]; readonly exclude: boolean }
  | { readonly kind: "expression"; readonly predicate: CelPredicate }
  | { readonly kind: "always" | "not-health-check" }
  | { readonly kind: "all" | "any"; readonly filters: readonly LogFilter[] };

/** Envoy's types of records that this proxy writes: each at the end of what it tells of. */
export type LogType = "DownstreamEnd" | "TcpUpstreamConnected" | "TcpPeriodic" | "TcpConnectionEnd" | "UdpSessionEnd";

/** What a filter looks at, when the request is over. */
export interface LogFacts extends CelFacts {
  readonly durationMs: number;
  readonly hasFlags: boolean;
  hasFlag(flag: string): boolean;
  readonly logType: LogType;
  readonly isHealthCheck: boolean;
}

function compares({ op, value }: Comparison, actual: number): boolean {
  switch (op) {
    case "equal":
      return actual === value;
    case "at-least":
      return actual >= value;
    case "at-most":
      return actual <= value;
    case "not-equal":
      return actual !== value;
  }
}

/** `random`: in [0, 1), drawn for each record. */
export function isLogged(filter: LogFilter, facts: LogFacts, random: () => number): boolean {
  switch (filter.kind) {
    case "status":
      return compares(filter.comparison, facts.status);
    case "duration":
      return compares(filter.comparison, Math.floor(facts.durationMs));
    case "header":
      return facts.request !== undefined && matchesHeader(filter.match, facts.request);
    case "flags":
      return filter.flags.length === 0 ? facts.hasFlags : filter.flags.some((flag) => facts.hasFlag(flag));
    case "grpc-status":
      return filter.statuses.includes(facts.impliedGrpcStatus) !== filter.exclude;
    case "share":
      return random() < filter.share;
    case "type":
      return filter.types.includes(facts.logType) !== filter.exclude;
    case "not-health-check":
      return !facts.isHealthCheck;
    case "expression":
      return filter.predicate(facts);
    case "always":
      return true;
    case "all":
      return filter.filters.every((one) => isLogged(one, facts, random));
    case "any":
      return filter.filters.some((one) => isLogged(one, facts, random));
  }
}
