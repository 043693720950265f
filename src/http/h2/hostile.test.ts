// Frames that no honest client sends, by class of attack. Each is refused as early as can be, and costs a bounded amount.

import { describe, expect, test } from "bun:test";
import { ResponseHead } from "../stream.ts";
import { FLAG, FRAME, PREFACE } from "./frame.ts";
import {
  block,
  data,
  frame,
  GET,
  headers,
  POST,
  RawClient,
  rst,
  SETTINGS,
  settingsOf,
  uint32,
  windowUpdate,
} from "./raw-peer.ts";

/** Fields of a GET with some replaced or, when undefined, left out. */
function request(changes: Record<string, string | undefined>, ...more: string[]): string[] {
  const fields = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "a.test", ...changes };
  return [...Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value])), ...more];
}

describe("a malformed request is reset before its owner sees it, and harms no other", () => {
  const malformed: [why: string, fields: string[]][] = [
    ["upper case in a name", request({}, "X-Upper", "1")],
    ["a space in a name", request({}, "x a", "1")],
    ["a colon in a name", request({}, "x:a", "1")],
    ["an empty name", request({}, "", "1")],
    ["CR LF in a name", request({}, "x\r\nb", "1")],
    ["CR LF in a value", request({}, "x-a", "1\r\nx-b: 2")],
    ["a bare LF in a value", request({}, "x-a", "1\nx-b: 2")],
    ["NUL in a value", request({}, "x-a", "1\0")],
    ["DEL in a value", request({}, "x-a", "1\x7f")],
    ["a leading space in a value", request({}, "x-a", " 1")],
    ["a trailing tab in a value", request({}, "x-a", "1\t")],
    ["connection", request({}, "connection", "x-a")],
    ["proxy-connection", request({}, "proxy-connection", "close")],
    ["keep-alive", request({}, "keep-alive", "1")],
    ["transfer-encoding", request({}, "transfer-encoding", "chunked")],
    ["upgrade", request({}, "upgrade", "h2c")],
    ["te other than trailers", request({}, "te", "gzip")],
    ["no :method", request({ ":method": undefined })],
    ["no :scheme", request({ ":scheme": undefined })],
    ["no :path", request({ ":path": undefined })],
    ["an empty :path", request({ ":path": "" })],
    ["a relative :path", request({ ":path": "a" })],
    ["an absolute URL as :path", request({ ":path": "http://b.test/" })],
    ["a space in :path", request({ ":path": "/ HTTP/1.1" })],
    ["CR LF in :path", request({ ":path": "/\r\nx: y" })],
    ["a fragment in :path", request({ ":path": "/a#b" })],
    ["* without OPTIONS", request({ ":path": "*" })],
    ["a space in :method", request({ ":method": "GET /x" })],
    ["lower case in :method", request({ ":method": "get" })],
    ["an unknown :scheme", request({ ":scheme": "ftp" })],
    ["user information in :authority", request({ ":authority": "user@a.test" })],
    ["a path in :authority", request({ ":authority": "a.test/x" })],
    ["a space in :authority", request({ ":authority": "a.test b" })],
    ["an empty :authority", request({ ":authority": "" })],
    ["a host that disagrees", request({}, "host", "b.test")],
    ["two hosts", request({ ":authority": undefined }, "host", "a.test", "host", "a.test")],
    ["two :path", [...request({}), ":path", "/b"]],
    ["two :method", [...request({}), ":method", "POST"]],
    ["a pseudo-header after a field", request({ ":path": undefined }, "x-a", "1", ":path", "/")],
    ["an unknown pseudo-header", request({ ":version": "2" })],
    ["a response's pseudo-header", request({ ":status": "200" })],
    [":protocol without CONNECT", request({ ":protocol": "websocket" })],
    ["CONNECT with a :path", request({ ":method": "CONNECT", ":scheme": undefined })],
    ["CONNECT with a :scheme", request({ ":method": "CONNECT", ":path": undefined })],
    [
      "CONNECT without :authority",
      request({ ":method": "CONNECT", ":path": undefined, ":scheme": undefined, ":authority": undefined }),
    ],
    [
      "CONNECT with a length",
      request({ ":method": "CONNECT", ":path": undefined, ":scheme": undefined }, "content-length", "1"),
    ],
    ["extended CONNECT without :path", request({ ":method": "CONNECT", ":protocol": "websocket", ":path": undefined })],
    [
      "extended CONNECT without :scheme",
      request({ ":method": "CONNECT", ":protocol": "websocket", ":scheme": undefined }),
    ],
    ["extended CONNECT with an invalid protocol", request({ ":method": "CONNECT", ":protocol": "web socket" })],
    ["a length that is not a number", request({}, "content-length", "1a")],
    ["a signed length", request({}, "content-length", "+1")],
    ["a list of lengths", request({}, "content-length", "1, 1")],
    ["two lengths, even equal", request({}, "content-length", "1", "content-length", "1")],
    ["a length beyond 2^53", request({}, "content-length", "9007199254740993")],
    ["a length and no body", request({}, "content-length", "1")],
  ];
  for (const [why, fields] of malformed) {
    test(why, async () => {
      const client = await RawClient.open();
      expect(await client.send(headers(1, fields, true))).toEqual(["rstStream 1 protocolError"]);
      expect(client.events).toEqual(["refused 0 http2.violation.of.messaging.rule"]);
      await client.send(headers(3, GET, true));
      expect(client.heads.length).toBe(1);
    });
  }

  test("a body that is shorter than its length ends in a reset, not in an end", async () => {
    const client = await RawClient.open();
    expect(await client.send(headers(1, [...POST, "content-length", "5"]), data(1, "abc", true))).toEqual([
      "rstStream 1 protocolError",
    ]);
    expect(client.events.slice(1)).toEqual([
      "refused 0 http2.violation.of.messaging.rule",
      "#0 data abc",
      "#0 reset protocol",
    ]);
  });

  test("what exceeds the length of a body is never delivered (CVE-2026-48743)", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [...POST, "content-length", "3"]), data(1, "abc"), data(1, "GET /admin", true));
    expect(client.events.slice(1)).toEqual([
      "refused 0 http2.violation.of.messaging.rule",
      "#0 data abc",
      "#0 reset protocol",
    ]);
  });

  test("trailers with a pseudo-header, a length or no end of stream", async () => {
    const trailers: [fields: string[], end: boolean][] = [
      [[":path", "/b"], true],
      [["content-length", "1"], true],
      [["host", "b.test"], true],
      [["authorization", "Bearer x"], true],
      [["cookie", "a=1"], true],
      [["te", "trailers"], true],
      [["x-forwarded-client-cert", "URI=spiffe://x"], true],
      [["x-a", "1"], false],
    ];
    for (const [fields, end] of trailers) {
      const client = await RawClient.open();
      expect(await client.send(headers(1, POST), headers(1, fields, end))).toEqual(["rstStream 1 protocolError"]);
      expect(client.events.at(-1)).toBe("#0 reset protocol");
    }
  });
});

/** The GOAWAY that ends a connection, which is closed then. */
async function goawayAfter(client: RawClient, ...frames: Buffer[]): Promise<string> {
  const lines = await client.send(...frames);
  expect(client.transport.peerEnded).toBe(true);
  return lines.at(-1)!.replace(/^goaway \d+ /, "");
}

describe("what breaks the connection's state ends it", () => {
  const settled: [why: string, frames: Buffer[], goaway: string][] = [
    ["a frame above 16384 bytes", [frame(FRAME.data, 0, 1, Buffer.alloc(16_385))], "frameSizeError http2.frame_size"],
    ["DATA on stream 0", [data(0, "x")], "protocolError http2.bad_stream_id"],
    ["DATA on an idle stream", [data(1, "x")], "protocolError http2.bad_stream_id"],
    ["HEADERS on stream 0", [headers(0, GET)], "protocolError http2.bad_stream_id"],
    ["HEADERS on an even stream", [headers(2, GET)], "protocolError http2.bad_stream_id"],
    [
      "HEADERS on a stream below the last",
      [headers(5, GET, true), headers(3, GET)],
      "streamClosed http2.frame_on_closed_stream",
    ],
    [
      "HEADERS on a half-closed stream",
      [headers(1, GET, true), headers(1, GET, true)],
      "streamClosed http2.frame_on_closed_stream",
    ],
    [
      "DATA on a half-closed stream",
      [headers(1, GET, true), data(1, "x")],
      "streamClosed http2.frame_on_closed_stream",
    ],
    [
      "DATA on a stream that its client reset",
      [headers(1, POST), rst(1, 8), data(1, "x")],
      "streamClosed http2.frame_on_closed_stream",
    ],
    [
      "padding longer than DATA",
      [headers(1, POST), frame(FRAME.data, FLAG.padded, 1, "\x05abc")],
      "protocolError http2.bad_payload",
    ],
    [
      "padding longer than HEADERS",
      [frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, "\xffabc")],
      "protocolError http2.bad_payload",
    ],
    [
      "a broken header block",
      [frame(FRAME.headers, FLAG.endHeaders, 1, "\x80")],
      "compressionError http2.header_compression",
    ],
    [
      "a frame between HEADERS and CONTINUATION",
      [frame(FRAME.headers, 0, 1, "\x82"), frame(FRAME.ping, 0, 0, "12345678")],
      "protocolError http2.unexpected_frame",
    ],
    [
      "CONTINUATION of another stream",
      [frame(FRAME.headers, 0, 1, "\x82"), frame(FRAME.continuation, 0, 3, "\x84")],
      "protocolError http2.unexpected_frame",
    ],
    [
      "CONTINUATION of nothing",
      [frame(FRAME.continuation, FLAG.endHeaders, 1, "\x82")],
      "protocolError http2.unexpected_frame",
    ],
    [
      "PUSH_PROMISE",
      [headers(1, POST), frame(FRAME.pushPromise, FLAG.endHeaders, 1, uint32(2))],
      "protocolError http2.unexpected_frame",
    ],
    ["RST_STREAM of an idle stream", [rst(1, 8)], "protocolError http2.bad_stream_id"],
    [
      "RST_STREAM of three bytes",
      [headers(1, POST), frame(FRAME.rstStream, 0, 1, "abc")],
      "frameSizeError http2.frame_size",
    ],
    ["SETTINGS on a stream", [frame(FRAME.settings, 0, 1)], "protocolError http2.bad_stream_id"],
    ["SETTINGS of five bytes", [frame(FRAME.settings, 0, 0, "abcde")], "frameSizeError http2.frame_size"],
    [
      "an acknowledgement with a payload",
      [frame(FRAME.settings, FLAG.ack, 0, "abcdef")],
      "frameSizeError http2.frame_size",
    ],
    ["ENABLE_PUSH of 2", [settingsOf([2, 2])], "protocolError http2.bad_payload"],
    [
      "a window above 2^31-1 in SETTINGS",
      [settingsOf([4, 0x80000000])],
      "flowControlError http2.violation.of.flow.control",
    ],
    ["MAX_FRAME_SIZE of 1", [settingsOf([5, 1])], "protocolError http2.bad_payload"],
    ["ENABLE_CONNECT_PROTOCOL of 2", [settingsOf([8, 2])], "protocolError http2.bad_payload"],
    [
      "SETTINGS that push an open stream's window over 2^31-1",
      [headers(1, POST), windowUpdate(1, 0x7fff0000), settingsOf([4, 0x7fffffff])],
      "flowControlError http2.violation.of.flow.control",
    ],
    ["PING on a stream", [frame(FRAME.ping, 0, 1, "12345678")], "protocolError http2.bad_stream_id"],
    ["PING of seven bytes", [frame(FRAME.ping, 0, 0, "1234567")], "frameSizeError http2.frame_size"],
    ["GOAWAY on a stream", [frame(FRAME.goaway, 0, 1, uint32(0, 0))], "protocolError http2.bad_stream_id"],
    ["GOAWAY of four bytes", [frame(FRAME.goaway, 0, 0, uint32(0))], "frameSizeError http2.frame_size"],
    ["WINDOW_UPDATE of an idle stream", [windowUpdate(1, 1)], "protocolError http2.bad_stream_id"],
    ["WINDOW_UPDATE of three bytes", [frame(FRAME.windowUpdate, 0, 0, "abc")], "frameSizeError http2.frame_size"],
    ["WINDOW_UPDATE of zero", [windowUpdate(0, 0)], "protocolError http2.bad_payload"],
    [
      "the connection's window above 2^31-1",
      [windowUpdate(0, 0x7fffffff)],
      "flowControlError http2.violation.of.flow.control",
    ],
  ];
  for (const [why, frames, goaway] of settled) {
    test(why, async () => expect(await goawayAfter(await RawClient.open(), ...frames)).toBe(goaway));
  }

  test("bytes that are no preface", async () => {
    const client = new RawClient();
    expect(await goawayAfter(client, Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(
      "protocolError http2.bad_preface",
    );
  });

  test("a preface without SETTINGS behind it", async () => {
    const client = new RawClient();
    expect(await goawayAfter(client, PREFACE, headers(1, GET))).toBe("protocolError http2.unexpected_frame");
  });

  test("more than the stream's window resets it, more than the connection's ends it", async () => {
    const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 80_000 };
    const client = await RawClient.open(limits);
    client.onStream = (stream) => stream.pause();
    const full = data(1, "x".repeat(16_384));
    const lines = await client.send(headers(1, POST), full, full, full, full);
    expect(lines).toEqual(["rstStream 1 flowControlError", "windowUpdate 0 49152"]);
    expect(client.events.at(-1)).toBe("#0 reset protocol");
    const other = await RawClient.open(limits);
    other.onStream = (stream) => stream.pause();
    const frames = [3, 5].flatMap((id) => [headers(id, POST), ...[1, 2, 3].map(() => data(id, "x".repeat(16_384)))]);
    expect(await goawayAfter(other, ...frames)).toBe("flowControlError http2.violation.of.flow.control");
  });
});

describe("floods", () => {
  const FLOOD = "enhanceYourCalm http2.inbound_control_frames_flood";
  const many = (count: number, make: (index: number) => Buffer) =>
    Array.from({ length: count }, (_, index) => make(index));

  test("Rapid Reset (CVE-2023-44487): requests that are reset before they are answered", async () => {
    const client = await RawClient.open();
    const pairs = (from: number, count: number) =>
      many(count, (i) => Buffer.concat([headers(from + 2 * i, GET, true), rst(from + 2 * i, 8)]));
    await client.send(...pairs(1, 500));
    expect(client.transport.peerEnded).toBe(false);
    expect(await goawayAfter(client, ...pairs(1_001, 500))).toBe("enhanceYourCalm http2.premature_resets");
    expect(client.streams.length).toBe(501);
    expect(client.server.active).toBe(0);
  });

  test("a long record of good streams does not pay for an attack", async () => {
    const client = await RawClient.open({ maxPrematureResets: 20 });
    client.onStream = (stream, head) => head.path === "/" && stream.respond(new ResponseHead(200, [], 0), true);
    let id = 1;
    for (let i = 0; i < 500; i++, id += 2) await client.send(headers(id, GET, true));
    const slow = request({ ":path": "/slow" });
    const frames = many(100, (i) => Buffer.concat([headers(id + 2 * i, slow, true), rst(id + 2 * i, 8)]));
    expect(await goawayAfter(client, ...frames)).toBe("enhanceYourCalm http2.premature_resets");
  });

  test("resets of some streams among many that are answered are no attack", async () => {
    const client = await RawClient.open({ maxPrematureResets: 20 });
    client.onStream = (stream, head) => head.path === "/" && stream.respond(new ResponseHead(200, [], 0), true);
    const slow = request({ ":path": "/slow" });
    for (let id = 1; id < 2_000; id += 6) {
      await client.send(
        headers(id, GET, true),
        headers(id + 2, GET, true),
        headers(id + 4, slow, true),
        rst(id + 4, 8),
      );
    }
    expect(client.transport.peerEnded).toBe(false);
  });

  test("MadeYouReset (CVE-2025-8671): streams that the server has to reset count as well", async () => {
    const client = await RawClient.open({ maxPrematureResets: 50 });
    const overflow = (i: number) => Buffer.concat([headers(1 + 2 * i, POST), windowUpdate(1 + 2 * i, 0x7fffffff)]);
    expect(await goawayAfter(client, ...many(60, overflow))).toBe("enhanceYourCalm http2.premature_resets");
    const malformed = await RawClient.open({ maxPrematureResets: 50 });
    const bad = (i: number) => headers(1 + 2 * i, [...GET, "connection", "x"], true);
    expect(await goawayAfter(malformed, ...many(60, bad))).toBe("enhanceYourCalm http2.premature_resets");
    expect(malformed.streams.length).toBe(0);
  });

  test("MadeYouReset: its other ways end the connection at once", async () => {
    const ways: [Buffer, string][] = [
      [windowUpdate(1, 0), "protocolError http2.bad_payload"],
      [frame(FRAME.priority, 0, 1, uint32(1, 0).subarray(0, 5)), "protocolError http2.bad_payload"],
      [frame(FRAME.priority, 0, 1, "abc"), "frameSizeError http2.frame_size"],
      [headers(1, GET, true), "streamClosed http2.frame_on_closed_stream"],
      [data(1, "x", true), "streamClosed http2.frame_on_closed_stream"],
    ];
    for (const [way, goaway] of ways) {
      expect(await goawayAfter(await RawClient.open(), headers(1, GET, true), way)).toBe(goaway);
    }
  });

  test("streams beyond the offered number, again and again", async () => {
    const client = await RawClient.open({ maxConcurrentStreams: 10, maxPrematureResets: 50 });
    expect(await goawayAfter(client, ...many(100, (i) => headers(1 + 2 * i, POST)))).toBe(
      "enhanceYourCalm http2.premature_resets",
    );
    expect(client.streams.length).toBe(10);
  });

  test("CONTINUATION flood (CVE-2024-30255): by number and by bytes", async () => {
    const more = frame(FRAME.continuation, 0, 1, block("x", "y"));
    const client = await RawClient.open();
    expect(await goawayAfter(client, frame(FRAME.headers, 0, 1, "\x82"), ...many(17, () => more))).toBe(
      "enhanceYourCalm http2.header_block_flood",
    );
    const heavy = await RawClient.open();
    const large = frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000));
    expect(await goawayAfter(heavy, frame(FRAME.headers, 0, 1, "\x82"), ...many(8, () => large))).toBe(
      "enhanceYourCalm http2.header_block_flood",
    );
    expect(client.streams.length + heavy.streams.length).toBe(0);
  });

  test("HPACK bomb: one large entry referred to thousands of times is counted, not built, and the table survives", async () => {
    const client = await RawClient.open();
    const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4_000, 0x62)]);
    const bomb = Buffer.concat([block(...GET), entry, Buffer.alloc(12_000, 0xbe)]);
    const lines = await client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, bomb));
    expect(lines).toEqual(["headers 1 end :status=431 content-length=0"]);
    expect(client.events).toEqual(["refused 431 http2.too_many_headers"]);
    await client.send(
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([block(...GET), Buffer.from([0xbe])])),
    );
    expect(client.heads[0]!.headers[1]!.length).toBe(4_000);
  });

  test("too many fields, and a request that goes on behind its 431", async () => {
    const client = await RawClient.open({ maxHeaders: 100 });
    const crowd = Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"]).flat();
    const lines = await client.send(headers(1, [...POST, ...crowd]), data(1, "body", true));
    expect(lines).toEqual(["headers 1 end :status=431 content-length=0", "rstStream 1 noError"]);
    await client.send(headers(3, [...POST, ...crowd.slice(2)], true));
    expect(client.heads.length).toBe(1);
  });

  test("the crumbs of a cookie count, in number and bytes (CVE-2026-47774)", async () => {
    const client = await RawClient.open({ maxHeaders: 50, maxHeadBytes: 5_000 });
    const crumbs = (count: number, size: number) =>
      Array.from({ length: count }, () => ["cookie", "c".repeat(size)]).flat();
    const lines = await client.send(
      headers(1, [...GET, ...crumbs(51, 1)], true),
      headers(3, [...GET, ...crumbs(20, 250)], true),
    );
    expect(lines).toEqual(["headers 1 end :status=431 content-length=0", "headers 3 end :status=431 content-length=0"]);
  });

  test("a target over the limit", async () => {
    const client = await RawClient.open({ maxTargetBytes: 100 });
    const long = request({ ":path": `/${"a".repeat(100)}` });
    expect(await client.send(headers(1, long, true))).toEqual(["headers 1 end :status=414 content-length=0"]);
    expect(client.events).toEqual(["refused 414 http2.path_too_long"]);
  });

  test("trailers over the limit", async () => {
    const client = await RawClient.open({ maxHeaders: 10 });
    const crowd = Array.from({ length: 11 }, (_, i) => [`x-${i}`, "1"]).flat();
    expect(await client.send(headers(1, POST), headers(1, crowd, true))).toEqual(["rstStream 1 enhanceYourCalm"]);
    expect(client.events.at(-1)).toBe("#0 reset limit");
  });

  test("table-size games: the encoder follows down and up, and never above its own size", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => stream.respond(new ResponseHead(200, ["x-a", "1"], -1), true);
    for (const [index, size] of [4_096, 0, 0xffffffff, 60].entries()) {
      const lines = await client.send(settingsOf([1, size]), headers(index * 2 + 1, GET, true));
      expect(lines.at(-1)).toBe(`headers ${index * 2 + 1} end :status=200 x-a=1`);
    }
    const once = await client.send(settingsOf([1, 0], [1, 4_096]), headers(21, GET, true));
    expect(once.at(-1)).toBe("headers 21 end :status=200 x-a=1");
  });

  const controls: [what: string, make: (index: number) => Buffer][] = [
    ["PING (CVE-2019-9512)", () => frame(FRAME.ping, 0, 0, "12345678")],
    ["answers to PING", () => frame(FRAME.ping, FLAG.ack, 0, "12345678")],
    ["SETTINGS (CVE-2019-9515)", () => SETTINGS],
    ["acknowledgements of SETTINGS", () => frame(FRAME.settings, FLAG.ack, 0)],
    ["PRIORITY (CVE-2019-9513)", (i) => frame(FRAME.priority, 0, 1 + 2 * i, uint32(0, 0).subarray(0, 5))],
    ["WINDOW_UPDATE", () => windowUpdate(0, 1)],
    ["RST_STREAM of a stream that is gone", () => rst(1, 8)],
    ["frames of unknown types", () => frame(0xee, 0, 0, "x")],
    ["GOAWAY", () => frame(FRAME.goaway, 0, 0, uint32(0, 0))],
  ];
  for (const [what, make] of controls) {
    test(`${what}, more than ten in a second`, async () => {
      const client = await RawClient.open({ maxControlFramesPerSecond: 10 });
      await client.send(headers(1, GET, true), rst(1, 8));
      expect(await goawayAfter(client, ...many(20, make))).toBe(FLOOD);
    });
  }

  test("WINDOW_UPDATE and PING in answer to data are no flood", async () => {
    const client = await RawClient.open({ maxControlFramesPerSecond: 10 });
    await client.send(headers(1, GET, true));
    client.streams[0]!.respond(new ResponseHead(200, [], -1), false);
    for (let i = 0; i < 50; i++) {
      client.streams[0]!.write(Buffer.alloc(1_000));
      await client.send(windowUpdate(0, 1_000), windowUpdate(1, 1_000), frame(FRAME.ping, 0, 0, "12345678"));
    }
    expect(client.transport.peerEnded).toBe(false);
  });

  test("SETTINGS with thousands of entries", async () => {
    const client = await RawClient.open();
    const entries = many(2_700, () => Buffer.concat([Buffer.from([0, 4]), uint32(1)]));
    expect(await goawayAfter(client, frame(FRAME.settings, 0, 0, Buffer.concat(entries)))).toBe(FLOOD);
  });

  const empties: [what: string, first: Buffer, empty: Buffer][] = [
    ["DATA", headers(1, POST), data(1, "")],
    ["DATA of padding", headers(1, POST), frame(FRAME.data, FLAG.padded, 1, "\x03\0\0\0")],
    ["CONTINUATION", frame(FRAME.headers, 0, 1, "\x82"), frame(FRAME.continuation, 0, 1)],
  ];
  for (const [what, first, empty] of empties) {
    test(`empty ${what} frames in a row (CVE-2019-9518)`, async () => {
      const client = await RawClient.open();
      expect(await goawayAfter(client, first, empty, empty)).toBe("enhanceYourCalm http2.inbound_empty_frames_flood");
    });
  }

  test("a peer that provokes answers and reads none (CVE-2019-9515)", async () => {
    const client = await RawClient.open({ maxOutboundControlFrames: 100, maxControlFramesPerSecond: 100_000 }, 200);
    client.transport.setCapacity(1 << 20);
    for (let i = 0; i < 10; i++)
      client.transport.write(Buffer.concat(many(20, () => frame(FRAME.ping, 0, 0, "12345678"))));
    const seen: string[] = [];
    while (!client.transport.peerEnded) seen.push(...(await client.send()));
    expect(seen.at(-1)).toBe("goaway 0 enhanceYourCalm http2.outbound_control_flood");
    expect(seen.filter((line) => line === "ping ack").length).toBeLessThanOrEqual(101);
  });

  test("responses that nobody reads: new requests are refused, and what waits stays bounded", async () => {
    const client = await RawClient.open({ highWaterBytes: 4_000 }, 1_000);
    client.transport.setCapacity(1 << 20);
    client.onStream = (stream) => stream.respond(new ResponseHead(200, ["x-a", "v".repeat(2_500)], -1), true);
    client.transport.write(Buffer.concat(many(400, (i) => headers(1 + 2 * i, GET, true))));
    const lines: string[] = [];
    do lines.push(...(await client.send()));
    while (client.streams.length + lines.filter((line) => line.includes("refused")).length < 400);
    expect(client.streams.length).toBeLessThan(100);
  });
});
