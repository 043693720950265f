// Spans in OTLP (ExportTraceServiceRequest).

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { KeyValueSchema } from "../../xds/gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  Span_SpanKind,
  type SpanSchema,
  Status_StatusCode,
} from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { wallMs } from "../clock.ts";
import type { Span } from "./span.ts";

const SDK = ["telemetry.sdk.language", "nodejs", "telemetry.sdk.name", "heddle"];

type Attribute = MessageInitShape<typeof KeyValueSchema>;

function attribute(key: string, value: string): Attribute {
  return { key, value: { value: { case: "stringValue", value } } };
}

function attributes(pairs: readonly string[]): Attribute[] {
  const list: Attribute[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) list.push(attribute(pairs[i]!, pairs[i + 1]!));
  return list;
}

function nanoseconds(at: number): bigint {
  return BigInt(Math.round(wallMs(at) * 1_000)) * 1_000n;
}

/** OpenTelemetry's rule: a server is not to blame for 4xx, a client is. */
function hasFailed({ kind, tags }: Span): boolean {
  const status = Number(tags.get("http.status_code") ?? 0);
  return status >= (kind === "server" ? 500 : 400);
}

function otlpSpan(span: Span): MessageInitShape<typeof SpanSchema> {
  return {
    traceId: Buffer.from(span.traceId, "hex"),
    spanId: Buffer.from(span.id, "hex"),
    parentSpanId: Buffer.from(span.parentId, "hex"),
    traceState: span.state,
    name: span.name,
    kind: span.kind === "server" ? Span_SpanKind.SERVER : Span_SpanKind.CLIENT,
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt),
    attributes: [...span.tags].map(([key, value]) => attribute(key, value)),
    ...(hasFailed(span) ? { status: { code: Status_StatusCode.ERROR } } : {}),
  };
}

/** `resource`: names and values in turns. */
export function encodeOtlp(spans: readonly Span[], resource: readonly string[]): Uint8Array {
  const request = create(ExportTraceServiceRequestSchema, {
    resourceSpans: [
      {
        resource: { attributes: [...attributes(resource), ...attributes(SDK)] },
        scopeSpans: [{ scope: { name: "heddle" }, spans: spans.map(otlpSpan) }],
      },
    ],
  });
  return toBinary(ExportTraceServiceRequestSchema, request);
}
