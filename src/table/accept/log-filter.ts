// Filters of access logs. What needs a trace or dynamic metadata is refused, and of CEL what the proxy does not evaluate.

import { parseCel } from "../../base/cel.ts";
import { notEvaluated } from "../../base/cel-attributes.ts";
import {
  type AccessLogFilter,
  type ComparisonFilter,
  ComparisonFilter_Op,
  type ExtensionFilter,
} from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import { AccessLogType } from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { ExpressionFilterSchema } from "../../xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.ts";
import { type FractionalPercent, FractionalPercent_DenominatorType } from "../../xds/gen/envoy/type/v3/percent_pb.ts";
import { compileCel } from "../cel.ts";
import type { Comparison, LogFilter, LogType } from "../log-filter.ts";
import { compileRegex } from "../string-match.ts";
import { acceptHeaderMatch } from "./match.ts";
import { protoName, type Scope } from "./scope.ts";

const ALWAYS: LogFilter = { kind: "always" };

const OPERATIONS: ReadonlyMap<number, Comparison["op"]> = new Map([
  [ComparisonFilter_Op.EQ, "equal"],
  [ComparisonFilter_Op.GE, "at-least"],
  [ComparisonFilter_Op.LE, "at-most"],
  // NE came after the protos that are generated.
  [3, "not-equal"],
]);

const DENOMINATORS: ReadonlyMap<number, number> = new Map([
  [FractionalPercent_DenominatorType.HUNDRED, 100],
  [FractionalPercent_DenominatorType.TEN_THOUSAND, 10_000],
  [FractionalPercent_DenominatorType.MILLION, 1_000_000],
]);

/** Moments at which this proxy writes a line. */
const TYPES: ReadonlyMap<number, LogType> = new Map([
  [AccessLogType.DownstreamEnd, "DownstreamEnd"],
  [AccessLogType.TcpUpstreamConnected, "TcpUpstreamConnected"],
  [AccessLogType.TcpPeriodic, "TcpPeriodic"],
  [AccessLogType.TcpConnectionEnd, "TcpConnectionEnd"],
  [AccessLogType.UdpSessionEnd, "UdpSessionEnd"],
]);

/** The runtime's own value is what it is by default: there is no runtime that could change it. */
function acceptComparison(scope: Scope, comparison: ComparisonFilter | undefined): Comparison {
  const op = comparison && OPERATIONS.get(comparison.op);
  if (!op) scope.field("op").reject("unknown or missing");
  return { op: op ?? "equal", value: comparison?.value?.defaultValue ?? 0 };
}

function share(scope: Scope, percent: FractionalPercent | undefined): number {
  const denominator = DENOMINATORS.get(percent?.denominator ?? 0);
  if (denominator === undefined) scope.field("denominator").reject("unknown");
  return (percent?.numerator ?? 0) / (denominator ?? 100);
}

function acceptList(scope: Scope, kind: "all" | "any", filters: readonly AccessLogFilter[]): LogFilter {
  return { kind, filters: filters.map((filter, i) => acceptLogFilter(scope.field("filters").index(i), filter)) };
}

function acceptExpression(scope: Scope, filter: ExtensionFilter): LogFilter {
  const text = scope.unpack(filter.configType.value, ExpressionFilterSchema)?.expression;
  if (text === undefined) return ALWAYS;
  const at = scope.field("expression");
  const parsed = parseCel(text);
  if ("problem" in parsed) {
    at.reject(parsed.problem);
    return ALWAYS;
  }
  const unknown = notEvaluated(parsed.expression);
  if (unknown !== undefined) {
    at.reject(`${unknown} is not supported by Heddle's proxy`);
    return ALWAYS;
  }
  const predicate = compileCel(parsed.expression, (source) => {
    const compiled = compileRegex(source);
    if ("pattern" in compiled) return (value) => compiled.pattern.matcher(value).find();
    at.reject(compiled.error);
    return () => false;
  });
  return { kind: "expression", predicate };
}

export function acceptLogFilter(scope: Scope, filter: AccessLogFilter): LogFilter {
  const by = filter.filterSpecifier;
  const at = scope.field(protoName(by.case ?? ""));
  switch (by.case) {
    case "statusCodeFilter":
      return { kind: "status", comparison: acceptComparison(at.field("comparison"), by.value.comparison) };
    case "durationFilter":
      return { kind: "duration", comparison: acceptComparison(at.field("comparison"), by.value.comparison) };
    case "notHealthCheckFilter":
      return { kind: "not-health-check" };
    case "headerFilter":
      if (by.value.header) return { kind: "header", match: acceptHeaderMatch(at.field("header"), by.value.header) };
      at.field("header").reject("missing");
      return ALWAYS;
    case "responseFlagFilter":
      return { kind: "flags", flags: by.value.flags };
    case "grpcStatusFilter":
      return { kind: "grpc-status", statuses: by.value.statuses.map(Number), exclude: by.value.exclude };
    case "runtimeFilter":
      return { kind: "share", share: share(at.field("percent_sampled"), by.value.percentSampled) };
    case "logTypeFilter":
      return {
        kind: "type",
        types: by.value.types.flatMap((type) => TYPES.get(type) ?? []),
        exclude: by.value.exclude,
      };
    case "andFilter":
      return acceptList(at, "all", by.value.filters);
    case "orFilter":
      return acceptList(at, "any", by.value.filters);
    case "extensionFilter":
      return acceptExpression(at.field("typed_config"), by.value);
    case undefined:
      scope.reject("empty");
      return ALWAYS;
    default:
      at.reject("not supported by Heddle's proxy");
      return ALWAYS;
  }
}
