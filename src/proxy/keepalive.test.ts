// Peers of the proxy that stop answering, on HTTP/2 connections either way and on the stream to the control plane; and TCP's own probes.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { FRAME } from "../http/h2/frame.ts";
import { frame } from "../http/h2/raw-peer.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { startProxy } from "./main.ts";
import {
  httpFilter,
  listener,
  type Message,
  parse,
  routeTo,
  setListener,
  staticCluster,
  TestProxy,
} from "./proxy-fixture.ts";
import { answering, RawServer, until } from "./raw-peer-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS = frame(FRAME.settings, 0, 0);
const KEEPALIVE = { connection_keepalive: { interval: "0.05s", timeout: "0.1s" } };
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function http2(options: Message): Message {
  return {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: options },
      },
    },
  };
}

/** Greets, and then says nothing. */
function silent(): RawServer {
  const greeted = new WeakSet<object>();
  const server = new RawServer((peer) => {
    if (greeted.has(peer)) return;
    greeted.add(peer);
    peer.send(SETTINGS);
  });
  open.push(server);
  return server;
}

test("an upstream that stops answering PINGs is given up, and its requests fail", async () => {
  const proxy = new TestProxy({ ports: [silent().port], cluster: http2(KEEPALIVE) });
  open.push(proxy);
  const client = await proxy.sends(GET);
  await client.hears("HTTP/1.1 503 ");
  expect(await proxy.log(1)).toEqual(["503 UC upstream_reset_before_response_started{connection_termination} 1"]);
});

test("a client that stops answering PINGs is given up", async () => {
  const proxy = new TestProxy({ settings: { http2_protocol_options: KEEPALIVE } });
  open.push(proxy);
  const client = await proxy.sends(PREFACE);
  client.send(SETTINGS);
  await client.hears("keepaliv");
  await client.isClosed();
});

test("a control plane that stops answering PINGs is asked anew", async () => {
  const control = silent();
  const ads: Message = { ads: {}, resource_api_version: "V3" };
  const source = {
    api_type: "DELTA_GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
  };
  const bootstrap = parse(BootstrapSchema, {
    node: { id: "test", cluster: "test" },
    static_resources: { clusters: [staticCluster("xds-grpc", [control.port], http2(KEEPALIVE))] },
    dynamic_resources: { ads_config: source, cds_config: ads, lds_config: ads },
  });
  const proxy = startProxy({ bootstrap, version: "test", drainMs: 0, reusePort: false });
  open.push({ close: () => proxy.stop() });
  await control.connection(1);
  expect(control.connections[0]!.ended).toBe(true);
});

test("a keepalive without a time-out is refused, as Envoy does", () => {
  const filter = httpFilter({
    name: "h",
    routes: [routeTo("upstream")],
    settings: { http2_protocol_options: { connection_keepalive: { interval: "1s" } } },
  });
  const proxy = new TestProxy({});
  open.push(proxy);
  expect(() => setListener(proxy.proxy.configuration, listener("h", filter))).toThrow("connection_keepalive.timeout");
});

/** What the kernel says of the connection's timer: `02` is keep-alive, then when it rings, in hundredths of a second. */
function keepaliveTimer(localPort: number, remotePort: number): number | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const [, local = "", remote = "", , , timer = ""] = line.trim().split(/\s+/);
    if (!local.endsWith(`:${hex(localPort)}`) || !remote.endsWith(`:${hex(remotePort)}`)) continue;
    const [kind, when = ""] = timer.split(":");
    return kind === "02" ? Number.parseInt(when, 16) / 100 : undefined;
  }
  return undefined;
}

test.skipIf(process.platform !== "linux")(
  "TCP's keep-alive has the times that are configured (needs Linux)",
  async () => {
    const upstream = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    const tcp_keepalive = { keepalive_probes: 3, keepalive_time: 77, keepalive_interval: 5 };
    const proxy = new TestProxy({
      ports: [upstream.port],
      cluster: { upstream_connection_options: { tcp_keepalive } },
    });
    open.push(upstream, proxy);
    const option = (level: number, name: number, value: number) => ({ level, name, int_value: value });
    const filter = httpFilter({ name: "kept", routes: [routeTo("upstream")] });
    const socket_options = [option(1, 9, 1), option(6, 4, 55), option(6, 5, 5), option(6, 6, 3)];
    setListener(proxy.proxy.configuration, listener("kept", filter, { socket_options }));
    const { port } = proxy.proxy.configuration.listenerManager.listeners.get("kept")!;
    const client = await proxy.connect(port);
    client.send(GET);
    await client.hears("ok");
    const down = keepaliveTimer(port, client.socket!.localPort);
    expect(down).toBeGreaterThan(40);
    expect(down).toBeLessThanOrEqual(55);
    const up = upstream.connections[0]!.socket!.remotePort;
    await until("the upstream connection's timer", () => keepaliveTimer(up, upstream.port) !== undefined);
    const upTimer = keepaliveTimer(up, upstream.port);
    expect(upTimer).toBeGreaterThan(60);
    expect(upTimer).toBeLessThanOrEqual(77);
  },
);
