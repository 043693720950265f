// Chunked bodies that two parties would cut differently (class 2 of docs/security.md): refused, and the upstream's request ends unfinished.

import { describe, expect, test } from "bun:test";
import { TestProxy } from "../proxy-fixture.ts";
import { RawServer } from "../raw-peer-fixture.ts";

const HEAD = "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

const REFUSED: Readonly<Record<string, readonly [body: string, status: number]>> = {
  "a bare LF behind a size": ["3\nabc\r\n0\r\n\r\n", 400],
  "a bare LF behind the data": ["3\r\nabc\n0\r\n\r\n", 400],
  "a bare CR behind a size": ["3\rabc\r\n0\r\n\r\n", 400],
  "data longer than its size": ["3\r\nabcd\r\n0\r\n\r\n", 400],
  "a size that is no number": ["zz\r\nabc\r\n0\r\n\r\n", 400],
  "a signed size": ["+3\r\nabc\r\n0\r\n\r\n", 400],
  "a size with 0x": ["0x3\r\nabc\r\n0\r\n\r\n", 400],
  "a size behind white space": [" 3\r\nabc\r\n0\r\n\r\n", 400],
  "white space behind a size": ["3 \r\nabc\r\n0\r\n\r\n", 400],
  "a size above 2^53": ["fffffffffffffff\r\nabc", 400],
  "a size of too many digits": [`${"0".repeat(20)}3\r\nabc\r\n0\r\n\r\n`, 400],
  "no size": ["\r\nabc\r\n0\r\n\r\n", 400],
  "a bare LF in an extension": ["3;a\nb\r\nabc\r\n0\r\n\r\n", 400],
  "NUL in an extension": ["3;a\0\r\nabc\r\n0\r\n\r\n", 400],
  "extensions without end": [`${"1;a=1234567890\r\nx\r\n".repeat(400)}0\r\n\r\n`, 413],
  "a length among trailers": ["3\r\nabc\r\n0\r\ncontent-length: 5\r\n\r\n", 400],
  "a coding among trailers": ["3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", 400],
  "credentials among trailers": ["3\r\nabc\r\n0\r\nauthorization: Basic x\r\n\r\n", 400],
  "an identity among trailers": ["3\r\nabc\r\n0\r\nx-forwarded-for: 10.0.0.1\r\n\r\n", 400],
  "a folded trailer": ["3\r\nabc\r\n0\r\nx-a: 1\r\n 2\r\n\r\n", 400],
  "too many trailers": [`3\r\nabc\r\n0\r\n${"x-a: 1\r\n".repeat(101)}\r\n`, 431],
  "trailers without end": [`3\r\nabc\r\n0\r\nx-a: ${"a".repeat(70_000)}`, 431],
};

describe("a body that is not what its framing says", () => {
  for (const [what, [body, status]] of Object.entries(REFUSED)) {
    test(what, async () => {
      const upstream = new RawServer();
      const proxy = new TestProxy({ ports: [upstream.port] });
      try {
        const client = await proxy.sends(`${HEAD}${body}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`);
        await client.isClosed();
        expect(client.text).toStartWith(`HTTP/1.1 ${status} `);
        expect(client.text.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1);
        client.reset();
        await proxy.isRelieved();
        for (const connection of upstream.connections.filter(({ bytes }) => bytes > 0)) {
          await connection.isClosed();
          expect(connection.text).not.toContain("0\r\n\r\n");
          expect(connection.text).not.toContain("smuggled");
        }
        expect((await proxy.log(1)).join()).toMatch(/ DPE /);
      } finally {
        await proxy.close();
        upstream.close();
      }
    });
  }

  test("extensions are dropped and sizes written anew", async () => {
    const upstream = new RawServer((peer) => {
      if (peer.text.endsWith("0\r\n\r\n")) peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    const proxy = new TestProxy({ ports: [upstream.port] });
    const client = await proxy.sends(`${HEAD}0003;a=b;c="d"\r\nabc\r\n000\r\n\r\n`);
    await client.hears("HTTP/1.1 200 OK");
    expect(upstream.text).toEndWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    await proxy.close();
    upstream.close();
  });
});
