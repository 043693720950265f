import { describe, expect, test } from "bun:test";
import { settle } from "../memory-transport.ts";
import { RequestHead } from "../stream.ts";
import { FLAG, FRAME } from "./frame.ts";
import { data, frame, headers, RawServer, rst, SETTINGS, settingsOf, uint32, windowUpdate } from "./raw-peer.ts";

function get(headers: string[] = [], method = "GET"): RequestHead {
  return new RequestHead(method, "http", "a.test", "/x", headers, "HTTP/1.1", -1, undefined);
}

function upgrade(): RequestHead {
  return new RequestHead("GET", "https", "a.test", "/chat", [], "HTTP/1.1", -1, "websocket");
}

function goaway(lastStreamId: number, code: number): Buffer {
  return frame(FRAME.goaway, 0, 0, uint32(lastStreamId, code));
}

const GET_LINE = ":method=GET :path=/x :authority=a.test :scheme=http";

describe("requests", () => {
  test("the client begins with preface and SETTINGS, and does not wait for the server's", async () => {
    const server = new RawServer();
    server.client.request(get(["x-a", "1"]), true, server.recorder("#0"));
    expect(await server.send()).toEqual(["settings", "windowUpdate 0 33488897", `headers 1 end ${GET_LINE} x-a=1`]);
    expect(await server.send(SETTINGS)).toEqual(["settings ack"]);
  });

  test("a response with interim ones, a body and trailers", async () => {
    const server = await RawServer.open();
    const head = new RequestHead("POST", "http", "a.test", "/", [], "HTTP/1.1", 4, undefined);
    const stream = server.client.request(head, false, server.recorder("#0"));
    stream.write(Buffer.from("body"));
    stream.end();
    expect(await server.send()).toEqual([
      "headers 1 :method=POST :path=/ :authority=a.test :scheme=http content-length=4",
      "data 1 end body",
    ]);
    await server.send(
      headers(1, [":status", "103", "link", "</a>"]),
      headers(1, [":status", "200", "content-length", "6", "x-b", "2"]),
      data(1, "abc"),
      data(1, "def"),
      headers(1, ["x-sum", "9"], true),
    );
    expect(server.events).toEqual([
      "#0 inform 103 link=</a>",
      "#0 response 200 (6) x-b=2",
      "#0 data abcdef",
      "#0 end x-sum=9",
    ]);
    expect(server.client.active).toBe(0);
  });

  test("HEAD and 304 have a length without a body; 101 and a body that is too short or too long are refused", async () => {
    const server = await RawServer.open();
    const begin = (method: string) => server.client.request(get([], method), true, server.recorder(method));
    begin("HEAD");
    begin("GET");
    begin("GET");
    begin("GET");
    begin("GET");
    const lines = await server.send(
      headers(1, [":status", "200", "content-length", "9"], true),
      headers(3, [":status", "304", "content-length", "9"], true),
      headers(5, [":status", "101"]),
      headers(7, [":status", "200", "content-length", "3"]),
      data(7, "ab", true),
      headers(9, [":status", "200", "content-length", "3"]),
      data(9, "abcd"),
    );
    expect(lines.filter((line) => !line.startsWith("headers"))).toEqual([
      "rstStream 5 protocolError",
      "rstStream 7 protocolError",
      "rstStream 9 protocolError",
    ]);
    expect(server.events).toEqual([
      "HEAD response 200 (9) end",
      "GET response 304 (9) end",
      "GET reset protocol",
      "GET response 200 (3)",
      "GET data ab",
      "GET reset protocol",
      "GET response 200 (3)",
      "GET reset protocol",
    ]);
  });

  test("malformed responses are reset and told as protocol errors", async () => {
    const malformed: [fields: string[], end: boolean][] = [
      [[":status", "99"], false],
      [["x-a", "1"], false],
      [[":status", "200", ":path", "/"], false],
      [[":status", "200", "X-Upper", "1"], false],
      [[":status", "200", "connection", "close"], false],
      [[":status", "200", "x-a", "line\nbreak"], false],
      [[":status", "100"], true],
      [[":status", "200", "content-length", "1"], true],
    ];
    const server = await RawServer.open();
    for (const [index, [fields, end]] of malformed.entries()) {
      server.client.request(get(), true, server.recorder(`#${index}`));
      await server.send(headers(index * 2 + 1, fields, end));
      expect(server.events.at(-1)).toBe(`#${index} reset protocol`);
    }
    expect(server.client.active).toBe(0);
  });

  test("DATA before the response, and a second head without an end, are protocol errors", async () => {
    const server = await RawServer.open();
    server.client.request(get(), true, server.recorder("#0"));
    server.client.request(get(), true, server.recorder("#1"));
    await server.send(data(1, "x"), headers(3, [":status", "200"]), headers(3, ["x-a", "1"]));
    expect(server.events).toEqual(["#0 reset protocol", "#1 response 200", "#1 reset protocol"]);
  });

  test("a response head over the limit is refused alone", async () => {
    const server = await RawServer.open({ maxHeaders: 3 });
    server.client.request(get(), true, server.recorder("#0"));
    server.client.request(get(), true, server.recorder("#1"));
    const many = [":status", "200", "a", "1", "b", "2", "c", "3", "d", "4"];
    const lines = await server.send(headers(1, many, true), headers(3, many.slice(0, 8), true));
    expect(lines.at(-1)).toBe("rstStream 1 enhanceYourCalm");
    expect(server.events).toEqual(["#0 reset limit", "#1 response 200 a=1 b=2 c=3 end"]);
  });

  test("data is held back by pause, and a reset tells the server", async () => {
    const server = await RawServer.open({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 });
    const stream = server.client.request(get(), true, server.recorder("#0"));
    stream.pause();
    const chunk = data(1, "x".repeat(16_000));
    await server.send(headers(1, [":status", "200"]), chunk, chunk, chunk);
    expect(await server.send()).toEqual([]);
    stream.resume();
    expect(await server.send()).toEqual(["windowUpdate 0 48000", "windowUpdate 1 48000"]);
    stream.reset("cancelled");
    expect(await server.send(chunk, rst(1, 8))).toEqual(["rstStream 1 cancel"]);
  });
});

describe("tunnels", () => {
  const ENABLED = settingsOf([8, 1]);

  test("CONNECT has an authority and nothing else", async () => {
    const server = await RawServer.open();
    const head = new RequestHead("CONNECT", "http", "db:5432", "", [], "HTTP/1.1", -1, undefined);
    const stream = server.client.request(head, false, server.recorder("#0"));
    stream.write(Buffer.from("up"));
    expect(await server.send()).toEqual(["headers 1 :method=CONNECT :authority=db:5432", "data 1 up"]);
    await server.send(headers(1, [":status", "200"]), data(1, "down", true));
    stream.end();
    expect(await server.send()).toEqual(["data 1 end"]);
    expect(server.events).toEqual(["#0 response 200", "#0 data down", "#0 end"]);
  });

  test("an upgrade waits for the server's SETTINGS, is a CONNECT with a protocol, and accepted as 101", async () => {
    const server = new RawServer();
    const stream = server.client.request(upgrade(), false, server.recorder("#0"));
    stream.write(Buffer.from("hello"));
    expect((await server.send()).length).toBe(2);
    expect(server.client.active).toBe(1);
    expect(await server.send(ENABLED)).toEqual([
      "settings ack",
      "headers 1 :method=CONNECT :path=/chat :authority=a.test :scheme=https :protocol=websocket",
      "data 1 hello",
    ]);
    await server.send(headers(1, [":status", "200"]));
    expect(server.events).toEqual(["#0 response 101"]);
  });

  test("an upgrade to a server that does not know them fails, before and after its SETTINGS", async () => {
    const server = new RawServer();
    server.client.request(upgrade(), false, server.recorder("#0"));
    await server.send(SETTINGS);
    server.client.request(upgrade(), false, server.recorder("#1"));
    expect(server.events).toEqual(["#0 reset protocol"]);
    await settle();
    expect(server.events).toEqual(["#0 reset protocol", "#1 reset protocol"]);
    expect(server.client.active).toBe(0);
  });

  test("one that is given up while it waits leaves nothing behind", async () => {
    const server = new RawServer();
    server.client.request(upgrade(), false, server.recorder("#0")).reset("cancelled");
    expect(server.client.active).toBe(0);
    expect(await server.send(ENABLED)).toEqual(["settings", "windowUpdate 0 33488897", "settings ack"]);
  });
});

describe("how many, and until when", () => {
  test("as many as the server's SETTINGS leave, and the owner hears when there is room again", async () => {
    const server = new RawServer();
    expect(server.client.available).toBe(100);
    await server.send(settingsOf([3, 2]));
    const begin = () => server.client.request(get(), true, server.recorder("#"));
    const first = begin();
    begin();
    expect(server.client.available).toBe(0);
    first.reset("cancelled");
    expect(server.events).toEqual([]);
    await settle();
    expect(server.events).toEqual(["available"]);
    expect(server.client.available).toBe(1);
    begin();
    await server.send(settingsOf([3, 5]));
    expect(server.events).toEqual(["available", "available"]);
  });

  test("without the setting, as many as the client's own limit", async () => {
    const server = await RawServer.open({ maxConcurrentStreams: 7 });
    expect(server.client.available).toBe(7);
  });

  test("a server that does not read is given nothing new", async () => {
    const server = await RawServer.open({ highWaterBytes: 1_000 }, 10_000);
    for (let i = 0; i < 12; i++) server.client.request(get(["x", `${i}`.repeat(1_500)]), true, server.recorder("#"));
    await settle();
    expect(server.client.available).toBe(0);
    await server.send();
    await server.send();
    expect(server.client.available).toBeGreaterThan(0);
    expect(server.events).toEqual(["available"]);
  });

  test("GOAWAY: streams above the last one may be sent again, the others finish, then it closes", async () => {
    const server = await RawServer.open();
    server.client.request(get(), true, server.recorder("#0"));
    server.client.request(get(), true, server.recorder("#1"));
    await server.send(goaway(0x7fffffff, 0));
    expect(server.events).toEqual(["draining"]);
    expect(server.client.available).toBe(0);
    await server.send(goaway(1, 0));
    expect(server.events).toEqual(["draining", "#1 reset refused"]);
    await server.send(headers(1, [":status", "200"], true));
    expect(server.transport.peerEnded).toBe(true);
    server.transport.end();
    await settle();
    expect(server.events.slice(2)).toEqual(["#0 response 200 end", "closed"]);
  });

  test("shutdown finishes what was begun", async () => {
    const server = await RawServer.open();
    server.client.request(get(), true, server.recorder("#0"));
    server.client.shutdown();
    expect((await server.send()).at(-1)).toBe("goaway 0 noError");
    expect(server.client.draining).toBe(true);
    await server.send(headers(1, [":status", "200"], true));
    expect(server.transport.peerEnded).toBe(true);
  });

  test("a request that comes too late is refused, in a later turn", async () => {
    const server = await RawServer.open();
    server.client.shutdown();
    server.client.request(get(), true, server.recorder("#0"));
    expect(server.events).toEqual([]);
    await settle();
    expect(server.events).toEqual(["#0 reset refused", "draining"]);
  });

  test("resets that cross each other are no flood", async () => {
    const server = await RawServer.open({ maxControlFramesPerSecond: 5 });
    for (let id = 1; id < 60; id += 2) {
      const stream = server.client.request(get(), false, server.recorder("#"));
      await server.send(headers(id, [":status", "200"], true));
      stream.reset("cancelled");
      await server.send(rst(id, 0));
    }
    expect(server.client.draining).toBe(false);
  });

  test("REFUSED_STREAM may be sent again, other codes may not", async () => {
    const server = await RawServer.open();
    for (const code of [7, 8, 1, 11]) server.client.request(get(), true, server.recorder(`#${code}`));
    await server.send(rst(1, 7), rst(3, 8), rst(5, 1), rst(7, 11));
    expect(server.events).toEqual(["#7 reset refused", "#8 reset cancelled", "#1 reset reset", "#11 reset reset"]);
  });

  test("a connection that is lost resets everything, then says so once", async () => {
    const server = new RawServer();
    server.client.request(get(), true, server.recorder("#0"));
    server.client.request(upgrade(), false, server.recorder("#1"));
    server.transport.terminate();
    await settle();
    expect(server.events).toEqual(["#0 reset closed", "#1 reset refused", "draining", "closed"]);
  });

  test("a server that pushes, or answers what was not asked, ends the connection", async () => {
    for (const bad of [
      frame(FRAME.pushPromise, FLAG.endHeaders, 1, uint32(2)),
      headers(3, [":status", "200"]),
      headers(2, [":status", "200"]),
    ]) {
      const server = await RawServer.open();
      server.client.request(get(), true, server.recorder("#0"));
      const lines = await server.send(bad);
      expect(lines.at(-1)).toStartWith("goaway 0 protocolError");
      expect(server.events).toContain("#0 reset protocol");
    }
  });

  test("a server that resets a window beyond its bounds ends the stream or the connection", async () => {
    const server = await RawServer.open();
    server.client.request(get(), true, server.recorder("#0"));
    expect((await server.send(windowUpdate(1, 0x7fffffff))).at(-1)).toBe("rstStream 1 flowControlError");
    expect((await server.send(windowUpdate(0, 0x7fffffff))).at(-1)).toBe(
      "goaway 0 flowControlError http2.violation.of.flow.control",
    );
  });
});
