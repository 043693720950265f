// Envoy's access log entries become the series that Heddle's own proxy would have counted.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { configureLog } from "../base/log.ts";
import { until } from "../base/until-fixture.ts";
import { ClientCall } from "../grpc/client.ts";
import { GrpcService } from "../grpc/server.ts";
import type { GrpcStatus } from "../grpc/status.ts";
import { connectTo, type ServiceOnPort, serve } from "../grpc/test-wire.ts";
import { expositionText } from "../stats/exposition.ts";
import { encodePeerMetadata } from "../stats/peer-metadata.ts";
import { Registry } from "../stats/registry.ts";
import type { Traffic, Workload } from "../stats/traffic-labels.ts";
import { TrafficMetrics } from "../stats/traffic-metrics.ts";
import type {
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from "../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { StreamAccessLogsMessageSchema } from "../xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import { AccessLogReceiver, ALS_PATH } from "./access-log-receiver.ts";

const HOST = "golden-signal.default.svc.cluster.local";
const CLIENT_ID = "spiffe://cluster.local/ns/default/sa/client";
const SERVER_ID = "spiffe://cluster.local/ns/default/sa/golden-signal";
const base = { namespace: "default", canonicalRevision: "v1", version: "v1", cluster: "Kubernetes" };
const client: Workload = { ...base, name: "client", canonicalName: "client", app: "client" };
const server: Workload = { ...base, name: "golden-signal-v1", canonicalName: "golden-signal", app: "golden-signal" };
const service = { host: HOST, name: "golden-signal", namespace: "default" };

let running: ServiceOnPort | undefined;
beforeAll(() => configureLog({ level: "off" }));
afterAll(() => configureLog({ level: "info" }));
afterEach(() => running?.stop());

async function receiver(self: Workload, principal: string, reporter: string) {
  const registry = new Registry();
  const tested = new AccessLogReceiver(new TrafficMetrics(registry), self, () => principal);
  running = serve(new GrpcService({ [ALS_PATH]: tested.method }));
  const { promise: over, resolve } = Promise.withResolvers<GrpcStatus>();
  const listener = { onMessage() {}, onWritable() {}, onStatus: resolve };
  const connection = await connectTo(running.port);
  let call = new ClientCall(connection, ALS_PATH, { authority: "agent" }, listener);
  let identifier: { logName: string } | undefined = { logName: reporter };
  const send = (logEntries: MessageInitShape<typeof StreamAccessLogsMessageSchema>["logEntries"]) => {
    call.send(
      toBinary(
        StreamAccessLogsMessageSchema,
        create(StreamAccessLogsMessageSchema, { ...(identifier && { identifier }), ...(logEntries && { logEntries }) }),
      ),
    );
    identifier = undefined; // Envoy says it once
  };
  return {
    over,
    proxyEnded: () => tested.proxyEnded(),
    /** The stream breaks. */
    cut: () => call.cancel(),
    /** And there is another. */
    again() {
      identifier = { logName: reporter };
      call = new ClientCall(connection, ALS_PATH, { authority: "agent" }, listener);
    },
    raw: (bytes: Uint8Array) => call.send(bytes),
    http: (...logEntry: MessageInitShape<typeof HTTPAccessLogEntrySchema>[]) =>
      send({ case: "httpLogs", value: { logEntry } }),
    tcp: (...logEntry: MessageInitShape<typeof TCPAccessLogEntrySchema>[]) =>
      send({ case: "tcpLogs", value: { logEntry } }),
    series: (name: string) =>
      expositionText(registry, "text")
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`)),
  };
}

/** What Heddle's own proxy writes for one request of this traffic. */
function own(traffic: Traffic, grpcStatus: number, flags: string): string[] {
  const registry = new Registry();
  new TrafficMetrics(registry).requests(traffic).record(200, grpcStatus, flags, 5, 100, 200);
  return expositionText(registry, "text")
    .split("\n")
    .filter((line) => line.startsWith("istio_requests_total{"));
}

const answered = { responseCode: 200 };
const atSource: Traffic = {
  reporter: "source",
  protocol: "http",
  source: { workload: client, principal: CLIENT_ID },
  destination: { workload: { ...server, app: "", version: "" }, principal: SERVER_ID },
  service,
};
const customTags = {
  workload: "golden-signal-v1;default;golden-signal;v1;Kubernetes",
  principal: SERVER_ID,
  services: JSON.stringify([service]),
};

test("a client's requests have the labels of Heddle's own proxy; what a tunnel carries is counted, the tunnel is not", async () => {
  const tested = await receiver(client, CLIENT_ID, "source");
  tested.http({ commonProperties: { upstreamCluster: "forwardProxyTunnel" }, response: answered });
  tested.http({ commonProperties: { customTags }, response: answered });
  await until("the count", () => tested.series("istio_requests_total").length > 0);
  expect(tested.series("istio_requests_total")).toEqual(own(atSource, -1, "-"));
});

test("a client's request that reached no host is the service's of its cluster", async () => {
  const tested = await receiver(client, CLIENT_ID, "source");
  const refused = { responseCode: 503 };
  const request = { authority: "golden-signal" };
  for (const cluster of [
    "outbound|80|v1|golden-signal.shop.svc.cluster.local",
    "outbound|443||api.test",
    "PassthroughCluster",
  ])
    tested.http({ commonProperties: { customTags: { cluster } }, request, response: refused });
  await until("the counts", () => tested.series("istio_requests_total").length === 3);
  const label = (line: string, name: string) => new RegExp(`destination_service${name}="([^"]*)"`).exec(line)?.[1];
  expect(
    tested.series("istio_requests_total").map((line) => ["", "_name", "_namespace"].map((name) => label(line, name))),
  ).toEqual([
    ["golden-signal.shop.svc.cluster.local", "golden-signal", "shop"],
    ["api.test", "api.test", "unknown"],
    ["golden-signal", "PassthroughCluster", "unknown"],
  ]);
});

test("a server's gRPC calls have the caller's claim, its proven name, the status of the trailers and the flags", async () => {
  const tested = await receiver(server, SERVER_ID, "destination");
  tested.http({
    commonProperties: {
      tlsProperties: {
        tlsSniHostname: `outbound_.80_._.${HOST}`,
        peerCertificateProperties: { subjectAltName: [{ san: { case: "uri", value: CLIENT_ID } }] },
      },
      metadata: { filterMetadata: { "heddle.peer": { metadata: encodePeerMetadata(client) } } },
      responseFlags: { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true },
    },
    request: { requestHeaders: { "content-type": "application/grpc+proto" } },
    response: { ...answered, responseTrailers: { "grpc-status": "14" } },
  });
  const [line] = await until(
    "the count",
    () => tested.series("istio_requests_total")[0] && tested.series("istio_requests_total"),
  );
  const traffic: Traffic = {
    reporter: "destination",
    protocol: "grpc",
    source: { workload: client, principal: CLIENT_ID },
    destination: { workload: server, principal: SERVER_ID },
    service,
  };
  expect([line!]).toEqual(own(traffic, 14, "UF,URX"));
  expect(line).toContain('connection_security_policy="mutual_tls"');
});

test("a connection's bytes are counted while it lives, each once", async () => {
  const tested = await receiver(client, CLIENT_ID, "source");
  const report = (sent: bigint, received: bigint, intermediateLogEntry: boolean) =>
    tested.tcp({
      commonProperties: { streamId: "1", customTags, intermediateLogEntry },
      connectionProperties: { sentBytes: sent, receivedBytes: received },
    });
  const value = (name: string) => tested.series(name)[0]?.split(" ").at(-1);
  report(10n, 1n, true);
  await until("the first bytes", () => value("istio_tcp_sent_bytes_total") === "10");
  report(15n, 2n, true);
  report(20n, 3n, false);
  await until("the end", () => value("istio_tcp_connections_closed_total") === "1");
  expect(value("istio_tcp_connections_opened_total")).toBe("1");
  expect(value("istio_tcp_sent_bytes_total")).toBe("20");
  expect(value("istio_tcp_received_bytes_total")).toBe("3");
});

describe("connections that are open", () => {
  async function world() {
    const tested = await receiver(client, CLIENT_ID, "source");
    const value = (name: string) => Number(tested.series(name)[0]?.split(" ").at(-1) ?? 0);
    return {
      ...tested,
      report: (streamId: string, sent: bigint, intermediateLogEntry = true) =>
        tested.tcp({
          commonProperties: { streamId, customTags, intermediateLogEntry },
          connectionProperties: { sentBytes: sent },
        }),
      opened: () => value("istio_tcp_connections_opened_total"),
      closed: () => value("istio_tcp_connections_closed_total"),
      sent: () => value("istio_tcp_sent_bytes_total"),
    };
  }

  for (const order of ["before", "after"] as const) {
    test(`are closed with an Envoy that ends ${order} its stream, once; another Envoy's are not`, async () => {
      const tested = await world();
      tested.report("1", 10n);
      tested.report("2", 5n);
      tested.report("2", 7n, false);
      await until("the bytes", () => tested.sent() === 17);
      expect([tested.opened(), tested.closed()]).toEqual([2, 1]);
      if (order === "before") tested.proxyEnded();
      tested.cut();
      if (order === "after") tested.proxyEnded();
      await until("the end", () => tested.closed() === 2);
      tested.again();
      tested.report("3", 3n);
      await until("the bytes", () => tested.sent() === 20);
      expect([tested.opened(), tested.closed()]).toEqual([3, 2]);
    });
  }

  test("live on with an Envoy that makes its stream anew: neither they nor their bytes are counted twice", async () => {
    const tested = await world();
    tested.report("1", 10n);
    await until("the bytes", () => tested.sent() === 10);
    tested.cut();
    tested.again();
    tested.report("1", 12n);
    await until("the bytes", () => tested.sent() === 12);
    expect([tested.opened(), tested.closed()]).toEqual([1, 0]);
    tested.report("1", 13n, false);
    await until("the end", () => tested.closed() === 1);
    expect([tested.opened(), tested.sent()]).toEqual([1, 13]);
  });
});

test("entries without anything, with metadata that lies, and bytes that are no entries harm nobody", async () => {
  const tested = await receiver(client, CLIENT_ID, "source");
  tested.http(
    {},
    { commonProperties: { customTags: { services: "{", workload: ";;" } } },
    { commonProperties: { customTags: { services: "null" } } },
  );
  await until("the count", () => tested.series("istio_requests_total").length > 0);
  tested.raw(Buffer.from([0xff, 0xff]));
  expect(await tested.over).toMatchObject({ code: "INVALID_ARGUMENT" });
});
