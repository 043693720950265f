// Requests that two parties would cut or read differently (classes 1, 6 and 7 of docs/security.md): smuggling, splitting, confused hosts.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer } from "../raw-peer-fixture.ts";

// One proxy and one upstream for all: nothing of a refused request may reach the upstream.
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

const HEAD = "POST /a HTTP/1.1\r\nhost: a\r\n";

const REFUSED: Readonly<Record<string, string>> = {
  "a TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP at all\r\n\r\n",
  "a line of text": "HELO mail.example.com\r\n\r\n",
  "a version of the future": "GET / HTTP/3.7\r\nhost: a\r\n\r\n",
  "both lengths": `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  "two different lengths": `${HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`,
  "a list of different lengths": `${HEAD}content-length: 5, 6\r\n\r\nhello`,
  "a signed length": `${HEAD}content-length: +5\r\n\r\nhello`,
  "a length above 2^53": `${HEAD}content-length: 99999999999999999999\r\n\r\nhello`,
  "chunked not last": `${HEAD}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  "chunked twice": `${HEAD}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
  "a transfer coding with a vertical tab": `${HEAD}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
  "a folded field": `${HEAD}x-a: 1\r\n folded: 2\r\n\r\n`,
  "a bare LF between fields": "GET / HTTP/1.1\r\nhost: a\nx-a: 1\r\n\r\n",
  "a bare CR in a value": "GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-b: 2\r\n\r\n",
  "NUL in a name": "GET / HTTP/1.1\r\nhost: a\r\nx-\0a: 1\r\n\r\n",
  "NUL in a value": "GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\x002\r\n\r\n",
  "a space before the colon": "GET / HTTP/1.1\r\nhost: a\r\nx-a : 1\r\n\r\n",
  "a space in a name": "GET / HTTP/1.1\r\nhost: a\r\nx a: 1\r\n\r\n",
  "a space before the first field": "GET / HTTP/1.1\r\n host: a\r\n\r\n",
  "an empty name": "GET / HTTP/1.1\r\nhost: a\r\n: 1\r\n\r\n",
  "no host": "GET / HTTP/1.1\r\nx-a: 1\r\n\r\n",
  "two hosts": "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
  "a space in the target": "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
};

describe("what cannot be read alike by all is refused, and the upstream sees nothing of it", () => {
  let seen = 0;
  beforeEach(() => {
    seen = upstream.connections.length;
  });

  for (const [what, bytes] of Object.entries(REFUSED)) {
    test(what, async () => {
      const client = await proxy.sends(bytes);
      await client.isClosed();
      expect(client.text).toMatch(/^HTTP\/1\.1 (400|501|505) /);
      expect(client.text).toContain("\r\nconnection: close\r\n");
      expect(client.text.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1);
      expect(upstream.connections.length).toBe(seen);
    });
  }

  test("too many fields", async () => {
    const client = await proxy.sends(`GET / HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(101)}\r\n`);
    await client.isClosed();
    expect(client.text).toStartWith("HTTP/1.1 431 ");
    expect(upstream.connections.length).toBe(seen);
  });

  test("a head without end", async () => {
    const client = await proxy.sends(`GET / HTTP/1.1\r\nhost: a\r\nx-a: ${"a".repeat(70_000)}`);
    await client.isClosed();
    expect(client.text).toStartWith("HTTP/1.1 431 ");
    expect(upstream.connections.length).toBe(seen);
  });
});

test("a bad chunk ends the request at the upstream too, unfinished", async () => {
  const client = await proxy.sends(`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nrest`);
  await client.isClosed();
  expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
  for (const { text } of upstream.connections) expect(text).not.toContain("zz");
  for (const connection of upstream.connections.filter(({ text }) => text.includes("abc"))) {
    await connection.isClosed();
    expect(connection.text).not.toContain("0\r\n\r\n");
  }
});

test("nothing that follows a refused request on its connection is served", async () => {
  const client = await proxy.sends(
    `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`,
  );
  await client.isClosed();
  expect(upstream.text).not.toContain("smuggled");
});

test("the proxy serves on after all that", async () => {
  const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.hears("\r\n\r\nok");
});
