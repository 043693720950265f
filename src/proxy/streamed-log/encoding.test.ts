import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { StreamAccessLogsMessageSchema } from "../../xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import { ExportLogsServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { LogRecordSchema } from "../../xds/gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { ResourceSchema } from "../../xds/gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import { entryFlags } from "./entry-flags.ts";
import { encodeEntries } from "./entry-stream.ts";
import { encodeRecords } from "./otlp-log.ts";

test("entries that are encoded already make a message of the service's", () => {
  const identifier = create(StreamAccessLogsMessageSchema, { identifier: { logName: "mine" } });
  const http = ["/a", "/b"].map((path) =>
    toBinary(HTTPAccessLogEntrySchema, create(HTTPAccessLogEntrySchema, { request: { path } })),
  );
  const first = encodeEntries("http", http, toBinary(StreamAccessLogsMessageSchema, identifier));
  expect(fromBinary(StreamAccessLogsMessageSchema, first)).toEqual(
    create(StreamAccessLogsMessageSchema, {
      identifier: { logName: "mine" },
      logEntries: {
        case: "httpLogs",
        value: { logEntry: [{ request: { path: "/a" } }, { request: { path: "/b" } }] },
      },
    }),
  );
  const tcp = create(TCPAccessLogEntrySchema, { connectionProperties: { sentBytes: 5n } });
  const next = encodeEntries("tcp", [toBinary(TCPAccessLogEntrySchema, tcp)], new Uint8Array(0));
  expect(fromBinary(StreamAccessLogsMessageSchema, next)).toEqual(
    create(StreamAccessLogsMessageSchema, { logEntries: { case: "tcpLogs", value: { logEntry: [tcp] } } }),
  );
});

test("records that are encoded already make a request of OTLP's", () => {
  const records = [1n, 2n].map((timeUnixNano) => create(LogRecordSchema, { timeUnixNano }));
  const resource = create(ResourceSchema, {
    attributes: [{ key: "a", value: { value: { case: "stringValue", value: "b" } } }],
  });
  const request = encodeRecords(
    records.map((record) => toBinary(LogRecordSchema, record)),
    toBinary(ResourceSchema, resource),
  );
  expect(fromBinary(ExportLogsServiceRequestSchema, request)).toEqual(
    create(ExportLogsServiceRequestSchema, { resourceLogs: [{ resource, scopeLogs: [{ logRecords: records }] }] }),
  );
});

test("flags are fields", () => {
  expect(entryFlags("-")).toBeUndefined();
  expect(entryFlags("UF,URX")).toEqual({ upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true });
});
