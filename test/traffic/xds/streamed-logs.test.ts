// Access logs that are streamed: to Envoy's access log service, and in OTLP.

import { afterAll, beforeEach, expect } from "bun:test";
import { toJson } from "@bufbuild/protobuf";
import { until } from "../../../src/base/until-fixture.ts";
import {
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from "../../../src/xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { ExportLogsServiceRequestSchema } from "../../../src/xds/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { collectorCluster } from "./collector-cluster.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { LogReceiver } from "./log-receiver.ts";
import { type Message, typed } from "./message.ts";
import type { ProxyProcess } from "./process.ts";
import { traffic } from "./traffic.ts";

const receiver = new LogReceiver();
afterAll(() => receiver.stop());
beforeEach(() => receiver.restart());

/** Most wait for one entry, not for Envoy's second. */
function common(fields: Message = {}): Message {
  return {
    log_name: "mine",
    grpc_service: { envoy_grpc: { cluster_name: "logs" } },
    transport_api_version: "V3",
    buffer_flush_interval: "0.05s",
    ...fields,
  };
}

function logger(kind: "HttpGrpc" | "TcpGrpc" | "OpenTelemetry", fields: Message, of: Message = common()): Message {
  const place = kind === "OpenTelemetry" ? "open_telemetry" : "grpc";
  const config = { common_config: of, ...fields };
  return {
    name: `envoy.access_loggers.${kind}`,
    typed_config: typed(`extensions.access_loggers.${place}.v3.${kind}AccessLogConfig`, config),
  };
}

const clusters = { logs: collectorCluster(receiver.port, "http2") };

function told(log: Message, more: CaseConfiguration = {}): CaseConfiguration & { readonly legs: typeof DIRECT } {
  return { ...more, clusters, manager: { ...more.manager, access_log: [log] }, legs: DIRECT };
}

const duration = expect.stringMatching(/^\d+\.\d+s$/);
const count = expect.stringMatching(/^[1-9]\d*$/);
const address = {
  socketAddress: { address: expect.stringMatching(/^127\.\d+\.\d+\.\d+$/), portValue: expect.any(Number) },
};

const HTTP = logger("HttpGrpc", {
  additional_request_headers_to_log: ["X-A", "x-none"],
  additional_response_headers_to_log: ["content-type"],
});
const ASKED = {
  method: "POST",
  body: "body",
  headers: { "x-a": "1", "user-agent": "a test", referer: "http://before" },
} as const;

traffic(
  "a request has an entry, and the first message says who speaks",
  told(HTTP),
  async ({ client, application }) => {
    application.v1.answers({ kind: "respond", body: "hello" });
    await client.request("/path?query", ASKED);
    await until("an entry", () => receiver.http.length > 0);
    const [{ identifier }] = receiver.messages as [(typeof receiver.messages)[0]];
    expect([identifier?.logName, identifier?.node?.id, identifier?.node?.cluster]).toEqual([
      "mine",
      "lab~client",
      "client",
    ]);
    expect(toJson(HTTPAccessLogEntrySchema, receiver.http[0]!)).toMatchObject({
      commonProperties: {
        downstreamRemoteAddress: address,
        downstreamDirectRemoteAddress: address,
        downstreamLocalAddress: address,
        startTime: expect.any(String),
        timeToLastRxByte: duration,
        timeToFirstUpstreamTxByte: duration,
        timeToLastUpstreamTxByte: duration,
        timeToFirstUpstreamRxByte: duration,
        timeToLastUpstreamRxByte: duration,
        timeToFirstDownstreamTxByte: duration,
        timeToLastDownstreamTxByte: duration,
        upstreamRemoteAddress: address,
        upstreamLocalAddress: address,
        upstreamCluster: "upstream",
        routeName: "default",
        duration,
        downstreamWireBytesReceived: count,
        downstreamWireBytesSent: count,
        upstreamWireBytesReceived: count,
        upstreamWireBytesSent: count,
        upstreamRequestAttemptCount: 1,
        streamId: receiver.http[0]!.request!.requestId,
        accessLogType: "DownstreamEnd",
      },
      protocolVersion: "HTTP11",
      request: {
        requestMethod: "POST",
        scheme: "http",
        authority: "upstream.test",
        path: "/path?query",
        userAgent: "a test",
        referer: "http://before",
        requestHeadersBytes: expect.any(String),
        requestBodyBytes: "4",
        downstreamHeaderBytesReceived: count,
        upstreamHeaderBytesSent: count,
        requestHeaders: { "x-a": "1" },
      },
      response: {
        responseCode: 200,
        responseHeadersBytes: expect.any(String),
        responseBodyBytes: "5",
        downstreamHeaderBytesSent: count,
        upstreamHeaderBytesReceived: count,
        responseCodeDetails: "via_upstream",
      },
    });
    await client.request("/again");
    await until("another entry", () => receiver.http.length > 1);
    expect(receiver.opened).toHaveLength(1);
    expect(receiver.messages.map((message) => message.identifier !== undefined)).toEqual([true, false]);
  },
);

traffic(
  "why a request failed is in its flags, and tags are in its entry",
  told(
    logger(
      "HttpGrpc",
      {},
      common({
        custom_tags: [
          { tag: "who", literal: { value: "me" } },
          { tag: "agent", request_header: { name: "user-agent", default_value: "none" } },
        ],
      }),
    ),
    { endpoints: ["closed"] },
  ),
  async ({ client }) => {
    await client.request("/", { headers: { "user-agent": "a test" } });
    await until("an entry", () => receiver.http.length > 0);
    const entry = toJson(HTTPAccessLogEntrySchema, receiver.http[0]!);
    expect(entry).toMatchObject({
      commonProperties: {
        responseFlags: { upstreamConnectionFailure: true },
        customTags: { who: "me", agent: "a test" },
        upstreamTransportFailureReason: expect.any(String),
      },
      response: { responseCode: 503 },
    });
  },
);

traffic(
  "a byte stream has an entry",
  { clusters, endpoints: ["bytes"], tcp: { access_log: [logger("TcpGrpc", {})] }, legs: DIRECT },
  async ({ client }) => {
    const raw = await client.connect();
    raw.send("hello");
    await raw.hears("hello");
    raw.reset();
    await until("an entry", () => receiver.tcp.length > 0);
    expect(toJson(TCPAccessLogEntrySchema, receiver.tcp[0]!)).toMatchObject({
      commonProperties: {
        downstreamRemoteAddress: address,
        upstreamRemoteAddress: address,
        upstreamCluster: "upstream",
        duration,
        downstreamWireBytesReceived: "5",
        downstreamWireBytesSent: "5",
        upstreamWireBytesReceived: "5",
        upstreamWireBytesSent: "5",
        accessLogType: "TcpConnectionEnd",
      },
      connectionProperties: { receivedBytes: "5", sentBytes: "5" },
    });
  },
);

traffic(
  "a service that ended the stream is told in another, which says again who speaks",
  told(HTTP),
  async (given) => {
    const { client } = given;
    await client.request("/");
    await until("an entry", () => receiver.http.length > 0);
    receiver.endStreams();
    receiver.restart();
    await until("an entry in another stream", async () => {
      await client.request("/again");
      return receiver.http.length > 0;
    });
    expect(receiver.messages[0]?.identifier?.logName).toBe("mine");
  },
);

const text = (value: string) => ({ string_value: value });
const OTLP = logger("OpenTelemetry", {
  body: text("%REQ(:METHOD)% %RESPONSE_CODE% %REQ(X-NONE)%"),
  attributes: {
    values: [
      { key: "code", value: text("%RESPONSE_CODE%") },
      { key: "fields", value: { kvlist_value: { values: [{ key: "protocol", value: text("by %PROTOCOL%") }] } } },
      { key: "list", value: { array_value: { values: [text("%PROTOCOL%"), text("constant")] } } },
    ],
  },
  resource_attributes: { values: [{ key: "who", value: text("me") }] },
});

traffic("a request has a record of OTLP", told(OTLP), async ({ client, process }) => {
  await client.request("/", { method: "POST", body: "body" });
  await until("a record", () => receiver.exports.length > 0);
  const said = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  expect(toJson(ExportLogsServiceRequestSchema, receiver.exports[0]!)).toEqual({
    resourceLogs: [
      {
        resource: {
          attributes: [
            said("log_name", "mine"),
            said("zone_name", "here"),
            said("cluster_name", "client"),
            said("node_name", "lab~client"),
            said("who", "me"),
          ],
        },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: expect.stringMatching(/^\d{19}$/),
                body: { stringValue: "POST 200 -" },
                attributes: [
                  said("code", "200"),
                  { key: "fields", value: { kvlistValue: { values: [said("protocol", "by HTTP/1.1")] } } },
                  {
                    key: "list",
                    value: { arrayValue: { values: [{ stringValue: "HTTP/1.1" }, { stringValue: "constant" }] } },
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
  await until("the count", async () => (await counted(process, "open_telemetry_access_log_logs_written")) > 0);
});

async function counted(process: ProxyProcess, name: string): Promise<number> {
  const stats = await process.admin("/stats/prometheus");
  return Number(new RegExp(`^envoy_access_logs_${name}(?:{[^}]*})? (\\d+)$`, "m").exec(stats)?.[1] ?? 0);
}

traffic(
  "a service that is not there holds nobody up",
  { ...told(HTTP), clusters: { logs: { endpoints: ["closed"] } } },
  async ({ client, process }) => {
    const before = await counted(process, "grpc_access_log_logs_written");
    for (let i = 0; i < 3; i++) expect((await client.request("/")).status).toBe(200);
    await until("the count", async () => (await counted(process, "grpc_access_log_logs_written")) >= before + 3);
    expect(receiver.opened).toEqual([]);
  },
);
