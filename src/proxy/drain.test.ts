import { afterEach, describe, expect, test } from "bun:test";
import type { Configuration } from "./configuration.ts";
import {
  httpFilter,
  listener,
  type Message,
  setCluster,
  setListener,
  socketAddress,
  staticCluster,
  TestProxy,
} from "./proxy-fixture.ts";
import { closedPort, connectRaw, type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";

const TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
/** Long enough that a stream is seen to live on in it, short enough to wait for its end. */
const DRAIN_MS = 200;

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function bytes(name: string): Message {
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: { "@type": TCP_PROXY, stat_prefix: name, cluster: "echo" },
  };
}

/** Two chains: `http` is taken by who speaks HTTP/1.1, `other` by everybody else. */
function byProtocol(http: Message, other: Message): Message {
  const inspector = "type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
  return {
    ...listener("tcp", other),
    listener_filters: [{ name: "http_inspector", typed_config: { "@type": inspector } }],
    filter_chains: [
      { name: "http", filter_chain_match: { application_protocols: ["http/1.1"] }, filters: [http] },
      { name: "other", filters: [other] },
    ],
  };
}

function serve(listenerDrainMs = DRAIN_MS): { configuration: Configuration; stop(): Promise<void> } {
  const echo = new RawServer((peer) => peer.send("x"));
  const { proxy } = new TestProxy({ listenerDrainMs });
  open.push({ close: () => proxy.stop() }, echo);
  setCluster(proxy.configuration, staticCluster("echo", [echo.port]));
  setListener(proxy.configuration, {
    ...listener("tcp", bytes("a")),
    filter_chains: [{ name: "first", filters: [bytes("a")] }],
  });
  return { configuration: proxy.configuration, stop: () => proxy.stop() };
}

async function stream({ listenerManager }: Configuration, first = "ping"): Promise<RawPeer> {
  const peer = await connectRaw(listenerManager.listeners.get("tcp")!.port);
  open.push({ close: () => peer.reset() });
  await answers(peer, first);
  return peer;
}

async function answers(peer: RawPeer, question = "ping"): Promise<void> {
  const before = peer.bytes;
  peer.send(question);
  await until("an answer", () => peer.bytes > before);
}

test("a byte stream of a listener that goes lives through its drain time, and no longer", async () => {
  const { configuration } = serve();
  const peer = await stream(configuration);
  configuration.listenerManager.removeListener("tcp");
  await answers(peer);
  expect(configuration.connections).toBe(1);
  await peer.isClosed();
  await until("the listener is forgotten", () => configuration.connections === 0);
});

test("a byte stream of a chain that changed ends so too; the new chain serves at once", async () => {
  const { configuration } = serve();
  const before = await stream(configuration);
  setListener(configuration, {
    ...listener("tcp", bytes("b")),
    filter_chains: [{ name: "first", filters: [bytes("b")] }],
  });
  const after = await stream(configuration);
  await answers(before);
  await before.isClosed();
  await answers(after);
  expect(configuration.connections).toBe(1);
});

test("a byte stream of a chain that stays outlives the drain time of one that changed beside it", async () => {
  const { configuration } = serve();
  setListener(configuration, byProtocol(bytes("a"), bytes("b")));
  const stays = await stream(configuration, "GET / HTTP/1.1\r\n\r\n");
  const goes = await stream(configuration);
  setListener(configuration, byProtocol(bytes("a"), bytes("c")));
  await answers(goes);
  await goes.isClosed();
  await answers(stays);
  expect(configuration.connections).toBe(1);
});

test("who has not spoken yet when the proxy begins to end is served", async () => {
  const { configuration } = serve(60_000);
  setListener(configuration, byProtocol(bytes("a"), bytes("b")));
  const peer = await connectRaw(configuration.listenerManager.listeners.get("tcp")!.port);
  open.push({ close: () => peer.reset() });
  await until("it is accepted", () => configuration.listenerManager.listeners.get("tcp")!.stats.accepted === 1);
  configuration.drain();
  await answers(peer);
});

test("who has not spoken yet when its listener is replaced gets the new one, and is served by one that is removed while it drains", async () => {
  const { configuration } = serve(600);
  setListener(configuration, byProtocol(bytes("a"), bytes("b")));
  const { port } = configuration.listenerManager.listeners.get("tcp")!;
  const [early, late, silent] = [await connectRaw(port), await connectRaw(port), await connectRaw(port)];
  for (const peer of [early, late, silent]) open.push({ close: () => peer.reset() });
  await until("all are accepted", () => configuration.listenerManager.listeners.get("tcp")!.stats.accepted === 3);
  setListener(configuration, byProtocol(bytes("a"), bytes("c")));
  await answers(early);
  expect(configuration.connections).toBe(1); // of the listener in force, and of none that leaves
  configuration.listenerManager.removeListener("tcp");
  await answers(late);
  await late.isClosed();
  silent.send("ping");
  await silent.isClosed();
  expect(silent.text).toBe("");
});

test("the end of the proxy cuts off what is left", async () => {
  const { configuration, stop } = serve(60_000);
  const peer = await stream(configuration);
  await stop();
  await peer.isClosed();
});

describe("who waits in the queue of a socket", () => {
  const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  const direct = (code: number) =>
    httpFilter({ name: "l", routes: [{ match: { prefix: "/" }, direct_response: { status: code } }] });

  /** On loopback the handshake is over when connect(2) returns, and nobody accepts before the turn is over. */
  function queued(port: number): Promise<RawPeer>[] {
    return Array.from({ length: 3 }, async () => {
      const peer = await connectRaw(port);
      open.push({ close: () => peer.reset() });
      peer.send(GET);
      return peer;
    });
  }

  const portOf = ({ listenerManager }: Configuration) => listenerManager.listeners.get("tcp")!.port;

  async function answered(peers: readonly Promise<RawPeer>[], code: number): Promise<void> {
    for (const peer of await Promise.all(peers)) await peer.hears(`HTTP/1.1 ${code} `);
  }

  test("is served when the listener is removed, and others are refused", async () => {
    const { configuration } = serve();
    setListener(configuration, listener("tcp", direct(204)));
    const port = portOf(configuration);
    const peers = queued(port);
    configuration.listenerManager.removeListener("tcp");
    await answered(peers, 204);
    for (const peer of await Promise.all(peers)) await peer.isClosed();
    await expect(connectRaw(port)).rejects.toThrow();
  });

  test("is served when the proxy begins to end", async () => {
    const { configuration } = serve();
    setListener(configuration, listener("tcp", direct(204)));
    const peers = queued(portOf(configuration));
    configuration.drain();
    await answered(peers, 204);
  });

  test.each([
    ["another backlog", { tcp_backlog_size: 7 }],
    ["the same socket", {}],
  ])("is served by the listener that replaces theirs: %s", async (_, fields) => {
    const { configuration } = serve();
    const address = socketAddress(closedPort());
    setListener(configuration, { ...listener("l", direct(204)), address });
    const { port } = configuration.listenerManager.listeners.get("l")!;
    const peers = queued(port);
    setListener(configuration, { ...listener("l", direct(205), fields), address });
    await answered(peers, 205);
    await answered(queued(port), 205);
    configuration.listenerManager.removeListener("l");
    await expect(connectRaw(port)).rejects.toThrow();
  });
});
