import { describe, expect, test } from "bun:test";
import { settle } from "../memory-transport.ts";
import { ResponseHead } from "../stream.ts";
import { FLAG, FRAME, MAX_FRAME_BYTES, PREFACE } from "./frame.ts";
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

const OK = (length = -1, fields: string[] = []) => new ResponseHead(200, fields, length);

describe("requests and responses", () => {
  test("the server begins with SETTINGS and opens the connection's window", async () => {
    const client = new RawClient();
    expect(await client.send()).toEqual(["settings", "windowUpdate 0 33488897"]);
    expect(await client.send(PREFACE, SETTINGS)).toEqual(["settings ack"]);
  });

  test("a client that takes long frames is offered them, once, and may send them", async () => {
    const client = new RawClient();
    const long = data(1, "x".repeat(MAX_FRAME_BYTES), true);
    await client.send(PREFACE, settingsOf([5, MAX_FRAME_BYTES - 1]));
    expect(await client.send(settingsOf([5, MAX_FRAME_BYTES]))).toEqual(["settings ack", "settings"]);
    expect(await client.send(settingsOf([5, MAX_FRAME_BYTES]))).toEqual(["settings ack"]);
    await client.send(headers(1, POST), long);
    expect(client.events.at(-1)).toBe("#0 end");
    expect(client.heads.length).toBe(1);
  });

  test("a request without a body and its response are one frame each", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => {
      stream.respond(OK(5, ["server", "heddle"]), false);
      stream.write(Buffer.from("hello"));
      stream.end();
    };
    expect(await client.send(headers(1, [...GET, "x-a", "1"], true))).toEqual([
      "headers 1 :status=200 content-length=5 server=heddle",
      "data 1 end hello",
    ]);
    expect(client.events).toEqual(["#0 GET http://a.test/ x-a=1 end"]);
    expect(client.heads[0]!.wireBytes).toBeGreaterThan(40);
    expect(client.server.active).toBe(0);
  });

  test("a body with its length, and trailers in both directions", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [...POST, "content-length", "6", "te", "trailers"]), data(1, "abc"), data(1, "def"));
    expect(client.server.active).toBe(1);
    await client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block("x-sum", "9")));
    expect(client.events).toEqual(["#0 POST http://a.test/ (6) te=trailers", "#0 data abcdef", "#0 end x-sum=9"]);
    client.streams[0]!.respond(OK(), false);
    client.streams[0]!.write(Buffer.from("body"));
    client.streams[0]!.end(["grpc-status", "0"]);
    expect(await client.send()).toEqual(["headers 1 :status=200", "data 1 body", "headers 1 end grpc-status=0"]);
  });

  test("interim responses come before the final one and not after", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => {
      stream.inform(103, ["link", "</a>"]);
      stream.respond(OK(), true);
      stream.inform(103, []);
      stream.respond(OK(), true);
    };
    expect(await client.send(headers(1, GET, true))).toEqual([
      "headers 1 :status=103 link=</a>",
      "headers 1 end :status=200",
    ]);
  });

  test("a HEAD's response has the length of the body it leaves out, 204 has none", async () => {
    const client = await RawClient.open();
    client.onStream = (stream, head) =>
      stream.respond(head.method === "HEAD" ? OK(7) : new ResponseHead(204, [], 0), true);
    const head = [":method", "HEAD", ...GET.slice(2)];
    expect(await client.send(headers(1, head, true))).toEqual(["headers 1 end :status=200 content-length=7"]);
    expect(await client.send(headers(3, GET, true))).toEqual(["headers 3 end :status=204"]);
  });

  test("a response that is complete before the request asks the client to stop, and what was under way is dropped", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => stream.respond(OK(), true);
    expect(await client.send(headers(1, POST))).toEqual(["headers 1 end :status=200", "rstStream 1 noError"]);
    expect(await client.send(data(1, "late"), data(1, "er", true))).toEqual([]);
    expect(client.events).toEqual(["#0 POST http://a.test/"]);
  });

  test("a head larger than a frame continues in CONTINUATION, and is taken so", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => stream.respond(OK(-1, ["x-large", "v".repeat(40_000)]), true);
    const lines = await client.send(headers(1, GET, true));
    expect(lines.map((line) => line.slice(0, 60))).toEqual([
      "headers 1 end 16384 bytes",
      "continuation 1 16384 bytes",
      `continuation 1 :status=200 x-large=${"v".repeat(25)}`,
    ]);
    expect(lines[2]!.length).toBe("continuation 1 :status=200 x-large=".length + 40_000);
    const large = block(...GET, "x-large", "v".repeat(20_000));
    await client.send(
      frame(FRAME.headers, FLAG.endStream, 3, large.subarray(0, 10)),
      frame(FRAME.continuation, 0, 3, large.subarray(10, 9_000)),
      frame(FRAME.continuation, FLAG.endHeaders, 3, large.subarray(9_000)),
    );
    expect(client.heads[1]?.headers[1]?.length).toBe(20_000);
  });

  test("padding and priority are taken off", async () => {
    const client = await RawClient.open();
    const padded = Buffer.concat([Buffer.from([3]), uint32(5), Buffer.from([200]), block(...POST), Buffer.alloc(3)]);
    await client.send(
      frame(FRAME.headers, FLAG.endHeaders | FLAG.padded | FLAG.priority, 1, padded),
      frame(
        FRAME.data,
        FLAG.padded | FLAG.endStream,
        1,
        Buffer.concat([Buffer.from([2]), Buffer.from("hi"), Buffer.alloc(2)]),
      ),
    );
    expect(client.events).toEqual(["#0 POST http://a.test/", "#0 data hi", "#0 end"]);
  });

  test("the crumbs of a cookie are one field", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [...GET, "cookie", "a=1", "x-b", "2", "cookie", "c=3"], true));
    expect(client.events).toEqual(["#0 GET http://a.test/ x-b=2 cookie=a=1; c=3 end"]);
  });

  test("host stands in for a missing :authority and must agree with one that is there", async () => {
    const client = await RawClient.open();
    const bare = GET.slice(0, 6);
    await client.send(headers(1, [...bare, "host", "b.test"], true), headers(3, [...GET, "host", "A.test"], true));
    expect(client.events).toEqual(["#0 GET http://b.test/ end", "#1 GET http://a.test/ end"]);
    expect(await client.send(headers(5, [...GET, "host", "b.test"], true))).toEqual(["rstStream 5 protocolError"]);
    expect(await client.send(headers(7, bare, true))).toEqual(["rstStream 7 protocolError"]);
  });
});

describe("tunnels", () => {
  test("CONNECT: bytes flow only after it was accepted, and each direction ends by itself", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [":method", "CONNECT", ":authority", "db.test:5432"]), data(1, "early"));
    expect(client.events).toEqual(["#0 CONNECT http://db.test:5432"]);
    client.streams[0]!.respond(OK(), false);
    expect(client.events.length).toBe(1);
    expect(await client.send(data(1, " bytes"))).toEqual(["headers 1 :status=200"]);
    client.streams[0]!.write(Buffer.from("down"));
    client.streams[0]!.end();
    expect(await client.send()).toEqual(["data 1 end down"]);
    await client.send(data(1, "!", true));
    expect(client.events.slice(1)).toEqual(["#0 data early bytes!", "#0 end"]);
    expect(client.server.active).toBe(0);
  });

  test("extended CONNECT is a GET with an upgrade, answered by 101 or 2xx", async () => {
    const client = await RawClient.open();
    const fields = [
      ":method",
      "CONNECT",
      ":protocol",
      "WebSocket",
      ":scheme",
      "https",
      ":path",
      "/chat",
      ":authority",
      "a.test",
    ];
    await client.send(headers(1, fields));
    expect(client.events).toEqual(["#0 GET https://a.test/chat upgrade websocket"]);
    client.streams[0]!.respond(new ResponseHead(101, ["sec-websocket-protocol", "chat"], -1), false);
    expect(await client.send()).toEqual(["headers 1 :status=200 sec-websocket-protocol=chat"]);
  });

  test("what was sent early to a tunnel that is refused is never delivered", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [":method", "CONNECT", ":authority", "db.test:5432"]), data(1, "early"));
    client.streams[0]!.respond(new ResponseHead(403, [], 0), true);
    expect(await client.send()).toEqual(["headers 1 end :status=403 content-length=0", "rstStream 1 noError"]);
    expect(await client.send(data(1, "more", true))).toEqual([]);
    expect(client.events.length).toBe(1);
  });

  test("an early end is told after the early bytes", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => {
      setImmediate(() => {
        stream.respond(OK(), false);
        stream.end();
      });
    };
    await client.send(headers(1, [":method", "CONNECT", ":authority", "db.test:5432"]), data(1, "all", true));
    expect(client.events.slice(1)).toEqual(["#0 data all", "#0 end"]);
    expect(client.server.active).toBe(0);
  });

  test("losing the other side of a tunnel is CONNECT_ERROR", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, [":method", "CONNECT", ":authority", "db.test:5432"]));
    client.streams[0]!.reset("closed");
    expect(await client.send()).toEqual(["rstStream 1 connectError"]);
  });
});

describe("flow control", () => {
  test("the windows open again, by half their size, as data is consumed", async () => {
    const client = await RawClient.open({ streamWindowBytes: 100_000, connectionWindowBytes: 200_000 });
    await client.send(headers(1, POST));
    const chunk = data(1, "x".repeat(10_000));
    expect(await client.send(chunk, chunk, chunk, chunk)).toEqual([]);
    expect(await client.send(chunk)).toEqual(["windowUpdate 1 50000"]);
    expect(await client.send(chunk, chunk, chunk, chunk, chunk)).toEqual([
      "windowUpdate 0 100000",
      "windowUpdate 1 50000",
    ]);
  });

  test("a paused stream keeps both windows shut until it resumes", async () => {
    const client = await RawClient.open({ streamWindowBytes: 100_000, connectionWindowBytes: 100_000 });
    client.onStream = (stream) => stream.pause();
    await client.send(headers(1, POST));
    const chunk = data(1, "x".repeat(16_000));
    expect(await client.send(chunk, chunk, chunk, chunk, chunk, chunk)).toEqual([]);
    client.streams[0]!.resume();
    expect(await client.send()).toEqual(["windowUpdate 0 96000", "windowUpdate 1 96000"]);
  });

  test("bytes that a paused stream held back go to the connection's window when it is reset", async () => {
    const client = await RawClient.open({ streamWindowBytes: 100_000, connectionWindowBytes: 100_000 });
    client.onStream = (stream) => stream.pause();
    const chunk = data(1, "x".repeat(16_000));
    await client.send(headers(1, POST), chunk, chunk, chunk, chunk);
    client.streams[0]!.reset("cancelled");
    expect(await client.send()).toEqual(["rstStream 1 cancel", "windowUpdate 0 64000"]);
  });

  test("padding and the data of streams that are gone count and are given back", async () => {
    const client = await RawClient.open({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 });
    client.onStream = (stream) => stream.reset("refused");
    const padded = frame(
      FRAME.data,
      FLAG.padded,
      1,
      Buffer.concat([Buffer.from([255]), Buffer.alloc(9_744), Buffer.alloc(255)]),
    );
    const lines = await client.send(headers(1, POST), padded, padded, padded, padded);
    expect(lines).toEqual(["rstStream 1 refusedStream", "windowUpdate 0 39744"]);
  });

  test("a body waits for the stream's window, then for the connection's", async () => {
    const client = await RawClient.open();
    await client.send(settingsOf([4, 10]), headers(1, GET, true));
    const stream = client.streams[0]!;
    stream.respond(OK(), false);
    expect(stream.write(Buffer.from("0123456789abcdef"))).toBe(true);
    stream.end();
    expect(await client.send()).toEqual(["headers 1 :status=200", "data 1 0123456789"]);
    expect(await client.send(windowUpdate(1, 4))).toEqual(["data 1 abcd"]);
    expect(await client.send(windowUpdate(1, 100))).toEqual(["data 1 end ef"]);
  });

  test("a window that shrinks below zero stops a stream until it is positive again", async () => {
    const client = await RawClient.open();
    await client.send(settingsOf([4, 8]), headers(1, GET, true));
    const stream = client.streams[0]!;
    stream.respond(OK(), false);
    stream.write(Buffer.from("01234567"));
    await client.send(settingsOf([4, 3]));
    stream.write(Buffer.from("89"));
    expect(await client.send(windowUpdate(1, 5))).toEqual([]);
    expect(await client.send(windowUpdate(1, 1))).toEqual(["data 1 8"]);
    expect(await client.send(settingsOf([4, 100]))).toEqual(["settings ack", "data 1 9"]);
  });

  test("above the mark `write` says so, and the owner hears when there is room", async () => {
    const client = await RawClient.open({ highWaterBytes: 1_000 });
    await client.send(settingsOf([4, 0]), headers(1, GET, true));
    const stream = client.streams[0]!;
    stream.respond(OK(), false);
    expect(stream.write(Buffer.alloc(1_000))).toBe(true);
    expect(stream.write(Buffer.alloc(1))).toBe(false);
    await client.send(windowUpdate(1, 500));
    expect(client.events.at(-1)).not.toBe("#0 writable");
    await client.send(windowUpdate(1, 1));
    expect(client.events.at(-1)).toBe("#0 writable");
  });

  test("when the connection's window opens, streams take turns", async () => {
    const client = await RawClient.open();
    client.onStream = (stream) => {
      stream.respond(OK(), false);
      stream.write(Buffer.alloc(60_000));
    };
    await client.send(headers(1, GET, true), headers(3, GET, true), headers(5, GET, true));
    const lines = await client.send(windowUpdate(0, 16_384 * 4));
    expect(lines.map((line) => line.split(" ")[1])).toEqual(["3", "5", "3", "5"]);
  });

  test("a transport that takes nothing holds every stream back, and each gets its turn afterwards", async () => {
    const client = await RawClient.open({ highWaterBytes: 20_000 }, 1_000);
    client.onStream = (stream) => {
      stream.respond(OK(), false);
      for (let i = 0; i < 4; i++) stream.write(Buffer.alloc(10_000));
      stream.end();
    };
    const seen: string[] = await client.send(windowUpdate(0, 100_000), headers(1, GET, true), headers(3, GET, true));
    const find = (start: string) => seen.findIndex((line) => line.startsWith(start));
    while (find("data 1 end") < 0 || find("data 3 end") < 0) seen.push(...(await client.send()));
    expect(find("data 3")).toBeGreaterThan(0);
    expect(find("data 3")).toBeLessThan(find("data 1 end"));
  });
});

describe("the end of streams and connections", () => {
  test("reasons of RST_STREAM", async () => {
    const client = await RawClient.open();
    for (const [index, code] of [7, 8, 2, 0].entries()) {
      await client.send(headers(index * 2 + 1, POST), rst(index * 2 + 1, code));
    }
    expect(client.events.filter((line) => line.includes("reset"))).toEqual([
      "#0 reset refused",
      "#1 reset cancelled",
      "#2 reset reset",
      "#3 reset cancelled",
    ]);
  });

  test("after a reset the owner is told nothing more, and may say what it likes", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, POST));
    const stream = client.streams[0]!;
    stream.reset("timeout");
    stream.respond(OK(), false);
    expect(stream.write(Buffer.from("x"))).toBe(true);
    stream.end();
    stream.resume();
    stream.reset("cancelled");
    expect(await client.send(data(1, "late", true), windowUpdate(1, 1), rst(1, 8))).toEqual(["rstStream 1 cancel"]);
    expect(client.events).toEqual(["#0 POST http://a.test/"]);
  });

  test("shutdown: a first GOAWAY lets what is under way in, a second one names the last stream, then it closes", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, POST));
    client.server.shutdown();
    expect(await client.send(headers(3, GET, true))).toEqual(["goaway 2147483647 noError", "ping"]);
    expect(await client.send(frame(FRAME.ping, FLAG.ack, 0, "draining"))).toEqual(["goaway 3 noError"]);
    await client.send(headers(5, POST), data(5, "ignored", true));
    expect(client.events).toEqual(["#0 POST http://a.test/", "#1 GET http://a.test/ end"]);
    client.streams[1]!.respond(OK(), true);
    client.streams[0]!.respond(OK(), true);
    expect(await client.send()).toEqual([
      "headers 3 end :status=200",
      "headers 1 end :status=200",
      "rstStream 1 noError",
    ]);
    expect(client.transport.peerEnded).toBe(true);
    client.transport.end();
    await settle();
    expect(client.events.at(-1)).toBe("closed");
  });

  test("an idle server that shuts down closes once the client has answered", async () => {
    const client = await RawClient.open();
    client.server.shutdown();
    await client.send(frame(FRAME.ping, FLAG.ack, 0, "draining"));
    expect(client.transport.peerEnded).toBe(true);
  });

  test("streams are reset before the connection's owner hears of the close", async () => {
    const client = await RawClient.open();
    await client.send(headers(1, POST), headers(3, GET, true));
    client.transport.terminate();
    await settle();
    expect(client.events.slice(2)).toEqual(["#0 reset closed", "#1 reset closed", "closed"]);
  });

  test("streams beyond the offered number are refused, and forgotten", async () => {
    const client = await RawClient.open({ maxConcurrentStreams: 2 });
    const lines = await client.send(headers(1, POST), headers(3, POST), headers(5, POST), data(5, "x"));
    expect(lines).toEqual(["rstStream 5 refusedStream"]);
    expect(client.streams.length).toBe(2);
    client.streams[0]!.reset("cancelled");
    await client.send(headers(7, POST));
    expect(client.streams.length).toBe(3);
  });

  test("a client that never sends its preface, or stops within a head, is closed in time", async () => {
    const silent = new RawClient({ headTimeoutMs: 20 });
    const stuck = await RawClient.open({ headTimeoutMs: 20 });
    await stuck.send(headers(1, GET, true).subarray(0, 20));
    await Promise.all([closing(silent), closing(stuck)]);
    expect((await silent.send()).at(-1)).toBe("goaway 0 enhanceYourCalm http2.head_timeout");
    expect((await stuck.send()).at(-1)).toBe("goaway 0 enhanceYourCalm http2.head_timeout");
  });

  test("heads that are each in time keep a connection, however the bytes between them are split", async () => {
    const client = await RawClient.open({ headTimeoutMs: 200 });
    const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
    let answered = 0;
    for (let i = 0; i < 12; i++) {
      // The end of one and the beginning of the next come together: something is always begun.
      const lines = await client.send(...(i === 0 ? [] : [ping.subarray(5)]), ping.subarray(0, 5));
      answered += lines.filter((line) => line.startsWith("ping")).length;
      await Bun.sleep(40);
    }
    expect(answered).toBe(11);
    expect(client.transport.peerEnded).toBe(false);
  });

  test("a connection without requests is closed after its idle time", async () => {
    const client = await RawClient.open({ idleTimeoutMs: 40 });
    const lines: string[] = [];
    while (!lines.includes("ping")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      lines.push(...(await client.send()));
    }
    expect(lines).toEqual(["goaway 2147483647 noError", "ping"]);
  });
});

async function closing(client: RawClient): Promise<void> {
  while (!client.transport.peerEnded) await new Promise((resolve) => setTimeout(resolve, 5));
}
