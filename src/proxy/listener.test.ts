import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { type TestCertificate, testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { clientHello } from "./client-hello-fixture.ts";
import { type RunningProxy, startProxy } from "./main.ts";
import { type Message, parse, setListener, socketAddress, staticCluster } from "./proxy-fixture.ts";
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

const TO_UPSTREAM = {
  name: "envoy.filters.network.tcp_proxy",
  typed_config: { "@type": `${TYPES}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: "t", cluster: "upstream" },
};

/** A TCP proxy of one listener with these fields. */
function proxyOf(upstream: RawServer, fields: Message, bootstrapFields: Message = {}): RunningProxy {
  const listener = { name: "tcp", address: socketAddress(0), filter_chains: [{ filters: [TO_UPSTREAM] }], ...fields };
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

test("every address of a listener leads to the same chains, and is the proxy's own", async () => {
  const ports = [0, 0].map(() => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    server.stop(true);
    return server.port;
  });
  const { configuration } = proxyOf(echoing(), {
    additional_addresses: ports.map((port) => ({ address: socketAddress(port) })),
  });
  for (const port of ports) {
    expect(configuration.isOwnPort(port)).toBe(true);
    const peer = await client(port);
    peer.send("hello");
    await peer.hears("hello");
  }
});

test("an address that is taken keeps the whole listener closed", async () => {
  const taken = echoing();
  const proxy = proxyOf(echoing(), { additional_addresses: [{ address: socketAddress(taken.port) }] });
  expect(proxy.configuration.listenerManager.listeners.get("tcp")?.port ?? 0).toBe(0);
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
  const { port, stats } = proxy.configuration.listenerManager.listeners.get("tcp")!;
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

test("connections to chains with TLS of their own are counted before the handshake, and no more than once", async () => {
  const root = testRoot(Date.now());
  const tlsOf = ({ pem, keyPem }: TestCertificate): Message => ({
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TYPES}.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { inline_string: pem }, private_key: { inline_string: keyPem } }],
      },
    },
  });
  const chains = ["a.example", "b.example"].map((name) => ({
    filter_chain_match: { server_names: [name] },
    filters: [TO_UPSTREAM],
    transport_socket: tlsOf(testLeaf(root, `spiffe://cluster.local/${name}`, Date.now())),
  }));
  const upstream = echoing();
  const proxy = proxyOf(upstream, {
    listener_filters: [
      {
        name: "envoy.filters.listener.tls_inspector",
        typed_config: { "@type": `${TYPES}.filters.listener.tls_inspector.v3.TlsInspector` },
      },
    ],
    filter_chains: chains,
  });
  const { admission } = proxy.configuration;
  const { port } = proxy.configuration.listenerManager.listeners.get("tcp")!;
  const silent = await client(port);
  await until("who says nothing counts", () => admission.active === 1);
  const { promise, resolve } = Promise.withResolvers<string>();
  const secure = tls.connect({ host: "127.0.0.1", port, servername: "b.example", rejectUnauthorized: false });
  secure.on("secureConnect", () => secure.write("hello"));
  secure.on("data", (chunk: Buffer) => resolve(chunk.toString("latin1")));
  expect(await promise).toBe("hello");
  expect(admission.active).toBe(2);
  silent.reset();
  await until("one is gone", () => admission.active === 1);
  // The hello names the chain and the client says no more: the handshake began and comes to nothing.
  const stuck = await client(port);
  stuck.send(await clientHello("a.example", []));
  await until("the handshake counts", () => admission.active === 2);
  await until("the server answers it", () => stuck.bytes > 0);
  stuck.reset();
  await until("it is given up", () => admission.active === 1);
  const stranger = tls.connect({ host: "127.0.0.1", port, servername: "c.example", rejectUnauthorized: false });
  stranger.on("error", () => {});
  await new Promise((closed) => stranger.on("close", closed));
  await until("no chain, no connection", () => admission.active === 1);
  secure.end();
  (await upstream.connection(0)).end();
  await until("nobody is left", () => admission.active === 0);
});

test.each([
  ["large", 1024 * 1024],
  ["small", 16 * 1024],
])("what waits for a slow upstream is bounded by the listener's limit: %s", async (_, limit) => {
  const upstream = new RawServer();
  open.push(upstream);
  const { configuration } = proxyOf(upstream, { per_connection_buffer_limit_bytes: limit });
  const peer = await client(configuration.listenerManager.listeners.get("tcp")!.port);
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
  const { port } = configuration.listenerManager.listeners.get("tcp")!;
  const shown = Bun.spawnSync(["ss", "-ltnH", `sport = :${port}`])
    .stdout.toString()
    .trim()
    .split(/\s+/);
  if (shown.length > 2) expect(shown[2]).toBe("7");
  const peer = await client(port);
  peer.send("hello");
  await peer.hears("hello");
});

test("a listener on a Unix socket: it keeps the file while it is replaced, also by one of another kind, and takes it away at its end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-pipe-"));
  open.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const path = join(folder, "s.sock");
  const address = { pipe: { path, mode: 0o600 } };
  const { configuration } = proxyOf(echoing(), { address });
  const echoes = () =>
    new Promise<string>((resolve) => {
      const socket = connect(path, () => socket.write("hello"));
      socket.once("error", ({ message }) => resolve(message));
      socket.once("data", (chunk) => {
        resolve(chunk.toString());
        socket.destroy();
      });
    });
  expect(await echoes()).toBe("hello");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const changed: Message = { name: "tcp", address, filter_chains: [{ name: "other", filters: [TO_UPSTREAM] }] };
  setListener(configuration, changed);
  expect(await echoes()).toBe("hello");
  setListener(configuration, { ...changed, tcp_backlog_size: 64 });
  expect(await echoes()).toBe("hello");
  configuration.listenerManager.removeListener("tcp");
  expect(existsSync(path)).toBe(false);
});
