// Overrides of Istio's standard metrics. Envoy's stats filter has them in stats.PluginConfig, which is no part of the stock Envoy: metadata
// `heddle.dev: { metrics: [...] }` of a filter chain has the same fields, and Envoy passes it by.

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { parseCel } from "../../base/cel.ts";
import { notEvaluated, valueExpression } from "../../base/cel-attributes.ts";
import type { LabelSource, MetricOverride } from "../../stats/metric-overrides.ts";
import type { Metadata } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { type CelText, compileCelText } from "../cel.ts";
import type { ChainMetrics } from "../metric-overrides.ts";
import { compileRegex } from "../string-match.ts";
import type { Scope } from "./scope.ts";
import { Memo } from "./shared.ts";

/** A second `le` would break a histogram's exposition, and a leading `__` is Prometheus' own. */
const LABEL_NAME = /^(?!__|le$)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** More distinct expressions than anybody has labels. */
const MAX_VALUES = 64;

const accepted = new Memo<ChainMetrics>();

export function acceptMetricOverrides(scope: Scope, metadata: Metadata | undefined): ChainMetrics | undefined {
  const written = metadata?.filterMetadata["heddle.dev"]?.metrics;
  if (written === undefined) return undefined;
  const at = scope.field("metadata").field("filter_metadata").key("heddle.dev").field("metrics");
  if (!Array.isArray(written)) {
    at.reject("not a list");
    return undefined;
  }
  const key = JSON.stringify(written);
  const before = at.rejections.length;
  const reader = new OverridesReader();
  const metrics = written.map((metric, i) => reader.metric(at.index(i), metric));
  const made = { overrides: { key, metrics: new Map(metrics) }, values: reader.values };
  // Chains that say the same have the same object: edges are compared by it.
  return at.rejections.length > before ? made : accepted.of(key, () => made);
}

/** Istio's `tcp_reporting_duration` where nobody says it (stats.PluginConfig). */
const REPORT_MS = 5_000;

/** Beside the overrides, as the same message has it. */
export function acceptReportingInterval(scope: Scope, metadata: Metadata | undefined): number {
  const written = metadata?.filterMetadata["heddle.dev"]?.tcp_reporting_duration;
  if (written === undefined) return REPORT_MS;
  const seconds = typeof written === "string" && /^\d+(?:\.\d{1,9})?s$/.test(written) ? Number.parseFloat(written) : 0;
  if (seconds > 0) return seconds * 1_000;
  const at = scope.field("metadata").field("filter_metadata").key("heddle.dev").field("tcp_reporting_duration");
  at.reject("not a duration above 0");
  return REPORT_MS;
}

class OverridesReader {
  readonly values: CelText[] = [];
  readonly #numbers = new Map<string, number>();

  metric(scope: Scope, written: JsonValue): readonly [string, MetricOverride] {
    const { name, drop, tags_to_remove: removed, dimensions } = fieldsOf(scope, written);
    if (typeof name !== "string" || name === "") scope.field("name").reject("missing");
    const tags = Array.isArray(removed) ? removed.filter((tag) => typeof tag === "string") : [];
    if (removed !== undefined && (!Array.isArray(removed) || tags.length < removed.length))
      scope.field("tags_to_remove").reject("not a list of labels");
    const set = Object.entries(fieldsOf(scope.field("dimensions"), dimensions ?? {})).map(
      ([label, expression]) => [label, this.#source(scope.field("dimensions").key(label), label, expression)] as const,
    );
    return [`istio_${name}`, { dropped: drop === true, removed: new Set(tags), set: new Map(set) }];
  }

  #source(scope: Scope, label: string, text: JsonValue | undefined): LabelSource {
    if (!LABEL_NAME.test(label)) scope.reject("not the name of a label");
    if (typeof text !== "string") {
      scope.reject("not an expression");
      return "";
    }
    const parsed = parseCel(text);
    if ("problem" in parsed) {
      scope.reject(parsed.problem);
      return "";
    }
    const expression = valueExpression(parsed.expression);
    const unknown = notEvaluated(expression);
    if (unknown !== undefined) {
      scope.reject(`${unknown} is not supported by Heddle's proxy`);
      return "";
    }
    if (expression.kind === "literal") return String(expression.value);
    const compiled = compileCelText(expression, (source) => patternOf(scope, source));
    return this.#number(scope, text, compiled);
  }

  #number(scope: Scope, text: string, compiled: CelText): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.values.length === MAX_VALUES) scope.reject(`more than ${MAX_VALUES} expressions`);
    this.#numbers.set(text, this.values.length);
    return this.values.push(compiled) - 1;
  }
}

function patternOf(scope: Scope, source: string): (value: string) => boolean {
  const compiled = compileRegex(source);
  if ("pattern" in compiled) return (value) => compiled.pattern.matcher(value).find();
  scope.reject(compiled.error);
  return () => false;
}

function fieldsOf(scope: Scope, value: JsonValue): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  scope.reject("not an object");
  return {};
}
