// HTTP/2 requests that would be others in HTTP/1.1 (class 4 of docs/security.md): reset, with no byte of them at the upstream.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { data, headers, POST } from "../../http/h2/raw-peer.ts";
import { TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

let upstream: RawServer;
let proxy: TestProxy;

beforeAll(() => {
  upstream = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  proxy = new TestProxy({ ports: [upstream.port] });
});
afterAll(async () => {
  await proxy.close();
  upstream.close();
});

function get(changes: Readonly<Record<string, string>>, ...more: string[]): string[] {
  const fields = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "a", ...changes };
  return [...Object.entries(fields).flat(), ...more];
}

const MALFORMED: Readonly<Record<string, readonly string[]>> = {
  "CR LF in a value": get({}, "x-a", "1\r\nx-b: 2"),
  "NUL in a value": get({}, "x-a", "1\0"),
  "LF in a name": get({}, "x\nb", "1"),
  "a colon in a name": get({}, "x-a:b", "1"),
  "upper case in a name": get({}, "X-A", "1"),
  "transfer-encoding": get({}, "transfer-encoding", "chunked"),
  connection: get({}, "connection", "x-forwarded-for"),
  upgrade: get({}, "upgrade", "websocket"),
  "te that is no trailers": get({}, "te", "chunked"),
  "a space in :path": get({ ":path": "/ HTTP/1.1" }),
  "CR LF in :path": get({ ":path": "/\r\nx: y" }),
  "an absolute :path": get({ ":path": "http://b/" }),
  "a space in :method": get({ ":method": "GET /smuggled" }),
  "CR LF in :method": get({ ":method": "GET / HTTP/1.1\r\nx:" }),
  "user information in :authority": get({ ":authority": "b@a" }),
  "two :authority": [...get({}), ":authority", "b"],
  "two :path": [":method", "GET", ":scheme", "http", ":path", "/", ":path", "/admin", ":authority", "a"],
  "host beside another :authority": get({}, "host", "b"),
  "a pseudo-header behind a field": ["x-a", "1", ...get({})],
  "two lengths": get({}, "content-length", "1", "content-length", "2"),
  "a list as length": get({}, "content-length", "1, 1"),
  "a length and no body": get({}, "content-length", "5"),
};

describe("a malformed request is reset, and the connection serves on", () => {
  for (const [what, fields] of Object.entries(MALFORMED)) {
    test(what, async () => {
      const seen = upstream.text.length;
      const client = await Http2Peer.open(proxy);
      client.send(headers(1, fields, true));
      await client.hears("rstStream 1 protocolError");
      expect(upstream.text.length).toBe(seen);
      client.send(headers(3, get({ ":path": "/after" }), true));
      await client.hears("headers 3 :status=200");
    });
  }
});

describe("a body that is not as long as its length", () => {
  test("more of it is never delivered (CVE-2026-48743)", async () => {
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, [...POST, "content-length", "3"]), data(1, "abcGET /smuggled HTTP/1.1\r\n\r\n", true));
    await client.hears("rstStream 1 protocolError");
    client.send(headers(3, get({ ":path": "/after" }), true));
    await client.hears("headers 3 :status=200");
    expect(upstream.text).not.toContain("smuggled");
  });

  test("less of it ends the upstream's request unfinished", async () => {
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, [...POST, "content-length", "9"]), data(1, "abc", true));
    await client.hears("rstStream 1 protocolError");
    for (const connection of upstream.connections.filter(({ text }) => text.includes("content-length: 9")))
      await connection.isClosed();
  });
});

test("each has its line in the log, as what broke the protocol", async () => {
  const log = await proxy.log(Object.keys(MALFORMED).length);
  const broken = log.filter((line) => line.startsWith("0 DPE http2.violation.of.messaging.rule"));
  expect(broken.length).toBeGreaterThanOrEqual(Object.keys(MALFORMED).length);
});
