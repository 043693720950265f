// Who access logs are streamed to: Envoy's access log service and OTLP's logs, and what came by them.

import { fromBinary } from "@bufbuild/protobuf";
import { type GrpcListener, listenGrpc } from "../../../src/grpc/listen.ts";
import { type CallHandler, GrpcService, type ServerCall } from "../../../src/grpc/server.ts";
import type {
  HTTPAccessLogEntry,
  TCPAccessLogEntry,
} from "../../../src/xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import {
  type StreamAccessLogsMessage,
  StreamAccessLogsMessageSchema,
} from "../../../src/xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
} from "../../../src/xds/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";

const ALS = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const OTLP = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

export class LogReceiver {
  readonly #grpc: GrpcListener;
  readonly #calls = new Set<ServerCall>();
  messages: StreamAccessLogsMessage[] = [];
  exports: ExportLogsServiceRequest[] = [];
  /** Calls that were opened, by the path of each. */
  opened: string[] = [];

  constructor() {
    const service = new GrpcService({ [ALS]: (call) => this.#stream(call), [OTLP]: (call) => this.#export(call) });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#grpc = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
  }

  get port(): number {
    return this.#grpc.port;
  }

  restart(): void {
    this.messages = [];
    this.exports = [];
    this.opened = [];
  }

  get http(): readonly HTTPAccessLogEntry[] {
    return this.messages.flatMap(({ logEntries: by }) => (by.case === "httpLogs" ? by.value.logEntry : []));
  }

  get tcp(): readonly TCPAccessLogEntry[] {
    return this.messages.flatMap(({ logEntries: by }) => (by.case === "tcpLogs" ? by.value.logEntry : []));
  }

  /** Ends every stream that is open, as a service does that restarts. */
  endStreams(): void {
    for (const call of this.#calls) call.end();
    this.#calls.clear();
  }

  #stream(call: ServerCall): CallHandler {
    this.opened.push(ALS);
    this.#calls.add(call);
    const over = () => this.#calls.delete(call);
    return {
      onMessage: (bytes) => this.messages.push(fromBinary(StreamAccessLogsMessageSchema, bytes)),
      onEnd: over,
      onCancel: over,
    };
  }

  #export(call: ServerCall): CallHandler {
    this.opened.push(OTLP);
    return {
      onMessage: (bytes) => {
        this.exports.push(fromBinary(ExportLogsServiceRequestSchema, bytes));
        call.send(new Uint8Array(0));
        call.end();
      },
      onEnd() {},
      onCancel() {},
    };
  }

  stop(): void {
    this.#grpc.stop();
  }
}
