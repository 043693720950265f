import type { KindWords } from "../words.ts";

const MODE = { says: "The client's side, the server's, or both", default: "CLIENT_AND_SERVER" };

export const TELEMETRY: KindWords = {
  about: "Which requests are logged and traced, and where to; what metrics tell of them",
  proxies:
    "Sidecars and gateways act on it; what only one of the two proxies does, [telemetry.md](../telemetry.md) says.",
  fields: {
    "spec.tracing": "Traces",
    "tracing.match": "Traffic that it is for",
    "tracing.providers": {
      says: "Who gets the spans; one",
      default: "MeshConfig's defaultProviders.tracing",
    },
    "providers.name": "Name among MeshConfig's extensionProviders",
    "tracing.randomSamplingPercentage": { says: "Percentage of the requests that begin a trace", default: "1" },
    "tracing.disableSpanReporting": { says: "Whether no spans are sent", default: "false" },
    "tracing.customTags": "Tags that spans get",
    "customTags.literal": "This value",
    "literal.value": "The value",
    "customTags.environment": "A variable of the proxy's environment",
    "environment.name": "Name of the variable",
    "environment.defaultValue": { says: "Value where it is missing", default: "no tag" },
    "customTags.header": "A header of the request",
    "header.name": "Name of the header",
    "header.defaultValue": { says: "Value where it is missing", default: "no tag" },
    "customTags.formatter": "An operator of access logs",
    "formatter.value": "The operator, as in %REQ(:PATH)%",
    "tracing.useRequestIdForTraceSampling": {
      says: "Whether x-request-id says if a request is traced",
      default: "true",
    },
    "tracing.enableIstioTags": { says: "Whether spans have Istio's tags", default: "true" },
    "tracing.disableContextPropagation": { says: "Whether the context of traces ends here", default: "false" },
    "spec.metrics": "Metrics",
    "metrics.providers": { says: "Who gets them", default: "MeshConfig's defaultProviders.metrics" },
    "metrics.overrides": { says: "Changes of single metrics", envoy: "counted by the standard metrics" },
    "overrides.match": "The metrics that are changed",
    "match.metric": { says: "One of Istio's metrics", default: "ALL_METRICS" },
    "match.customMetric": "Its name without istio_",
    "match.mode": MODE,
    "overrides.disabled": { says: "Whether it is not kept", default: "false" },
    "overrides.tagOverrides": "Changes of its labels, by name",
    "tagOverrides.operation": { says: "UPSERT sets the label, REMOVE takes it out", default: "UPSERT" },
    "tagOverrides.value": "An expression for the label (CEL)",
    "metrics.reportingInterval": { says: "How often byte streams are counted while they last", default: "5s" },
    "spec.accessLogging": "Access logs",
    "accessLogging.match": "Traffic that it is for",
    "accessLogging.providers": {
      says: "Where they go",
      default: "MeshConfig's accessLogFile or defaultProviders.accessLogging",
    },
    "accessLogging.disabled": { says: "Whether nothing is logged", default: "false" },
    "accessLogging.filter": "Which requests are logged",
    "filter.expression": { says: "An expression (CEL) that must be true", default: "every request is" },
  },
  example: `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: errors
  namespace: shop
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 500}
`,
};
