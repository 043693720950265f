// Who traces are told to: Zipkin's and OTLP's interfaces, and what came by them in one form.

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type GrpcListener, listenGrpc } from "../../../src/grpc/listen.ts";
import { type CallHandler, GrpcService, type ServerCall } from "../../../src/grpc/server.ts";
import { ExportTraceServiceRequestSchema } from "../../../src/xds/gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { AnyValue, KeyValue } from "../../../src/xds/gen/opentelemetry/proto/common/v1/common_pb.ts";
import { Span_SpanKind, Status_StatusCode } from "../../../src/xds/gen/opentelemetry/proto/trace/v1/trace_pb.ts";

const TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: string;
  /** Microseconds since 1970, and from the first to the last of it. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly tags: Readonly<Record<string, string>>;
  /** What is beside the tags: of Zipkin's form endpoints and `shared`, of OTLP's the state. */
  readonly rest: Readonly<Record<string, unknown>>;
}

interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly tags?: Readonly<Record<string, string>>;
}

function ofZipkin(span: ZipkinSpan): ReceivedSpan {
  const { traceId, id, parentId = "", name, kind, timestamp, duration, tags = {}, ...rest } = span;
  return { traceId, id, parentId, name, kind, startUs: timestamp, durationUs: duration, tags, rest };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function textOf(value: AnyValue | undefined): string {
  return String(value?.value.value ?? "");
}

function tagsOf(attributes: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, textOf(value)]));
}

const KINDS = Object.fromEntries(Object.entries(Span_SpanKind).map(([name, number]) => [number, name]));
const STATES = Object.fromEntries(Object.entries(Status_StatusCode).map(([name, number]) => [number, name]));

/** A call or a request that brought spans. */
export interface Report {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of OTLP's resource. */
  readonly resource: Readonly<Record<string, string>>;
  /** Name and version of OTLP's scope. */
  readonly scope: string;
}

export class Collector {
  readonly #http: Bun.Server<undefined>;
  readonly #grpc: GrpcListener;
  spans: ReceivedSpan[] = [];
  reports: Report[] = [];
  /** What HTTP is answered. */
  status = 202;

  constructor() {
    this.#http = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#hear(request) });
    const service = new GrpcService({ [TRACES]: (call) => this.#open(call) });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#grpc = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
  }

  get httpPort(): number {
    return this.#http.port!;
  }

  get grpcPort(): number {
    return this.#grpc.port;
  }

  restart(): void {
    this.spans = [];
    this.reports = [];
    this.status = 202;
  }

  async #hear(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const headers = Object.fromEntries(request.headers);
    if (headers["content-type"] === "application/x-protobuf")
      this.#take(path, headers, new Uint8Array(await request.arrayBuffer()));
    else {
      const spans = (await request.json()) as readonly ZipkinSpan[];
      this.reports.push({ path, headers, resource: {}, scope: "" });
      this.spans.push(...spans.map(ofZipkin));
    }
    return new Response(null, { status: this.status });
  }

  #open(call: ServerCall): CallHandler {
    const { metadata } = call;
    const headers: Record<string, string> = {};
    for (let i = 0; i < metadata.length; i += 2) headers[metadata[i]!] = metadata[i + 1]!;
    return {
      onMessage: (bytes) => {
        this.#take(TRACES, headers, bytes);
        call.send(new Uint8Array(0));
        call.end();
      },
      onEnd() {},
      onCancel() {},
    };
  }

  #take(path: string, headers: Record<string, string>, bytes: Uint8Array): void {
    for (const { resource, scopeSpans } of decoded(ExportTraceServiceRequestSchema, bytes).resourceSpans)
      for (const { scope, spans } of scopeSpans) {
        const from = { path, headers, resource: tagsOf(resource?.attributes ?? []) };
        this.reports.push({ ...from, scope: `${scope?.name} ${scope?.version}` });
        for (const span of spans)
          this.spans.push({
            traceId: hex(span.traceId),
            id: hex(span.spanId),
            parentId: hex(span.parentSpanId),
            name: span.name,
            kind: KINDS[span.kind]!,
            startUs: Number(span.startTimeUnixNano / 1_000n),
            durationUs: Number((span.endTimeUnixNano - span.startTimeUnixNano) / 1_000n),
            tags: tagsOf(span.attributes),
            rest: { state: STATES[span.status?.code ?? 0], traceState: span.traceState },
          });
      }
  }

  stop(): void {
    void this.#http.stop(true);
    this.#grpc.stop();
  }
}

function decoded<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  return fromBinary(schema, bytes);
}
