// Which requests are traced, and to whom proxies tell it.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { TraceTag } from "../model/telemetry.ts";
import { packAny } from "../xds/any.ts";
import { type Tracing_Http, Tracing_HttpSchema } from "../xds/gen/envoy/config/trace/v3/http_tracer_pb.ts";
import { OpenTelemetryConfigSchema } from "../xds/gen/envoy/config/trace/v3/opentelemetry_pb.ts";
import {
  ZipkinConfig_CollectorEndpointVersion,
  ZipkinConfigSchema,
} from "../xds/gen/envoy/config/trace/v3/zipkin_pb.ts";
import type { HttpConnectionManagerSchema } from "../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { UuidRequestIdConfigSchema } from "../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts";
import { type CustomTag, CustomTagSchema } from "../xds/gen/envoy/type/tracing/v3/custom_tag_pb.ts";
import type { ProxyTracing } from "./telemetry.ts";

/** Envoy's default for a gRPC exporter's timeout is none at all. */
const EXPORT_TIMEOUT_MS = 10_000;

type TracingFields = Pick<MessageInitShape<typeof HttpConnectionManagerSchema>, "tracing" | "requestIdExtension">;

export function tracingFields(tracing: ProxyTracing | undefined): TracingFields {
  const provider = tracing && spanReceiver(tracing);
  if (!provider) return {};
  const sampling = {
    clientSampling: { value: 100 },
    randomSampling: { value: tracing.samplingPercent },
    overallSampling: { value: 100 },
  };
  return {
    tracing: {
      ...sampling,
      provider,
      customTags: customTags(tracing),
      ...maxPath(tracing),
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

function maxPath({ provider }: ProxyTracing) {
  const length = "maxTagLength" in provider ? provider.maxTagLength : undefined;
  return length === undefined ? {} : { maxPathTagLength: length };
}

function spanReceiver({ provider, cluster, serviceName }: ProxyTracing): Tracing_Http | undefined {
  if (cluster === undefined) return undefined;
  const timeout = durationFromMs(EXPORT_TIMEOUT_MS);
  switch (provider.kind) {
    case "zipkin": {
      const config = create(ZipkinConfigSchema, {
        collectorCluster: cluster,
        collectorEndpoint: provider.path,
        collectorHostname: provider.host,
        collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
        traceId128bit: provider.wideIds,
        // Client and server have spans of their own, as everywhere but in B3's beginnings.
        sharedSpanContext: false,
      });
      return tracer("envoy.tracers.zipkin", packAny(ZipkinConfigSchema, config));
    }
    case "opentelemetry": {
      const { http, host, port } = provider;
      const config = create(OpenTelemetryConfigSchema, {
        serviceName,
        ...(http
          ? {
              httpService: {
                httpUri: {
                  uri: `http://${host}:${port}${http.path}`,
                  httpUpstreamType: { case: "cluster", value: cluster },
                  timeout: durationFromMs(http.timeoutMs),
                },
              },
            }
          : {
              grpcService: {
                targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } },
                timeout,
              },
            }),
      });
      return tracer("envoy.tracers.opentelemetry", packAny(OpenTelemetryConfigSchema, config));
    }
    default:
      return undefined;
  }
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
