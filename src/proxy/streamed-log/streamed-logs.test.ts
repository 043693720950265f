// Streams of entries whose service is slow, silent or there for the last time.

import { afterEach, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { until } from "../../base/until-fixture.ts";
import { listenGrpc } from "../../grpc/listen.ts";
import { type CallHandler, GrpcService, type ServerCall } from "../../grpc/server.ts";
import { StreamAccessLogsMessageSchema } from "../../xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import {
  httpFilter,
  listener,
  type Message,
  routeTo,
  setListener,
  staticCluster,
  TestProxy,
} from "../proxy-fixture.ts";
import { answering, RawServer } from "../raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Hears entries, and ends a stream when its client does. */
class Service {
  paths: string[] = [];
  opened = 0;
  ended = 0;
  readonly #grpc = listenGrpc(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    undefined,
    new GrpcService({ "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs": (call) => this.#hear(call) }),
    () => ({ principal: "", address: "127.0.0.1" }),
  );

  get port(): number {
    return this.#grpc.port;
  }

  #hear(call: ServerCall): CallHandler {
    this.opened++;
    return {
      onMessage: (bytes) => {
        const { logEntries: by } = fromBinary(StreamAccessLogsMessageSchema, bytes);
        if (by.case === "httpLogs") this.paths.push(...by.value.logEntry.map(({ request }) => request?.path ?? ""));
      },
      onEnd: () => {
        this.ended++;
        call.end();
      },
      onCancel() {},
    };
  }

  close(): void {
    this.#grpc.stop();
  }
}

/** More requests than entries of theirs can wait. */
const ASKED = 80;

const HTTP2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** A proxy that logs requests to `port`, with all of their field x-long. */
function logging(port: number, flush: string, idleMs?: number) {
  const upstream = answering(...Array.from({ length: ASKED }, () => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  const clusters = [staticCluster("upstream", [upstream.port]), staticCluster("logs", [port], HTTP2)];
  const proxy = new TestProxy({ bootstrap: { static_resources: { clusters } }, admin: true });
  const { configuration } = proxy.proxy;
  if (idleMs !== undefined) configuration.streamedLogs.idleMs = idleMs;
  const log: Message = {
    name: "envoy.access_loggers.http_grpc",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
      common_config: {
        log_name: "mine",
        grpc_service: { envoy_grpc: { cluster_name: "logs" } },
        transport_api_version: "V3",
        buffer_flush_interval: flush,
      },
      additional_request_headers_to_log: ["x-long"],
    },
  };
  const filter = httpFilter({ name: "logged", routes: [routeTo("upstream")], settings: { access_log: [log] } });
  setListener(configuration, listener("logged", filter));
  open.push(proxy, upstream);
  return {
    proxy,
    stats: () => configuration.streamedLogs.stats.get("grpc_access_log"),
    ask: async (path: string, field = "") => {
      const client = await proxy.connect(configuration.listenerManager.listeners.get("logged")!.port);
      client.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-long: ${field}\r\n\r\n`);
      await client.hears("200 OK");
    },
  };
}

test("a stream that has nothing to say ends, and the next entry begins another", async () => {
  const service = new Service();
  open.push(service);
  const { ask } = logging(service.port, "0.01s", 30);
  await ask("/first");
  await until("the end of the stream", () => service.ended === 1);
  await ask("/second");
  await until("the second entry", () => service.paths.length === 2);
  expect(service).toMatchObject({ paths: ["/first", "/second"], opened: 2 });
});

test("what waits at the proxy's end is told, and so is a service that nothing was told before", async () => {
  const service = new Service();
  open.push(service);
  const { ask, proxy } = logging(service.port, "60s");
  for (const path of ["/a", "/b"]) await ask(path);
  expect(service.opened).toBe(0);
  await proxy.close();
  expect(service).toMatchObject({ paths: ["/a", "/b"], opened: 1, ended: 1 });
});

test("a service that reads nothing has a bounded number of entries wait, holds nobody up, and the rest is counted", async () => {
  const silent = new RawServer();
  open.push({ close: () => silent.close() });
  const { ask, stats } = logging(silent.port, "0.01s");
  const field = "x".repeat(40_000);
  for (let i = 0; i < ASKED; i++) await ask("/", field);
  await until("all entries", () => (stats()?.written ?? 0) + (stats()?.dropped ?? 0) === ASKED);
  // At most 1 MiB waits, and as much again may have gone to the stream at once before its window was full.
  expect(stats()!.dropped).toBeGreaterThanOrEqual(ASKED - Math.ceil((2 * 1024 * 1024) / field.length) - 1);
  expect(stats()!.written).toBeGreaterThanOrEqual(26);
});
