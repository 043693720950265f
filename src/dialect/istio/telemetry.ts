// Telemetry → who is told of which requests, and which traces begin.

import { parseCel } from "../../base/cel.ts";
import { functionsIn, notEvaluated, patternsIn } from "../../base/cel-attributes.ts";
import type { Message } from "../../model/message.ts";
import {
  type LogRule,
  type MetricsRule,
  type Telemetry,
  type TelemetryProvider,
  type TelemetrySide,
  type TraceRule,
  telemetryProvider,
} from "../../model/telemetry.ts";
import type { WorkloadScope } from "../../model/workload-scope.ts";
import { decodeObject } from "../decode.ts";
import { regexMessage } from "../formats.ts";
import { joinPath } from "../path.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import * as diagnostics from "./telemetry-diagnostics.ts";
import { readMetricOverride } from "./telemetry-metrics.ts";
import {
  type AccessLoggingSpec,
  type MetricsSpec,
  type ModeSpec,
  TELEMETRY,
  type TracingSpec,
} from "./telemetry-schema.ts";
import { readTags } from "./trace-tags.ts";
import { readScope } from "./workload-scope.ts";

/** Of CEL's standard library, what Envoy registers and an access log may need. */
const FUNCTIONS = [
  "contains",
  "double",
  "duration",
  "endsWith",
  "has",
  "int",
  "matches",
  "size",
  "startsWith",
  "timestamp",
  "type",
  "uint",
];

const BUILT_IN = ["envoy", "prometheus", "stackdriver"];

export function readTelemetry(reading: Reading): Telemetry | undefined {
  const { object, origin, reporter } = reading;
  const read = decodeObject(TELEMETRY, object, reporter);
  if (!read) return undefined;
  if ((read.spec?.tracing?.length ?? 0) > 1) reporter.report("spec.tracing", refusals.severalTracings());
  const { tracing = [], metrics = [], accessLogging = [], ...scoped } = read.spec ?? {};
  const reader = new TelemetryReader(reading);
  const scope = readScope(scoped, reading);
  const rules = {
    logging: accessLogging.map((spec, i) => reader.logging(spec, `spec.accessLogging[${i}]`)),
    tracing: tracing.map((spec, i) => reader.tracing(spec, `spec.tracing[${i}]`)),
    metrics: metrics.map((spec, i) => reader.metrics(spec, `spec.metrics[${i}]`)),
  };
  return scope && { origin, createdAt: object.createdAt, scope: ownNamespace(scope, reading), ...rules };
}

/** Unlike a policy's, a selector in a root namespace selects that namespace's workloads (telemetry.go, applicableTelemetries). */
function ownNamespace(scope: WorkloadScope, { namespace }: Reading): WorkloadScope {
  if (scope.kind !== "mesh" || Object.keys(scope.labels).length === 0) return scope;
  return { kind: "namespace", namespace, labels: scope.labels };
}

function sideOf(match: { readonly mode?: ModeSpec } | undefined): TelemetrySide | undefined {
  if (match?.mode === "CLIENT") return "client";
  return match?.mode === "SERVER" ? "server" : undefined;
}

type Section = "accessLogging" | "metrics" | "tracing";

const TOLD: Readonly<Record<Section, readonly TelemetryProvider["kind"][]>> = {
  accessLogging: ["access-log", "log-service"],
  metrics: ["prometheus"],
  tracing: ["zipkin", "opentelemetry", "datadog", "skywalking"],
};

class TelemetryReader {
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  logging(spec: AccessLoggingSpec, path: string): LogRule {
    const expression = spec.filter?.expression;
    if (expression) this.#expression(expression, joinPath(joinPath(path, "filter"), "expression"));
    return {
      side: sideOf(spec.match),
      providers: this.#providers(spec.providers, path, "accessLogging"),
      disabled: spec.disabled ?? false,
      filter: expression || undefined,
    };
  }

  tracing(spec: TracingSpec, path: string): TraceRule {
    const providers = this.#providers(spec.providers, path, "tracing");
    if (providers.length > 1)
      this.#reading.reporter.report(joinPath(path, "providers"), diagnostics.oneTracingProvider(providers));
    return {
      side: sideOf(spec.match),
      provider: providers[0],
      samplingPercent: spec.randomSamplingPercentage,
      disabled: spec.disableSpanReporting,
      tags: spec.customTags && readTags(spec.customTags, joinPath(path, "customTags"), this.#reading.reporter),
      byRequestId: spec.useRequestIdForTraceSampling,
      istioTags: spec.enableIstioTags,
      keepsContext: spec.disableContextPropagation,
    };
  }

  metrics({ providers, overrides = [], reportingInterval }: MetricsSpec, path: string): MetricsRule {
    const { reporter } = this.#reading;
    return {
      providers: this.#providers(providers, path, "metrics"),
      overrides: overrides.flatMap(
        (override, i) => readMetricOverride(override, `${joinPath(path, "overrides")}[${i}]`, reporter) ?? [],
      ),
      reportMs: reportingInterval,
    };
  }

  #providers(specs: readonly { readonly name: string }[] = [], path: string, section: Section): readonly string[] {
    const { settings, reporter } = this.#reading;
    specs.forEach(({ name }, i) => {
      const at = `${joinPath(path, "providers")}[${i}].name`;
      const provider = telemetryProvider(settings, name);
      const known = [...settings.providers.map((one) => one.name), ...BUILT_IN];
      if (!provider) reporter.report(at, diagnostics.unknownTelemetryProvider(name, known));
      else if (!TOLD[section].includes(provider.kind)) {
        const what = provider.kind === "silent" ? provider.what : provider.kind;
        reporter.report(at, diagnostics.providerOfOtherKind(name, what, section));
      }
    });
    return specs.map(({ name }) => name);
  }

  #expression(text: string, path: string): void {
    const problem = expressionProblem(text);
    if (problem) this.#reading.reporter.report(path, problem);
  }
}

function expressionProblem(text: string): Message | undefined {
  const parsed = parseCel(text);
  if ("problem" in parsed) return diagnostics.badExpression(text, parsed.problem);
  const unknown = functionsIn(parsed.expression).find((name) => !FUNCTIONS.includes(name));
  if (unknown !== undefined) return diagnostics.unknownFunction(unknown, FUNCTIONS);
  for (const pattern of patternsIn(parsed.expression)) {
    const problem = regexMessage("expression", pattern);
    if (problem) return problem;
  }
  const foreign = notEvaluated(parsed.expression);
  return foreign === undefined ? undefined : diagnostics.notEvaluatedByHeddle(foreign);
}
