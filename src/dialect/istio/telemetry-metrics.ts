// Telemetry's overrides of metrics → which of Istio's standard metrics are kept, with which labels.

import { parseCel } from "../../base/cel.ts";
import { notEvaluated, patternsIn, valueExpression } from "../../base/cel-attributes.ts";
import type { Message } from "../../model/message.ts";
import { type LabelRule, type MetricOverride, STANDARD_METRICS, type StandardMetric } from "../../model/telemetry.ts";
import { regexMessage } from "../formats.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./telemetry-diagnostics.ts";
import type { MetricOverrideSpec } from "./telemetry-schema.ts";

type MatchSpec = NonNullable<MetricOverrideSpec["match"]>;
type Named = NonNullable<MatchSpec["metric"]>;

/** As Istio calls them (telemetry.go, metricToSDServerMetrics and its like). */
const NAMES: Readonly<Record<Exclude<Named, "ALL_METRICS">, StandardMetric>> = {
  REQUEST_COUNT: "requests_total",
  REQUEST_DURATION: "request_duration_milliseconds",
  REQUEST_SIZE: "request_bytes",
  RESPONSE_SIZE: "response_bytes",
  TCP_OPENED_CONNECTIONS: "tcp_connections_opened_total",
  TCP_CLOSED_CONNECTIONS: "tcp_connections_closed_total",
  TCP_SENT_BYTES: "tcp_sent_bytes_total",
  TCP_RECEIVED_BYTES: "tcp_received_bytes_total",
  GRPC_REQUEST_MESSAGES: "request_messages_total",
  GRPC_RESPONSE_MESSAGES: "response_messages_total",
};

/** Prometheus' names of labels, but for those that are its own: `le` tells a histogram's buckets apart. */
const LABEL = /^(?!__|le$)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Undefined: it is for no metric that there is. */
export function readMetricOverride(
  { match = {}, disabled, tagOverrides = {} }: MetricOverrideSpec,
  path: string,
  reporter: Reporter,
): MetricOverride | undefined {
  const metrics = metricsOf(match, joinPath(path, "match"), reporter);
  const labels = Object.entries(tagOverrides).flatMap(([name, spec]) => {
    const rule = labelRule(name, spec, joinPath(joinPath(path, "tagOverrides"), name), reporter);
    return rule ? [[name, rule] as const] : [];
  });
  if (!metrics) return undefined;
  const side = match.mode === "CLIENT" ? "client" : match.mode === "SERVER" ? "server" : undefined;
  return { side, metrics, disabled, labels: Object.fromEntries(labels.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function metricsOf(
  { metric, customMetric }: MatchSpec,
  path: string,
  reporter: Reporter,
): readonly StandardMetric[] | undefined {
  if (customMetric !== undefined) {
    const known = STANDARD_METRICS.find((name) => name === customMetric);
    if (known) return [known];
    reporter.report(joinPath(path, "customMetric"), diagnostics.unknownMetric(customMetric, STANDARD_METRICS));
    return undefined;
  }
  return metric === undefined || metric === "ALL_METRICS" ? [] : [NAMES[metric]];
}

type TagSpec = NonNullable<MetricOverrideSpec["tagOverrides"]>[string];

function labelRule(
  name: string,
  { operation = "UPSERT", value = "" }: TagSpec,
  path: string,
  reporter: Reporter,
): LabelRule | undefined {
  if (!LABEL.test(name)) reporter.report(path, diagnostics.badTagName(name));
  if (operation === "REMOVE") {
    if (value !== "") reporter.report(path, diagnostics.valueOfRemovedTag(name));
    return { kind: "removed" };
  }
  if (value === "") {
    reporter.report(path, diagnostics.tagWithoutValue(name));
    return undefined;
  }
  const problem = valueProblem(name, value);
  if (problem) reporter.report(joinPath(path, "value"), problem);
  return { kind: "set", expression: value };
}

function valueProblem(name: string, text: string): Message | undefined {
  const parsed = parseCel(text);
  if ("problem" in parsed) return diagnostics.badExpression(text, parsed.problem);
  for (const pattern of patternsIn(parsed.expression)) {
    const problem = regexMessage("value", pattern);
    if (problem) return problem;
  }
  const foreign = notEvaluated(valueExpression(parsed.expression));
  return foreign === undefined ? undefined : diagnostics.tagNotEvaluated(name, foreign);
}
