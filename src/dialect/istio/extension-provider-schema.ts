// Every field of MeshConfig's `extensionProviders`.

import {
  choice,
  duration,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  type Value,
  whole,
} from "../schema.ts";

const MAX_UINT32 = 2 ** 32 - 1;
const MIN_INT32 = -(2 ** 31);
const MAX_INT32 = 2 ** 31 - 1;

const HEADERS = list(notEmpty());

const COMMON = {
  service: required(notEmpty()),
  port: required(port()),
  timeout: duration(),
  failOpen: flag(),
  clearRouteCache: flag(),
  /** A number as text. */
  statusOnError: notEmpty(),
  includeRequestBodyInCheck: record({
    // Envoy takes no 0.
    maxRequestBytes: required(whole(1, MAX_UINT32)),
    allowPartialMessage: flag(),
    packAsBytes: flag(),
  }),
} as const;

const HTTP = record({
  ...COMMON,
  pathPrefix: text(),
  /** Deprecated: the next one. */
  includeHeadersInCheck: HEADERS,
  includeRequestHeadersInCheck: HEADERS,
  includeAdditionalHeadersInCheck: mapOf(text(), "header-name"),
  headersToUpstreamOnAllow: HEADERS,
  headersToDownstreamOnDeny: HEADERS,
  headersToDownstreamOnAllow: HEADERS,
});

const GRPC = record(COMMON);

const NO_SPANS = later("no spans are sent");

const FILE_LOG = record({
  path: text(),
  logFormat: record({ text: text(), labels: openRecord({}) }, [["text", "labels"]]),
  omitEmptyValues: flag(),
});

const LOG_SERVICE = {
  service: required(notEmpty()),
  port: required(port()),
  logName: text(),
} as const;

const STREAM_LOG = record({ ...LOG_SERVICE, filterStateObjectsToLog: list(notEmpty()) });

const REQUEST_LOG = record({
  ...LOG_SERVICE,
  filterStateObjectsToLog: list(notEmpty()),
  additionalRequestHeadersToLog: list(notEmpty("header-name")),
  additionalResponseHeadersToLog: list(notEmpty("header-name")),
  additionalResponseTrailersToLog: list(notEmpty("header-name")),
});

const OTLP_LOG = record({
  ...LOG_SERVICE,
  logFormat: record({ text: text(), labels: openRecord({}) }),
});

const RECEIVER = {
  service: required(notEmpty()),
  port: required(port()),
  maxTagLength: whole(0, MAX_UINT32),
} as const;

/** `envName`: a variable of the control plane's environment. */
const REPORT_FIELDS = list(
  record({ name: required(notEmpty("header-name")), value: text(), envName: notEmpty() }, [["value", "envName"]]),
);

const ZIPKIN = record({
  ...RECEIVER,
  enable64bitTraceId: flag(),
  path: notEmpty(),
  headers: REPORT_FIELDS,
  timeout: duration(),
  traceContextOption: choice("USE_B3", "USE_B3_WITH_W3C_PROPAGATION"),
});

const OPENTELEMETRY = record({
  ...RECEIVER,
  http: record({
    path: required(notEmpty()),
    timeout: duration(),
    headers: REPORT_FIELDS,
  }),
  grpc: record({ timeout: duration(), initialMetadata: REPORT_FIELDS }),
  dynatraceSampler: record({
    tenant: required(notEmpty()),
    clusterId: required(whole(MIN_INT32, MAX_INT32)),
    rootSpansPerMinute: whole(0, MAX_UINT32),
    httpService: record({
      service: required(notEmpty()),
      port: required(port()),
      http: required(record({ path: required(notEmpty()), timeout: duration(), headers: REPORT_FIELDS })),
    }),
  }),
  resourceDetectors: record({ environment: record({}), dynatrace: record({}) }),
});

const SKYWALKING = record({ service: required(notEmpty()), port: required(port()), accessToken: text() });

/** Kinds of providers, of which each has one. */
const KINDS = {
  envoyExtAuthzHttp: HTTP,
  envoyExtAuthzGrpc: GRPC,
  datadog: record(RECEIVER),
  envoyFileAccessLog: FILE_LOG,
  envoyHttpAls: REQUEST_LOG,
  envoyOtelAls: OTLP_LOG,
  envoyTcpAls: STREAM_LOG,
  lightstep: NO_SPANS,
  opencensus: NO_SPANS,
  opentelemetry: OPENTELEMETRY,
  prometheus: record({}),
  sds: later("secrets come over the agent's socket"),
  skywalking: SKYWALKING,
  stackdriver: later("neither metrics nor spans are sent there"),
  zipkin: ZIPKIN,
} as const;

export const PROVIDER_KINDS: readonly string[] = Object.keys(KINDS);

export const EXTENSION_PROVIDER = record({ name: required(notEmpty()), ...KINDS });

export type ExtensionProviderSpec = Value<typeof EXTENSION_PROVIDER>;
export type HttpAuthorizerSpec = Value<typeof HTTP>;
export type GrpcAuthorizerSpec = Value<typeof GRPC>;
export type RequestLogSpec = Value<typeof REQUEST_LOG>;
export type ReportFieldSpec = Value<typeof REPORT_FIELDS>[number];
export type StreamLogSpec = Value<typeof STREAM_LOG>;
export type OtlpLogSpec = Value<typeof OTLP_LOG>;
