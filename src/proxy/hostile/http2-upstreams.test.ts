// Upstreams that break HTTP/2 (classes 13 to 17 of docs/security.md, from the other side): the client gets 502 or a truncated answer, never
// a forged one, and the connection is given up where its state is in doubt.

import { afterEach, describe, expect, test } from "bun:test";
import { FLAG, FRAME, MAX_FRAME_BYTES } from "../../http/h2/frame.ts";
import { block, data, frame, headers, rst, SETTINGS, settingsOf, windowUpdate } from "../../http/h2/raw-peer.ts";
import { type Message, TestProxy } from "../proxy-fixture.ts";
import { RawServer, until } from "../raw-peer-fixture.ts";

const HTTP2: Message = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

/** An upstream that answers the first request on each connection with `frames`; its stream is 1. */
function start(...frames: readonly Uint8Array[]): { proxy: TestProxy; upstream: RawServer } {
  const answered = new WeakSet<object>();
  const upstream = new RawServer((peer) => {
    // The request's head follows preface and SETTINGS: its :path is "/x" in plain bytes or Huffman code, its frame has type 1.
    if (answered.has(peer) || peer.bytes < 90) return;
    answered.add(peer);
    peer.send(Buffer.concat([SETTINGS, ...frames]));
  });
  const proxy = new TestProxy({ ports: [upstream.port], cluster: HTTP2 });
  open.push({ proxy, upstream });
  return { proxy, upstream };
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

const REQUEST = `GET /x HTTP/1.1\r\nhost: a\r\nx-pad: ${"p".repeat(60)}\r\n\r\n`;

const BROKEN: Readonly<Record<string, readonly Uint8Array[]>> = {
  "no status": [headers(1, ["x-a", "1"], true)],
  "two statuses": [headers(1, [":status", "200", ":status", "200"], true)],
  "a status out of range": [headers(1, [":status", "999"], true)],
  "a status that is 101": [headers(1, [":status", "101"], true)],
  "a path in an answer": [headers(1, [":status", "200", ":path", "/"], true)],
  "upper case in a name": [headers(1, [":status", "200", "X-A", "1"], true)],
  "CR LF in a value": [headers(1, [":status", "200", "x-a", "1\r\nset-cookie: a"], true)],
  "transfer-encoding": [headers(1, [":status", "200", "transfer-encoding", "chunked"], true)],
  connection: [headers(1, [":status", "200", "connection", "close"], true)],
  "two lengths": [headers(1, [":status", "200", "content-length", "1", "content-length", "2"], true)],
  "an end to a body that was promised": [headers(1, [":status", "200", "content-length", "5"], true)],
  "an interim end": [headers(1, [":status", "103"], true)],
  "DATA before the head": [data(1, "x", true)],
  "101 fields": [headers(1, [":status", "200", ...Array(101).fill(["x-a", "1"]).flat()], true)],
  "endless interim answers": Array.from({ length: 200 }, () => headers(1, [":status", "103"])),
};

const ENDING: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a pushed stream": [
    frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), block(":method", "GET")])),
  ],
  "a stream that nobody began": [headers(3, [":status", "200"], true)],
  "a stream of even number": [headers(2, [":status", "200"], true)],
  "a broken block": [frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, "\x80")],
  "a frame too large": [frame(FRAME.data, 0, 1, Buffer.alloc(MAX_FRAME_BYTES + 1))],
  "SETTINGS of a wrong length": [frame(FRAME.settings, 0, 0, "abc")],
  "an initial window above 2^31-1": [settingsOf([4, 0x8000_0000])],
  "a window of 0": [windowUpdate(0, 0)],
  "a window above 2^31-1": [windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 0x7fff_ffff)],
  "CONTINUATION of nothing": [frame(FRAME.continuation, FLAG.endHeaders, 1, "")],
  "CONTINUATION without end": [
    frame(FRAME.headers, 0, 1, block(":status", "200")),
    ...Array.from({ length: 50 }, () => frame(FRAME.continuation, 0, 1, block("x-a", "1"))),
  ],
  "a flood of SETTINGS": Array.from({ length: 3_000 }, () => settingsOf([4, 65_535])),
  "a flood of PING": Array.from({ length: 3_000 }, () => frame(FRAME.ping, 0, 0, "12345678")),
  "HTTP/1.1": [Buffer.from("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")],
};

describe("an answer that is malformed is 502", () => {
  for (const [what, frames] of Object.entries({ ...BROKEN, ...ENDING })) {
    test(what, async () => {
      const { proxy, upstream } = start(...frames);
      const client = await proxy.sends(REQUEST);
      await client.hears("\r\n\r\n");
      const finals = client.text.match(/HTTP\/1\.1 [2-5]\d\d/g);
      expect(finals).toEqual(["HTTP/1.1 502"]);
      if (what in ENDING) await (await upstream.connection(0)).isClosed();
      client.reset();
      await proxy.isRelieved();
      expect((await proxy.log(1))[0]).toBe("502 UPE upstream_reset_before_response_started{protocol_error} 1");
    });
  }
});

const OK = headers(1, [":status", "200", "content-length", "4"]);

describe("an answer that breaks when it has begun ends the client's connection unfinished", () => {
  const LATE: Readonly<Record<string, readonly Uint8Array[]>> = {
    "more than its length": [OK, data(1, "12345678", true)],
    "less than its length": [OK, data(1, "12", true)],
    "trailers with a status": [OK, data(1, "1234"), headers(1, [":status", "200"], true)],
    "trailers without end": [OK, data(1, "12"), headers(1, ["x-a", "1"])],
    "a reset": [OK, data(1, "12"), rst(1, 2)],
    "padding longer than its frame": [OK, frame(FRAME.data, FLAG.padded, 1, "\xffab")],
  };
  for (const [what, frames] of Object.entries(LATE)) {
    test(what, async () => {
      const { proxy } = start(...frames);
      const client = await proxy.sends(`${REQUEST}GET /next HTTP/1.1\r\nhost: a\r\n\r\n`);
      await until("the connection ends", () => client.closed || client.ended);
      const body = client.text.split("\r\n\r\n")[1] ?? "";
      expect(body.length).toBeLessThan(what === "trailers with a status" ? 5 : 4);
      expect(client.text.split("HTTP/1.1 ").length).toBeLessThanOrEqual(2);
      client.reset();
      await proxy.isRelieved();
      expect((await proxy.log(1))[0]).toMatch(/^(200 (UR|UPE)|502 UPE) upstream_reset_/);
    });
  }
});

test("an upstream that opens no window holds up its own request alone, and only a mark of it is held", async () => {
  const { proxy } = start(settingsOf([4, 0]));
  const client = await proxy.client();
  const size = 24 * 1024 * 1024;
  client.send(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  client.send(Buffer.alloc(size, 0x78));
  await Bun.sleep(200);
  expect(client.unsent).toBeGreaterThan(size / 2);
  expect(proxy.held.requests).toBe(1);
});
