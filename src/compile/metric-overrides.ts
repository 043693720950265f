// Overrides of Istio's standard metrics, for the proxy that counts for itself: beside the chains whose traffic they are for, so that a chain
// whose overrides change is another chain. Fields as in stats.PluginConfig, which no stock Envoy knows.

import { create, type JsonObject } from "@bufbuild/protobuf";
import { parseCel } from "../base/cel.ts";
import { notEvaluated, valueExpression } from "../base/cel-attributes.ts";
import type { EffectiveMetric } from "../model/effective-telemetry.ts";
import type { LabelRule } from "../model/telemetry.ts";
import { type Metadata, MetadataSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { type ChainContext, sideOf } from "./connection-manager.ts";

export function chainMetadata(context: ChainContext): Metadata | undefined {
  const side = sideOf(context);
  if (context.features.accessLogService || !side) return undefined;
  const { reportMs } = side;
  const metrics = side.metrics.map(metric);
  if (metrics.length === 0 && reportMs === undefined) return undefined;
  const interval = reportMs === undefined ? {} : { tcp_reporting_duration: `${reportMs / 1_000}s` };
  return create(MetadataSchema, {
    filterMetadata: { "heddle.dev": { ...(metrics.length > 0 ? { metrics } : {}), ...interval } },
  });
}

function metric({ metric: name, disabled, labels }: EffectiveMetric): JsonObject {
  if (disabled) return { name, drop: true };
  const removed = labels.flatMap(([label, rule]) => (rule.kind === "removed" ? [label] : []));
  const set = labels.flatMap(([label, rule]) => (isSet(rule) ? [[label, rule.expression] as const] : []));
  return {
    name,
    ...(removed.length > 0 ? { tags_to_remove: removed } : {}),
    ...(set.length > 0 ? { dimensions: Object.fromEntries(set) } : {}),
  };
}

/** What the proxy does not evaluate leaves the label as it is; who wrote it was told. */
function isSet(rule: LabelRule): rule is Extract<LabelRule, { readonly kind: "set" }> {
  if (rule.kind !== "set") return false;
  const parsed = parseCel(rule.expression);
  return "expression" in parsed && notEvaluated(valueExpression(parsed.expression)) === undefined;
}
