import { afterEach, test } from "bun:test";
import { httpFilter, listener, type Message, routeTo, setListener, TestProxy } from "./proxy-fixture.ts";
import { connectRaw, RawServer } from "./raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const EXTENSIONS = "type.googleapis.com/envoy.extensions";

const TCP: Message = {
  name: "envoy.filters.network.tcp_proxy",
  typed_config: {
    "@type": `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: "tcp",
    cluster: "upstream",
  },
};

const SNIFFS: Message = {
  listener_filters: [
    {
      name: "envoy.filters.listener.http_inspector",
      typed_config: { "@type": `${EXTENSIONS}.filters.listener.http_inspector.v3.HttpInspector` },
    },
  ],
  listener_filters_timeout: "5s",
};

/** A client of a listener with this filter, in front of a server that does nothing on its own. */
async function clientOf(filter: Message, changes: Message = {}) {
  const upstream = new RawServer();
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  const { configuration } = proxy.proxy;
  setListener(configuration, listener("bytes", filter, changes));
  const client = await connectRaw(configuration.listenerManager.listeners.get("bytes")!.port);
  open.push({ close: () => client.reset() });
  return { client, upstream };
}

test("a server that speaks first is heard, and each end's end passes on alone", async () => {
  const { client, upstream } = await clientOf(TCP);
  const server = await upstream.connection(0);
  server.send("220 ready\n");
  await client.hears("220 ready\n");
  client.send("helo");
  client.end();
  await server.hears("helo");
  await server.isClosed();
  server.send("250 ok\n");
  server.end();
  await client.hears("250 ok\n");
  await client.isClosed();
});

test("a client's end that comes before its host is reached is told to the host", async () => {
  const { client, upstream } = await clientOf(TCP, SNIFFS);
  client.send("PO"); // the start of a method: it is the end that decides
  client.end();
  const server = await upstream.connection(0);
  await server.hears("PO");
  await server.isClosed();
  server.send("an answer");
  server.end();
  await client.hears("an answer");
});

test("a client that ends inside of its first request line is not waited for", async () => {
  const requests = httpFilter({ name: "http", routes: [routeTo("upstream")] });
  const { client } = await clientOf(requests, SNIFFS);
  client.send("GET / HTT");
  client.end();
  await client.isClosed();
});
