// Answers that come before the request is whole, and bytes that come before they are wanted (classes 3, 5 and 26 of docs/security.md): no
// byte of one message is ever read as another's.

import { describe, expect, test } from "bun:test";
import { data, frame, headers, POST } from "../../http/h2/raw-peer.ts";
import { TestProxy } from "../proxy-fixture.ts";
import { answering, RawServer, until } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NO = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";

async function between(upstream: RawServer, run: (proxy: TestProxy) => Promise<void>): Promise<void> {
  const proxy = new TestProxy({ ports: [upstream.port] });
  try {
    await run(proxy);
  } finally {
    await proxy.close();
    upstream.close();
  }
}

describe("early answers", () => {
  test("0.CL: what was sent as a body is the body, however early the answer", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
      const client = await proxy.sends(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${smuggled.length}\r\n\r\n`);
      await client.hears("\r\n\r\nok");
      client.send(`${smuggled}GET /honest HTTP/1.1\r\nhost: a\r\n\r\n`);
      await until("the second answer", () => client.text.split("HTTP/1.1 200").length === 3);
      expect(upstream.text).toContain("GET /honest HTTP/1.1");
      expect(upstream.text).not.toContain("smuggled");
      expect(await proxy.log(2)).toEqual(["200 - via_upstream 1", "200 - via_upstream 1"]);
    });
  });

  test("an upstream that was not sent everything is not used again", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const first = await proxy.sends("POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf");
      await first.hears("\r\n\r\nok");
      const second = await proxy.sends("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
      await second.hears("\r\n\r\nok");
      const [used, fresh] = [await upstream.connection(0), await upstream.connection(1)];
      await used.isClosed();
      expect(used.text).not.toContain("GET /2");
      expect(fresh.text).toStartWith("GET /2 ");
    });
  });

  test("a body that nobody waits for any more is dropped up to a bound, then the connection ends", () =>
    between(answering(OK), async (proxy) => {
      const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
      await client.hears("\r\n\r\nok");
      const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
      for (let i = 0; i < 16; i++) client.send(chunk);
      await client.isClosed();
      expect(proxy.held.bytes).toBe(0);
    }));

  test("an expectation that nobody can meet is 417, and its body is not taken for a request", () =>
    between(answering(OK), async (proxy) => {
      const client = await proxy.sends(
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 200-ok\r\ncontent-length: 37\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
      );
      await client.hears("HTTP/1.1 417 ");
      expect((await proxy.log(1))[0]).toBe("417 - expectation_failed 0");
    }));

  test("a final answer to a client that waits for a 100 ends the connection: its next bytes could be either", () =>
    between(answering(NO), async (proxy) => {
      const client = await proxy.sends(
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 36\r\n\r\n",
      );
      await client.hears("HTTP/1.1 ");
      client.send("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.hears("no");
      expect(client.text.match(/HTTP\/1\.1 (200|403)/g)).toHaveLength(1);
    }));

  test("a GET has a body only with explicit framing", () =>
    between(answering(OK, OK), async (proxy) => {
      const client = await proxy.sends("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
      await client.hears("okHTTP/1.1 200 OK");
    }));
});

const UPGRADE = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

describe("early bytes", () => {
  test("nothing behind an upgrade reaches the upstream before it accepts (CVE-2025-64763)", () => {
    const upstream = new RawServer();
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(`${UPGRADE}early bytes`);
      const connection = await upstream.connection(0);
      await connection.hears("\r\n\r\n");
      expect(connection.text).toEndWith("\r\n\r\n");
      connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
      await connection.hears("early bytes");
      await client.hears("101");
    });
  });

  test("what came behind a refused upgrade goes nowhere, and neither connection is used again", () => {
    const upstream = answering(NO);
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(`${UPGRADE}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.isClosed();
      expect(client.text).toMatch(/^HTTP\/1\.1 403 [\s\S]*connection: close/);
      const next = await proxy.sends("GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
      await next.hears("no");
      expect(upstream.connections).toHaveLength(2);
      expect(upstream.text).not.toContain("smuggled");
    });
  });

  test("200 is no 101 (CVE-2024-23326): the client's bytes are no tunnel's", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(`${UPGRADE}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.isClosed();
      expect(client.text).toStartWith("HTTP/1.1 200 ");
      expect(upstream.text).not.toContain("smuggled");
    });
  });

  test("CONNECT where no route ends it is refused, with what came behind it", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(
        "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
      );
      await client.isClosed();
      expect(client.text).toMatch(/^HTTP\/1\.1 (403|404) /);
      expect(upstream.connections).toHaveLength(0);
    });
  });
});

describe("ways to HTTP/2 and WebSocket", () => {
  test("an h2c upgrade is ignored, and its settings go nowhere (RFC 9113 3.1)", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
      );
      await client.hears("\r\n\r\nok");
      expect(upstream.text).not.toMatch(/h2c|http2-settings/);
    });
  });

  test("an upgrade that the listener does not list is refused", () => {
    const upstream = answering(OK);
    return between(upstream, async (proxy) => {
      const client = await proxy.sends(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: smuggle/1\r\n\r\n",
      );
      await client.hears("HTTP/1.1 403 ");
      expect(upstream.connections).toHaveLength(0);
      expect((await proxy.log(1))[0]).toContain("403 - upgrade_failed");
    });
  });

  test("over HTTP/2, the bytes of a tunnel wait for its acceptance, within the stream's window", () => {
    const upstream = new RawServer();
    return between(upstream, async (proxy) => {
      const client = await Http2Peer.open(proxy);
      const fields = [
        ":method",
        "CONNECT",
        ":protocol",
        "websocket",
        ":scheme",
        "http",
        ":path",
        "/ws",
        ":authority",
        "a",
      ];
      client.send(headers(1, fields), data(1, "early bytes"));
      const connection = await upstream.connection(0);
      await connection.hears("\r\n\r\n");
      expect(connection.text).toEndWith("\r\n\r\n");
      connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
      await connection.hears("early bytes");
      await client.hears("headers 1 :status=200");
    });
  });

  test("over HTTP/2, a body cut short by its client never looks whole to an HTTP/1.1 upstream", () => {
    const upstream = new RawServer();
    return between(upstream, async (proxy) => {
      const client = await Http2Peer.open(proxy);
      client.send(headers(1, [...POST, "content-length", "10"]), data(1, "half"));
      const connection = await upstream.connection(0);
      await connection.hears("half");
      client.send(frame(3, 0, 1, Buffer.from([0, 0, 0, 8])));
      await connection.isClosed();
      expect(connection.text).toEndWith("half");
    });
  });
});
