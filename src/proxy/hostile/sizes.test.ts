// What is too large or too much (class 17 of docs/security.md), of clients and of upstreams, and connections beyond the limit (class 16).

import { afterEach, describe, expect, test } from "bun:test";
import { GET, headers } from "../../http/h2/raw-peer.ts";
import { type Message, type ProxyParts, TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer, until } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function start(parts: ProxyParts = {}, upstream = answering(OK)): { proxy: TestProxy; upstream: RawServer } {
  const proxy = new TestProxy({ ports: [upstream.port], ...parts });
  open.push({ proxy, upstream });
  return { proxy, upstream };
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

const TOO_MUCH: Readonly<Record<string, readonly [string, string]>> = {
  "a head above 60 KiB": [
    `GET / HTTP/1.1\r\nhost: a\r\nx-a: ${"a".repeat(62_000)}\r\n\r\n`,
    "431 DPE http1.headers_too_large",
  ],
  "101 fields": [`GET / HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(100)}\r\n`, "431 DPE http1.too_many_headers"],
  "101 cookies": [
    `GET / HTTP/1.1\r\nhost: a\r\n${"cookie: a=1\r\n".repeat(100)}\r\n`,
    "431 DPE http1.too_many_headers",
  ],
  "a target above 32 KiB": [`GET /${"a".repeat(33_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, "414 DPE http1.target_too_long"],
  "a target without end": [`GET /${"a".repeat(70_000)}`, "414 DPE http1.target_too_long"],
};

describe("requests", () => {
  for (const [what, [bytes, line]] of Object.entries(TOO_MUCH)) {
    test(`${what} is refused as it comes`, async () => {
      const { proxy, upstream } = start();
      const client = await proxy.sends(bytes);
      await client.isClosed();
      expect(client.text).toStartWith(`HTTP/1.1 ${line.slice(0, 3)} `);
      client.reset();
      await proxy.isRelieved();
      expect(upstream.connections).toHaveLength(0);
      expect(await proxy.log(1)).toEqual([`${line} 0`]);
    });
  }

  test("so they are on HTTP/2, stream by stream", async () => {
    const { proxy, upstream } = start();
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, [...GET, ...Array(101).fill(["x-a", "1"]).flat()], true));
    client.send(headers(3, [...GET, ":path", "/"], true));
    await client.hears("headers 1 end :status=431");
    await client.hears("rstStream 3 protocolError");
    client.send(headers(5, GET, true));
    await client.hears("headers 5 :status=200");
    expect(upstream.text.split("GET /").length - 1).toBe(1);
  });

  test("the limits are the listener's", async () => {
    const { proxy } = start({
      settings: { max_request_headers_kb: 1, common_http_protocol_options: { max_headers_count: 5 } },
    });
    const large = await proxy.sends(`GET / HTTP/1.1\r\nhost: a\r\nx-a: ${"a".repeat(1_100)}\r\n\r\n`);
    await large.hears("HTTP/1.1 431 ");
    const many = await proxy.sends(`GET / HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(5)}\r\n`);
    await many.hears("HTTP/1.1 431 ");
    const enough = await proxy.sends(`GET / HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(4)}\r\n`);
    await enough.hears("HTTP/1.1 200 ");
  });
});

const ANSWERS: Readonly<Record<string, string>> = {
  "a head above 60 KiB": `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(62_000)}\r\ncontent-length: 0\r\n\r\n`,
  "a head without end": `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(70_000)}`,
  "101 fields": `HTTP/1.1 200 OK\r\n${"x-a: 1\r\n".repeat(101)}content-length: 0\r\n\r\n`,
  "two lengths": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
  "both framings": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "a bare LF": "HTTP/1.1 200 OK\nx-a: 1\r\ncontent-length: 0\r\n\r\n",
  "NUL in a value": "HTTP/1.1 200 OK\r\nx-a: \0\r\ncontent-length: 0\r\n\r\n",
  "a folded field": "HTTP/1.1 200 OK\r\nx-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n",
  "a status out of range": "HTTP/1.1 999 OK\r\ncontent-length: 0\r\n\r\n",
  "a 101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
  "no HTTP": "SSH-2.0-OpenSSH_9.9\r\n\r\n",
};

describe("answers", () => {
  for (const [what, bytes] of Object.entries(ANSWERS)) {
    test(`${what}: 502, and the connection is not used again`, async () => {
      const { proxy, upstream } = start({}, answering(bytes));
      const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.hears("HTTP/1.1 502 ");
      await (await upstream.connection(0)).isClosed();
      expect((await proxy.log(1))[0]).toBe("502 UPE upstream_reset_before_response_started{protocol_error} 1");
    });
  }

  test("what comes behind an answer is nobody's next answer", async () => {
    const { proxy, upstream } = start({}, answering(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged`, OK));
    for (let i = 0; i < 2; i++) {
      const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.hears("ok");
      expect(client.text).not.toContain("forged");
    }
    expect(upstream.connections).toHaveLength(2);
  });
});

const LIMIT =
  "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";

function limited(max: number): Message {
  const monitor = {
    name: "envoy.resource_monitors.global_downstream_max_connections",
    typed_config: { "@type": LIMIT, max_active_downstream_connections: max },
  };
  return { overload_manager: { resource_monitors: [monitor] } };
}

describe("connections", () => {
  test("beyond the limit are closed at once; one that goes makes room", async () => {
    const { proxy } = start({ bootstrap: limited(3) });
    const { admission } = proxy.proxy.configuration;
    const kept = await Promise.all([1, 2, 3].map(() => proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n")));
    for (const client of kept) await client.hears("ok");
    const refused = await Promise.all(Array.from({ length: 20 }, () => proxy.client()));
    for (const client of refused) await client.isClosed();
    expect(admission).toMatchObject({ active: 3, refused: 20 });
    expect(proxy.proxy.configuration.listenerManager.listeners.get("http")!.stats.overflows).toBe(20);
    kept[0]!.reset();
    await until("there is room", () => admission.active === 2);
    const next = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await next.hears("ok");
  });

  test("the limit is a share of the descriptors where none is set, and none of 0", () => {
    const { proxy } = start();
    expect(proxy.proxy.configuration.admission.max).toBeGreaterThan(100);
    expect(() => new TestProxy({ bootstrap: limited(0) })).toThrow("max_active_downstream_connections");
  });
});
