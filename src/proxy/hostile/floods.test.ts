// HTTP/2 that makes work for nothing (classes 11 to 15 of docs/security.md): each flood ends with GOAWAY after a bounded number of frames,
// the upstream sees a bounded part of it, and nothing of it stays.

import { afterEach, describe, expect, test } from "bun:test";
import { FLAG, FRAME } from "../../http/h2/frame.ts";
import { block, data, frame, GET, headers, POST, rst, settingsOf, windowUpdate } from "../../http/h2/raw-peer.ts";
import { type Message, TestProxy } from "../proxy-fixture.ts";
import { answering, RawServer, until } from "../raw-peer-fixture.ts";
import { Http2Peer } from "./http2-peer.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const ENHANCE_YOUR_CALM = "enhanceYourCalm";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function start(upstream = answering(OK), settings: Message = {}): { proxy: TestProxy; upstream: RawServer } {
  const proxy = new TestProxy({ ports: [upstream.port], settings });
  open.push({ proxy, upstream });
  return { proxy, upstream };
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

/** The GOAWAY that ends the connection, as `code detail`. */
async function goaway(client: Http2Peer): Promise<string> {
  await client.hears("goaway");
  await client.raw.isClosed();
  client.raw.reset();
  return client.lines.findLast((line) => line.startsWith("goaway"))!.replace(/^goaway \d+ /, "");
}

/** Requests that reached the upstream. */
function requestsAt(upstream: RawServer): number {
  return upstream.text.split(" HTTP/1.1\r\n").length - 1;
}

describe("streams that end before their time", () => {
  test("Rapid Reset (CVE-2023-44487): after 500 of them; few of those in one read reach the upstream", async () => {
    const { proxy, upstream } = start(new RawServer());
    const client = await Http2Peer.open(proxy);
    const attack: Buffer[] = [];
    for (let id = 1; id < 6_000; id += 2) attack.push(headers(id, GET, true), rst(id, 8));
    client.send(...attack);
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.premature_resets`);
    await proxy.isRelieved();
    // 100 begin in a turn; the rest of what came in it was reset before its turn came.
    expect(proxy.proxy.configuration.clusters.get("upstream")!.stats.requests).toBeLessThanOrEqual(300);
    expect(requestsAt(upstream)).toBeLessThanOrEqual(300);
    const log = await proxy.log(500);
    expect(log.length).toBeLessThan(1_100);
    expect(new Set(log.map((line) => line.split(" ")[1]))).toEqual(new Set(["DC", "DPE"]));
  });

  test("the same while answers come is no attack", async () => {
    const { proxy } = start();
    const client = await Http2Peer.open(proxy);
    for (let id = 1; id < 400; id += 2) client.send(headers(id, GET, true));
    await client.hears("headers", 200);
    for (let id = 1; id < 400; id += 2) client.send(rst(id, 8));
    client.send(headers(401, GET, true));
    await client.hears("headers 401");
    expect(client.count("goaway")).toBe(0);
  });

  test("MadeYouReset (CVE-2025-8671): streams that the client makes the proxy reset count as well", async () => {
    const { proxy } = start(new RawServer());
    const client = await Http2Peer.open(proxy);
    for (let id = 1; id < 2_000; id += 2) {
      // The window passes 2^31-1: a stream error, which the server answers with RST_STREAM.
      client.send(headers(id, GET, true), windowUpdate(id, 0x7fff_ffff));
    }
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.premature_resets`);
    await proxy.isRelieved();
  });

  const AFTER_END: Readonly<Record<string, readonly [Buffer, string]>> = {
    "WINDOW_UPDATE of 0": [windowUpdate(1, 0), "protocolError http2.bad_payload"],
    "DATA behind the end": [data(1, "x"), "streamClosed http2.frame_on_closed_stream"],
    "HEADERS behind the end": [headers(1, ["x", "y"], true), "streamClosed http2.frame_on_closed_stream"],
    "PRIORITY of a wrong length": [frame(FRAME.priority, 0, 1, "abc"), "frameSizeError http2.frame_size"],
    "PRIORITY on itself": [
      frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 1, 0])),
      "protocolError http2.bad_payload",
    ],
    "RST_STREAM of a wrong length": [frame(FRAME.rstStream, 0, 1, "abc"), "frameSizeError http2.frame_size"],
  };
  for (const [what, [bytes, answer]] of Object.entries(AFTER_END)) {
    test(`MadeYouReset: ${what} ends the connection at once`, async () => {
      const { proxy } = start(new RawServer());
      const client = await Http2Peer.open(proxy);
      client.send(headers(1, GET, true), bytes);
      expect(await goaway(client)).toBe(answer);
      await proxy.isRelieved();
      expect((await proxy.log(1))[0]).toStartWith("0 DPE codec_error");
    });
  }

  test("more streams than were offered are refused, and then the connection", async () => {
    const { proxy } = start(new RawServer(), { http2_protocol_options: { max_concurrent_streams: 10 } });
    const client = await Http2Peer.open(proxy);
    for (let id = 1; id < 1_200; id += 2) client.send(headers(id, GET, true));
    await client.hears("rstStream 21 refusedStream");
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.premature_resets`);
    await proxy.isRelieved();
  });
});

describe("header blocks", () => {
  const begin = frame(FRAME.headers, 0, 1, block(...GET));

  test("CONTINUATION flood (CVE-2024-30255): by number", async () => {
    const { proxy } = start();
    const client = await Http2Peer.open(proxy);
    const parts = Array.from({ length: 50 }, () => frame(FRAME.continuation, 0, 1, block("x-a", "1")));
    client.send(begin, ...parts);
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.header_block_flood`);
    expect((await proxy.log(1))[0]).toBe("0 DPE http2.header_block_flood 0");
  });

  test("CONTINUATION flood: by bytes, while they come", async () => {
    const { proxy } = start();
    const client = await Http2Peer.open(proxy);
    const parts = Array.from({ length: 12 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000)));
    client.send(begin, ...parts);
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.header_block_flood`);
  });

  test("HPACK bomb: one entry referred to again and again is counted and not built, and the table survives", async () => {
    const { proxy, upstream } = start();
    const client = await Http2Peer.open(proxy);
    // Literal with indexing, then its index 12,000 times: 48 MB of fields in 16 KB.
    const entry = Buffer.concat([Buffer.from([0x40]), block("x-bomb", "b".repeat(4_000)).subarray(1)]);
    const bomb = Buffer.concat([block(...GET), entry, Buffer.alloc(12_000, 0xbe)]);
    client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, bomb));
    await client.hears("headers 1 end :status=431");
    expect(upstream.connections).toHaveLength(0);
    client.send(
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([block(...GET), Buffer.from([0xbe])])),
    );
    await client.hears("headers 3 :status=200");
    expect(upstream.text).toContain("x-bomb: bbb");
    expect((await proxy.log(2))[0]).toBe("431 DPE http2.too_many_headers 0");
  });

  test("the crumbs of a cookie count, in number and in bytes (CVE-2026-47774)", async () => {
    const { proxy, upstream } = start();
    const client = await Http2Peer.open(proxy);
    const many = Array.from({ length: 200 }, (_, i) => ["cookie", `a${i}=1`]).flat();
    const large = Array.from({ length: 40 }, () => ["cookie", "c".repeat(2_000)]).flat();
    client.send(headers(1, [...GET, ...many], true));
    await client.hears("headers 1 end :status=431");
    const whole = block(...GET, ...large);
    client.send(
      frame(FRAME.headers, FLAG.endStream, 3, whole.subarray(0, 16_384)),
      ...[1, 2, 3, 4].map((i) =>
        frame(FRAME.continuation, i === 4 ? FLAG.endHeaders : 0, 3, whole.subarray(i * 16_384, (i + 1) * 16_384)),
      ),
    );
    await client.hears("headers 3 end :status=431");
    expect(upstream.connections).toHaveLength(0);
  });

  test("a table size above the offered one, and a broken block", async () => {
    const { proxy } = start();
    for (const bytes of [Buffer.from([0x3f, 0xff, 0xff, 0x03]), Buffer.from([0x80]), Buffer.from([0xff, 0xff, 0xff])]) {
      const client = await Http2Peer.open(proxy);
      client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, bytes));
      expect(await goaway(client)).toBe("compressionError http2.header_compression");
    }
  });
});

describe("frames without a message", () => {
  const FLOODS: Readonly<Record<string, readonly [Buffer, string]>> = {
    PING: [frame(FRAME.ping, 0, 0, Buffer.alloc(8)), "http2.inbound_control_frames_flood"],
    SETTINGS: [settingsOf([4, 65_535]), "http2.inbound_control_frames_flood"],
    PRIORITY: [frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 0])), "http2.inbound_control_frames_flood"],
    WINDOW_UPDATE: [windowUpdate(0, 1), "http2.inbound_control_frames_flood"],
    "an unknown type": [frame(0x42, 0, 0, "x"), "http2.inbound_control_frames_flood"],
    "empty DATA": [data(1, ""), "http2.inbound_empty_frames_flood"],
  };
  for (const [what, [bytes, detail]] of Object.entries(FLOODS)) {
    test(`${what} (CVE-2019-9511 to 9518)`, async () => {
      const { proxy } = start(new RawServer());
      const client = await Http2Peer.open(proxy);
      client.send(headers(1, POST), ...Array.from({ length: 3_000 }, () => bytes));
      expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} ${detail}`);
      await proxy.isRelieved();
    });
  }

  test("RST_STREAM of streams that are over", async () => {
    const { proxy } = start();
    const client = await Http2Peer.open(proxy);
    client.send(headers(1, GET, true));
    await client.hears("headers 1");
    client.send(...Array.from({ length: 3_000 }, () => rst(1, 8)));
    expect(await goaway(client)).toBe(`${ENHANCE_YOUR_CALM} http2.inbound_control_frames_flood`);
  });

  test("answers that are provoked and not read stay a bounded queue", async () => {
    const { proxy } = start();
    const client = await Http2Peer.open(proxy);
    client.raw.socket!.pause();
    const pings = Buffer.concat(Array.from({ length: 900 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))));
    for (let i = 0; i < 20; i++) client.raw.send(pings);
    await until("the flood is over", () => proxy.held.bytes === 0 || client.raw.ended || client.raw.unsent === 0);
    // 1,000 answers of 17 bytes, and the GOAWAY.
    expect(proxy.held.bytes).toBeLessThan(20_000);
    client.raw.socket!.resume();
    expect(await goaway(client)).toStartWith(ENHANCE_YOUR_CALM);
  });
});

test("after all that, the proxy serves on", async () => {
  const { proxy } = start();
  const client = await Http2Peer.open(proxy);
  client.send(headers(1, GET, true));
  await client.hears("data 1 end ok");
});
