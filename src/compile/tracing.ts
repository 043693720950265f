// Which requests are traced, and to whom proxies tell it.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { DynatraceSampler, ReportField, ResourceDetector, TraceTag } from "../model/telemetry.ts";
import { packAny } from "../xds/any.ts";
import { HeaderValueOption_HeaderAppendAction } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { DatadogConfigSchema } from "../xds/gen/envoy/config/trace/v3/datadog_pb.ts";
import { type Tracing_Http, Tracing_HttpSchema } from "../xds/gen/envoy/config/trace/v3/http_tracer_pb.ts";
import { OpenTelemetryConfigSchema } from "../xds/gen/envoy/config/trace/v3/opentelemetry_pb.ts";
import { SkyWalkingConfigSchema } from "../xds/gen/envoy/config/trace/v3/skywalking_pb.ts";
import {
  ZipkinConfig_CollectorEndpointVersion,
  ZipkinConfig_TraceContextOption,
  ZipkinConfigSchema,
} from "../xds/gen/envoy/config/trace/v3/zipkin_pb.ts";
import type { HttpConnectionManagerSchema } from "../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { UuidRequestIdConfigSchema } from "../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts";
import { DynatraceResourceDetectorConfigSchema } from "../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.ts";
import { EnvironmentResourceDetectorConfigSchema } from "../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.ts";
import { DynatraceSamplerConfigSchema } from "../xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.ts";
import { type CustomTag, CustomTagSchema } from "../xds/gen/envoy/type/tracing/v3/custom_tag_pb.ts";
import type { ProxyFeatures } from "./proxy-features.ts";
import type { ProxyTracing } from "./telemetry.ts";

type TracingFields = Pick<MessageInitShape<typeof HttpConnectionManagerSchema>, "tracing" | "requestIdExtension">;

export function tracingFields(tracing: ProxyTracing | undefined, features: ProxyFeatures): TracingFields {
  const provider = tracing && spanReceiver(tracing, features);
  if (!provider) return {};
  const sampler = samplerOf(tracing, features);
  const sampling = {
    clientSampling: { value: 100 },
    // Who is asked about a trace must be asked about all of them.
    randomSampling: { value: sampler ? 100 : tracing.samplingPercent },
    overallSampling: { value: 100 },
  };
  return {
    tracing: {
      ...sampling,
      provider,
      customTags: customTags(tracing),
      ...maxPath(tracing),
      // SkyWalking knows who called whom by spans of the way out alone.
      ...(tracing.provider.kind === "skywalking" ? { spawnUpstreamSpan: true } : {}),
      ...(tracing.keepsContext ? { noContextPropagation: true } : {}),
    },
    ...(tracing.byRequestId ? {} : { requestIdExtension: NOT_BY_REQUEST_ID }),
  };
}

const NOT_BY_REQUEST_ID = {
  typedConfig: packAny(
    UuidRequestIdConfigSchema,
    create(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: false }),
  ),
};

/** What people wrote stands over the proxy's own. */
function customTags({ tags, ownTags }: ProxyTracing): CustomTag[] {
  const own = Object.entries(ownTags).filter(([name]) => !Object.hasOwn(tags, name));
  return [
    ...own.map(([tag, value]) => customTag(tag, { kind: "literal", value })),
    ...Object.entries(tags).map(([tag, value]) => customTag(tag, value)),
  ];
}

function maxPath({ maxTagLength }: ProxyTracing) {
  return maxTagLength === undefined ? {} : { maxPathTagLength: maxTagLength };
}

function spanReceiver(tracing: ProxyTracing, features: ProxyFeatures): Tracing_Http | undefined {
  const { provider, cluster, serviceName } = tracing;
  if (cluster === undefined) return undefined;
  switch (provider.kind) {
    case "zipkin": {
      const config = create(ZipkinConfigSchema, {
        collectorService: httpService(cluster, `http://${provider.host}${provider.path}`, provider),
        collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
        traceId128bit: provider.wideIds,
        // Client and server have spans of their own, as everywhere but in B3's beginnings.
        sharedSpanContext: false,
        traceContextOption: provider.passesW3c
          ? ZipkinConfig_TraceContextOption.USE_B3_WITH_W3C_PROPAGATION
          : ZipkinConfig_TraceContextOption.USE_B3,
      });
      return tracer("envoy.tracers.zipkin", packAny(ZipkinConfigSchema, config));
    }
    case "opentelemetry": {
      const { httpPath, host, port } = provider;
      const sampler = samplerOf(tracing, features);
      const config = create(OpenTelemetryConfigSchema, {
        serviceName,
        ...(httpPath === undefined
          ? { grpcService: grpcService(cluster, provider) }
          : { httpService: httpService(cluster, `http://${host}:${port}${httpPath}`, provider) }),
        resourceDetectors: provider.detectors.map(detector),
        ...(sampler ? { sampler: dynatraceSampler(...sampler) } : {}),
      });
      return tracer("envoy.tracers.opentelemetry", packAny(OpenTelemetryConfigSchema, config));
    }
    case "datadog": {
      if (!features.manyTracers) return undefined;
      const config = create(DatadogConfigSchema, {
        collectorCluster: cluster,
        collectorHostname: provider.host,
        serviceName,
      });
      return tracer("envoy.tracers.datadog", packAny(DatadogConfigSchema, config));
    }
    case "skywalking": {
      if (!features.manyTracers) return undefined;
      const { host, accessToken } = provider;
      const config = create(SkyWalkingConfigSchema, {
        grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } } },
        ...(accessToken === ""
          ? {}
          : { clientConfig: { backendTokenSpecifier: { case: "backendToken", value: accessToken } } }),
      });
      return tracer("envoy.tracers.skywalking", packAny(SkyWalkingConfigSchema, config));
    }
    default:
      return undefined;
  }
}

type SamplerAt = readonly [sampler: DynatraceSampler, cluster: string];

/** Undefined: the percentage counts. */
function samplerOf({ provider, samplerCluster }: ProxyTracing, features: ProxyFeatures): SamplerAt | undefined {
  const sampler = provider.kind === "opentelemetry" ? provider.sampler : undefined;
  return sampler && samplerCluster !== undefined && features.manyTracers ? [sampler, samplerCluster] : undefined;
}

function dynatraceSampler(sampler: DynatraceSampler, cluster: string) {
  const { tenant, clusterId, rootSpansPerMinute = 0, uri } = sampler;
  const config = create(DynatraceSamplerConfigSchema, {
    tenant,
    clusterId,
    rootSpansPerMinute,
    httpService: httpService(cluster, uri, sampler),
  });
  const typedConfig = packAny(DynatraceSamplerConfigSchema, config);
  return { name: "envoy.tracers.opentelemetry.samplers.dynatrace", typedConfig };
}

interface Report {
  readonly host: string;
  readonly timeoutMs: number;
  readonly headers: readonly ReportField[];
}

/** Values are formats to Envoy, so that a percent sign stands twice. */
function httpService(cluster: string, uri: string, { timeoutMs, headers }: Report) {
  return {
    httpUri: {
      uri,
      httpUpstreamType: { case: "cluster", value: cluster } as const,
      timeout: durationFromMs(timeoutMs),
    },
    requestHeadersToAdd: headers.map(({ name, value }) => ({
      header: { key: name, value: value.replaceAll("%", "%%") },
      appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
  };
}

function grpcService(cluster: string, { host, timeoutMs, headers }: Report) {
  return {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } } as const,
    timeout: durationFromMs(timeoutMs),
    initialMetadata: headers.map(({ name, value }) => ({ key: name, value })),
  };
}

function detector(kind: ResourceDetector) {
  const typedConfig =
    kind === "environment"
      ? packAny(EnvironmentResourceDetectorConfigSchema, create(EnvironmentResourceDetectorConfigSchema))
      : packAny(DynatraceResourceDetectorConfigSchema, create(DynatraceResourceDetectorConfigSchema));
  return { name: `envoy.tracers.opentelemetry.resource_detectors.${kind}`, typedConfig };
}

function tracer(name: string, value: ReturnType<typeof packAny>): Tracing_Http {
  return create(Tracing_HttpSchema, { name, configType: { case: "typedConfig", value } });
}

function customTag(tag: string, value: TraceTag): CustomTag {
  return create(CustomTagSchema, { tag, type: tagType(value) });
}

function tagType(tag: TraceTag): NonNullable<MessageInitShape<typeof CustomTagSchema>["type"]> {
  switch (tag.kind) {
    case "literal":
      return { case: "literal", value: { value: tag.value } };
    case "environment":
      return { case: "environment", value: { name: tag.name, defaultValue: tag.byDefault ?? "" } };
    case "header":
      return { case: "requestHeader", value: { name: tag.name, defaultValue: tag.byDefault ?? "" } };
    case "format":
      return { case: "value", value: tag.format };
  }
}
