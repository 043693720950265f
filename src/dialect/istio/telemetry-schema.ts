// Every field of Telemetry.

import {
  choice,
  duration,
  flag,
  list,
  mapOf,
  notEmpty,
  openRecord,
  real,
  record,
  required,
  text,
  type Value,
} from "../schema.ts";
import { SCOPE_FIELDS, SCOPE_GROUP } from "./workload-scope.ts";

const MODE = choice("CLIENT_AND_SERVER", "CLIENT", "SERVER");
const PROVIDERS = list(record({ name: required(notEmpty()) }));

const CUSTOM_TAG = record(
  {
    literal: record({ value: required(notEmpty()) }),
    environment: record({ name: required(notEmpty()), defaultValue: text() }),
    header: record({ name: required(notEmpty("header-name")), defaultValue: text() }),
    formatter: record({ value: required(notEmpty()) }),
  },
  [["literal", "environment", "header", "formatter"]],
);

const TRACING = record({
  match: record({ mode: MODE }),
  providers: PROVIDERS,
  randomSamplingPercentage: real(0, 100),
  disableSpanReporting: flag(),
  customTags: mapOf(CUSTOM_TAG),
  useRequestIdForTraceSampling: flag(),
  enableIstioTags: flag(),
  disableContextPropagation: flag(),
});

const METRICS = [
  "ALL_METRICS",
  "REQUEST_COUNT",
  "REQUEST_DURATION",
  "REQUEST_SIZE",
  "RESPONSE_SIZE",
  "TCP_OPENED_CONNECTIONS",
  "TCP_CLOSED_CONNECTIONS",
  "TCP_SENT_BYTES",
  "TCP_RECEIVED_BYTES",
  "GRPC_REQUEST_MESSAGES",
  "GRPC_RESPONSE_MESSAGES",
] as const;

const OVERRIDE = record({
  match: record({ metric: choice(...METRICS), customMetric: notEmpty(), mode: MODE }, [["metric", "customMetric"]]),
  disabled: flag(),
  tagOverrides: mapOf(record({ operation: choice("UPSERT", "REMOVE"), value: text() })),
});

const METRICS_OF_PROVIDERS = record({
  providers: PROVIDERS,
  overrides: list(OVERRIDE),
  reportingInterval: duration(),
});

const ACCESS_LOGGING = record({
  match: record({ mode: MODE }),
  providers: PROVIDERS,
  disabled: flag(),
  filter: record({ expression: text() }),
});

export const TELEMETRY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record(
    {
      ...SCOPE_FIELDS,
      tracing: list(TRACING),
      metrics: list(METRICS_OF_PROVIDERS),
      accessLogging: list(ACCESS_LOGGING),
    },
    [SCOPE_GROUP],
  ),
  status: openRecord({}),
});

export type TracingSpec = Value<typeof TRACING>;
export type CustomTagSpec = Value<typeof CUSTOM_TAG>;
export type MetricOverrideSpec = Value<typeof OVERRIDE>;
export type MetricsSpec = Value<typeof METRICS_OF_PROVIDERS>;
export type AccessLoggingSpec = Value<typeof ACCESS_LOGGING>;
export type ModeSpec = Value<typeof MODE>;
