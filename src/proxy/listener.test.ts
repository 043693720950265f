import { afterEach, expect, test } from "bun:test";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { type RunningProxy, startProxy } from "./main.ts";
import { type Message, parse, socketAddress, staticCluster } from "./proxy-fixture.ts";
import { connectRaw, type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";

const TYPES = "type.googleapis.com/envoy.extensions";
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function echoing(): RawServer {
  const seen = new WeakMap<RawPeer, number>();
  const server = new RawServer((peer) => {
    const from = seen.get(peer) ?? 0;
    seen.set(peer, peer.text.length);
    peer.send(peer.text.slice(from));
  });
  open.push(server);
  return server;
}

/** A TCP proxy of one listener with these fields. */
function proxyOf(upstream: RawServer, fields: Message, bootstrapFields: Message = {}): RunningProxy {
  const filter = {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: { "@type": `${TYPES}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: "t", cluster: "upstream" },
  };
  const listener = { name: "tcp", address: socketAddress(0), filter_chains: [{ filters: [filter] }], ...fields };
  const resources = { listeners: [listener], clusters: [staticCluster("upstream", [upstream.port])] };
  const bootstrap = parse(BootstrapSchema, { static_resources: resources, ...bootstrapFields });
  const proxy = startProxy({ bootstrap, version: "test", drainMs: 0, listenerDrainMs: 0, reusePort: false });
  open.push({ close: () => proxy.stop() });
  return proxy;
}

async function client(port: number): Promise<RawPeer> {
  const peer = await connectRaw(port);
  open.push({ close: () => peer.reset() });
  return peer;
}

test("every address of a listener leads to the same chains", async () => {
  const ports = [0, 0].map(() => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    server.stop(true);
    return server.port;
  });
  proxyOf(echoing(), { additional_addresses: ports.map((port) => ({ address: socketAddress(port) })) });
  for (const port of ports) {
    const peer = await client(port);
    peer.send("hello");
    await peer.hears("hello");
  }
});

test("an address that is taken keeps the whole listener closed", async () => {
  const taken = echoing();
  const proxy = proxyOf(echoing(), { additional_addresses: [{ address: socketAddress(taken.port) }] });
  expect(proxy.configuration.listeners.get("tcp")?.port ?? 0).toBe(0);
});

test("more connections than the proxy may have are closed, and counted; one that goes makes room", async () => {
  const monitor = {
    name: "envoy.resource_monitors.global_downstream_max_connections",
    typed_config: {
      "@type": `${TYPES}.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`,
      max_active_downstream_connections: 2,
    },
  };
  const proxy = proxyOf(echoing(), {}, { overload_manager: { resource_monitors: [monitor] } });
  const { port, stats } = proxy.configuration.listeners.get("tcp")!;
  const [first, second] = [await client(port), await client(port)];
  for (const peer of [first, second]) {
    peer.send("hello");
    await peer.hears("hello");
  }
  const third = await client(port);
  await third.isClosed();
  expect([third.text, stats.overflows]).toEqual(["", 1]);
  first.reset();
  await until("room for another", () => proxy.configuration.connections === 1);
  const fourth = await client(port);
  fourth.send("again");
  await fourth.hears("again");
});

test.each([
  ["large", 1024 * 1024],
  ["small", 16 * 1024],
])("what waits for a slow upstream is bounded by the listener's limit: %s", async (_, limit) => {
  const upstream = new RawServer();
  open.push(upstream);
  const { configuration } = proxyOf(upstream, { per_connection_buffer_limit_bytes: limit });
  const peer = await client(configuration.listeners.get("tcp")!.port);
  peer.send("x");
  const connection = await upstream.connection(0);
  await connection.hears("x");
  connection.socket!.pause();
  connection.keepsText = false;
  const body = new Uint8Array(32 * 1024 * 1024);
  peer.send(body);
  let before = -1;
  let still = 0;
  await until("the client is held up", () => {
    still = peer.unsent === before ? still + 1 : 0;
    before = peer.unsent;
    return still > 50;
  });
  expect(peer.unsent).toBeGreaterThan(0);
  connection.socket!.resume();
  while (connection.bytes < body.length) {
    const now = connection.bytes;
    await until("more bytes", () => connection.bytes > now);
  }
  expect(peer.unsent).toBe(0);
});

test("a backlog is asked for, and connections come", async () => {
  const { configuration } = proxyOf(echoing(), { tcp_backlog_size: 7 });
  const { port } = configuration.listeners.get("tcp")!;
  const shown = Bun.spawnSync(["ss", "-ltnH", `sport = :${port}`])
    .stdout.toString()
    .trim()
    .split(/\s+/);
  if (shown.length > 2) expect(shown[2]).toBe("7");
  const peer = await client(port);
  peer.send("hello");
  await peer.hears("hello");
});
