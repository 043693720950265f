// Times and counts that a client may not exceed (HttpConnectionManager), with raw sockets: the same on Envoy and on this proxy.

import { afterEach, describe, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { PREFACE } from "../http/h2/frame.ts";
import { FrameLog, GET as H2_GET, headers, POST, SETTINGS } from "../http/h2/raw-peer.ts";
import { TestEnvoy } from "./envoy-fixture.ts";
import { httpFilter, listener, type Message, routeTo, staticCluster, TestProxy } from "./proxy-fixture.ts";
import { answering, connectRaw, type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const envoyProgram = findComponent("envoy");
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

interface Server {
  client(): Promise<RawPeer>;
}

type Start = (upstream: RawServer, settings: Message) => Promise<Server>;

const startHeddle: Start = async (upstream, settings) => {
  const proxy = new TestProxy({ ports: [upstream.port], settings });
  open.push(proxy);
  return proxy;
};

const startEnvoy: Start = async (upstream, settings) => {
  const filter = httpFilter({ name: "http", routes: [routeTo("upstream")], settings });
  const resources = { listeners: [listener("http", filter)], clusters: [staticCluster("upstream", [upstream.port])] };
  const envoy = new TestEnvoy(envoyProgram ?? "envoy", resources);
  open.push(envoy);
  const port = await envoy.port();
  return { client: () => connectRaw(port) };
};

function silent(): RawServer {
  const server = new RawServer();
  open.push(server);
  return server;
}

function helpful(): RawServer {
  const server = answering(OK);
  open.push(server);
  return server;
}

/** What came on an HTTP/2 connection, a line for each frame. */
function frames(client: RawPeer): readonly string[] {
  const log = new FrameLog();
  log.read(Buffer.from(client.text, "latin1"));
  return log.lines;
}

/** Sends a byte every few milliseconds until the other side has had enough. */
async function trickle(client: RawPeer): Promise<void> {
  while (!client.ended && !client.text.includes("\r\n\r\n")) {
    client.send("x");
    await Bun.sleep(20);
  }
}

const proxies: readonly (readonly [string, Start, boolean])[] = [
  ["Heddle", startHeddle, false],
  ["Envoy (needs envoy)", startEnvoy, !envoyProgram && process.env.CI !== "true"],
];

for (const [name, start, skip] of proxies) {
  describe.skipIf(skip)(name, () => {
    test("stream_idle_timeout: a body that stops coming is answered 408, and a response that does not come 504", async () => {
      const proxy = await start(silent(), { stream_idle_timeout: "0.15s" });
      const slow = await proxy.client();
      slow.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
      await slow.hears("HTTP/1.1 408 ");
      await slow.hears("stream timeout");
      const waiting = await proxy.client();
      waiting.send(GET);
      await waiting.hears("HTTP/1.1 504 ");
    });

    test("stream_idle_timeout: bytes that move keep a stream", async () => {
      const upstream = silent();
      // Long beside what a busy machine leaves between two bytes, and shorter than all of them take.
      const proxy = await start(upstream, { stream_idle_timeout: "1s" });
      const client = await proxy.client();
      client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 30\r\n\r\n");
      for (let i = 0; i < 30; i++) {
        client.send("x");
        await Bun.sleep(40);
      }
      const peer = await upstream.connection(0);
      await peer.hears("x".repeat(30));
      peer.send(OK);
      await client.hears("HTTP/1.1 200 ");
    });

    test("request_headers_timeout: a head that is not whole in time is answered 408", async () => {
      const proxy = await start(helpful(), { request_headers_timeout: "0.15s" });
      const client = await proxy.client();
      client.send("GET / HTTP/1.1\r\nhost: ");
      await client.hears("HTTP/1.1 408 ");
      await client.isClosed();
    });

    test("request_timeout: a body that trickles is answered 408, however lively", async () => {
      const proxy = await start(silent(), { request_timeout: "0.3s" });
      const client = await proxy.client();
      client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000\r\n\r\n");
      await trickle(client);
      expect(client.text).toStartWith("HTTP/1.1 408 ");
    });

    test("request_timeout: a request that came in time may wait for its response", async () => {
      const upstream = silent();
      const proxy = await start(upstream, { request_timeout: "0.15s" });
      const client = await proxy.client();
      client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
      const peer = await upstream.connection(0);
      await peer.hears("abc");
      await Bun.sleep(300);
      peer.send(OK);
      await client.hears("HTTP/1.1 200 ");
    });

    test("idle_timeout: a connection without a request is closed", async () => {
      const proxy = await start(helpful(), {
        common_http_protocol_options: { idle_timeout: "0.2s" },
        drain_timeout: "0.1s",
      });
      const client = await proxy.client();
      client.send(GET);
      await client.hears("ok");
      await client.isClosed();
    });

    test("max_connection_duration: a connection that is old enough is closed", async () => {
      const common_http_protocol_options = { max_connection_duration: "0.2s" };
      const proxy = await start(helpful(), { common_http_protocol_options, drain_timeout: "0.1s" });
      const client = await proxy.client();
      client.send(GET);
      await client.hears("ok");
      await client.isClosed();
    });

    test("max_connection_duration: what is under way is finished", async () => {
      const upstream = silent();
      const common_http_protocol_options = { max_connection_duration: "0.1s" };
      const proxy = await start(upstream, { common_http_protocol_options, drain_timeout: "0.1s" });
      const client = await proxy.client();
      client.send(GET);
      const peer = await upstream.connection(0);
      await peer.hears("\r\n\r\n");
      await Bun.sleep(400);
      expect(client.ended).toBe(false);
      peer.send(OK);
      await client.hears("ok");
      expect(client.text).toContain("connection: close");
      await client.isClosed();
    });

    test("max_stream_duration: a request that takes too long is answered in its upstream's stead", async () => {
      const proxy = await start(silent(), { common_http_protocol_options: { max_stream_duration: "0.15s" } });
      const client = await proxy.client();
      client.send(GET);
      await client.hears("downstream duration timeout");
      expect(client.text).toStartWith("HTTP/1.1 504 ");
    });

    test("max_headers_count: one too many is answered 431", async () => {
      const proxy = await start(helpful(), { common_http_protocol_options: { max_headers_count: 3 } });
      const enough = await proxy.client();
      enough.send("GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-b: 2\r\n\r\n");
      await enough.hears("HTTP/1.1 200 ");
      const many = await proxy.client();
      many.send("GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-b: 2\r\nx-c: 3\r\n\r\n");
      await many.hears("HTTP/1.1 431 ");
    });

    test("max_requests_per_connection: the last response says so, and the connection is closed", async () => {
      const proxy = await start(helpful(), { common_http_protocol_options: { max_requests_per_connection: 2 } });
      const client = await proxy.client();
      client.send(GET);
      await client.hears("ok");
      expect(client.text).not.toContain("connection: close");
      client.send(GET);
      await client.hears("connection: close");
      await client.isClosed();
      expect(client.text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    });

    test.each(["ALLOW", "DROP_HEADER", "REJECT_REQUEST"])("headers_with_underscores_action: %s", async (action) => {
      const upstream = helpful();
      const options = { headers_with_underscores_action: action };
      const proxy = await start(upstream, { common_http_protocol_options: options });
      const client = await proxy.client();
      client.send("GET / HTTP/1.1\r\nhost: a\r\nx_a: 1\r\nx-b: 2\r\n\r\n");
      await client.hears(action === "REJECT_REQUEST" ? "HTTP/1.1 400 " : "HTTP/1.1 200 ");
      if (action === "REJECT_REQUEST") await client.isClosed();
      expect(upstream.text.includes("x_a: 1")).toBe(action === "ALLOW");
      expect(upstream.text.includes("x-b: 2")).toBe(action !== "REJECT_REQUEST");
    });

    test("HTTP/2: a stream with an underscore in a name is reset, and the connection lives on", async () => {
      const options = { headers_with_underscores_action: "REJECT_REQUEST" };
      const proxy = await start(helpful(), { common_http_protocol_options: options });
      const client = await proxy.client();
      client.send(Buffer.concat([PREFACE, SETTINGS, headers(1, [...H2_GET, "x_a", "1"], true)]));
      await until("a reset", () => frames(client).some((line) => line.startsWith("rstStream 1 ")));
      client.send(headers(3, H2_GET, true));
      await until("an answer", () => frames(client).some((line) => line.startsWith("headers 3 :status=200")));
    });

    test("HTTP/2: max_requests_per_connection ends in GOAWAY, and what was begun is answered", async () => {
      const proxy = await start(helpful(), { common_http_protocol_options: { max_requests_per_connection: 2 } });
      const client = await proxy.client();
      client.send(Buffer.concat([PREFACE, SETTINGS, headers(1, H2_GET, true)]));
      await until("an answer", () => frames(client).some((line) => line.startsWith("headers 1 :status=200")));
      expect(frames(client).some((line) => line.startsWith("goaway"))).toBe(false);
      client.send(headers(3, H2_GET, true));
      await until("GOAWAY", () => frames(client).some((line) => line.startsWith("goaway")));
      await until("the last answer", () => frames(client).some((line) => line.startsWith("headers 3 :status=200")));
    });

    test("HTTP/2: a slow body is answered 408 on its stream alone", async () => {
      const proxy = await start(silent(), { request_timeout: "0.15s" });
      const client = await proxy.client();
      client.send(Buffer.concat([PREFACE, SETTINGS, headers(1, POST)]));
      await until("an answer", () => frames(client).some((line) => line.startsWith("headers 1 :status=408")));
      expect(client.ended).toBe(false);
    });
  });
}
