// Raw bytes that attack what a proxy and its neighbours read differently, by class. Every one must be refused with its status, must
// end the connection, and must not reach the owner.

import { describe, expect, test } from "bun:test";
import { settle } from "../memory-transport.ts";
import { RequestHead, ResponseHead } from "../stream.ts";
import { lines, RecordingClient, RecordingServer } from "./testing.ts";

type Case = readonly [name: string, wire: string, status: number];

const NEXT = lines("GET /smuggled HTTP/1.1", "Host: h");

/** Sends the bytes at once, and again one by one: the answer is the same. */
async function refused(wire: string, status: number): Promise<void> {
  for (const pieces of [[wire + NEXT], [...wire]]) {
    const server = new RecordingServer();
    for (const piece of pieces) server.send(piece);
    const events = server.take();
    expect(events.length).toBe(1);
    expect(events[0]).toStartWith(`refused ${status} `);
    await settle();
    const answer = server.written();
    expect(answer).toStartWith(`HTTP/1.1 ${status} `);
    expect(answer).toContain("\r\nconnection: close\r\n");
    expect(server.transport.ended).toBe(true);
    expect(server.take()).toEqual([]);
  }
}

function refusals(cases: readonly Case[]): void {
  for (const [name, wire, status] of cases) test(`${name}: ${status}`, () => refused(wire, status));
}

const get = (...fields: string[]) => lines("GET / HTTP/1.1", "Host: h", ...fields);
const post = (...fields: string[]) => lines("POST / HTTP/1.1", "Host: h", ...fields);

describe("class 1, lengths that can be read in two ways", () => {
  refusals([
    ["CL.TE", post("Content-Length: 6", "Transfer-Encoding: chunked"), 400],
    ["TE.CL", post("Transfer-Encoding: chunked", "Content-Length: 6"), 400],
    ["TE.TE", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400],
    ["TE.TE with another coding", post("Transfer-Encoding: chunked", "Transfer-Encoding: cow"), 501],
    ["chunked twice", post("Transfer-Encoding: chunked, chunked"), 400],
    ["chunked not last", post("Transfer-Encoding: chunked, gzip"), 501],
    ["another coding", post("Transfer-Encoding: gzip, chunked"), 501],
    ["identity", post("Transfer-Encoding: identity"), 501],
    ["no coding", post("Transfer-Encoding:"), 400],
    ["a list of nothing", post("Transfer-Encoding: ,"), 400],
    ["chunked with a parameter", post("Transfer-Encoding: chunked;a=b"), 400],
    ["quoted chunked", post('Transfer-Encoding: "chunked"'), 400],
    ["vertical tab before chunked", post("Transfer-Encoding: \x0bchunked"), 400],
    ["chunked on HTTP/1.0", lines("POST / HTTP/1.0", "Transfer-Encoding: chunked"), 400],
    ["two lengths", post("Content-Length: 1", "Content-Length: 2"), 400],
    ["the same length twice", post("Content-Length: 1", "Content-Length: 1"), 400],
    ["a list of lengths", post("Content-Length: 1, 1"), 400],
    ["a signed length", post("Content-Length: +1"), 400],
    ["a negative length", post("Content-Length: -1"), 400],
    ["a hexadecimal length", post("Content-Length: 0x1"), 400],
    ["white space within the length", post("Content-Length: 1 1"), 400],
    ["an empty length", post("Content-Length:"), 400],
    ["a fraction", post("Content-Length: 1.0"), 400],
    ["a length beyond 2^53-1", post("Content-Length: 9007199254740992"), 400],
    ["a length beyond 2^64", post("Content-Length: 18446744073709551617"), 400],
    ["digits of another script", post("Content-Length: \xb2"), 400],
    ["CONNECT with a body", lines("CONNECT h:1 HTTP/1.1", "Host: h:1", "Content-Length: 5"), 400],
    ["CONNECT with chunks", lines("CONNECT h:1 HTTP/1.1", "Host: h:1", "Transfer-Encoding: chunked"), 400],
    ["hidden length", post("Connection: content-length", "Content-Length: 5"), 400],
  ]);
});

describe("class 2, chunks", () => {
  const bad: readonly [name: string, body: string][] = [
    ["no size", "\r\nabc\r\n"],
    ["size with a sign", "+3\r\nabc\r\n"],
    ["size with 0x", "0x3\r\nabc\r\n"],
    ["size that is no number", "g\r\n"],
    ["size that overflows 2^53", "20000000000001\r\n"],
    ["size of seventeen digits", "00000000000000003\r\nabc\r\n"],
    ["white space before the size", " 3\r\nabc\r\n"],
    ["white space behind the size", "3 \r\nabc\r\n"],
    ["bare LF behind the size", "3\nabc\r\n"],
    ["bare CR behind the size", "3\rabc\r\n"],
    ["LF within an extension", "3;a\nabc\r\n"],
    ["NUL within an extension", "3;a\0\r\nabc\r\n"],
    ["data longer than its size", "3\r\nabcd\r\n"],
    ["no CRLF behind the data", "3\r\nabc0\r\n\r\n"],
    ["bare LF behind the data", "3\r\nabc\n0\r\n\r\n"],
    ["bare LF for the last line", "3\r\nabc\r\n0\r\n\n"],
    ["length in trailers", "0\r\nContent-Length: 5\r\n\r\n"],
    ["transfer-encoding in trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["host in trailers", "0\r\nHost: evil\r\n\r\n"],
    ["authorization in trailers", "0\r\nAuthorization: Basic x\r\n\r\n"],
    ["forwarding in trailers", "0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"],
    ["connection in trailers", "0\r\nConnection: close\r\n\r\n"],
    ["folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
    ["bare LF in trailers", "0\r\nA: b\n\r\n\r\n"],
  ];
  for (const [name, body] of bad) {
    test(`${name}: the request is reset and 400 is answered`, async () => {
      const wire = post("Transfer-Encoding: chunked") + body;
      for (const pieces of [[wire + NEXT], [...wire]]) {
        const server = new RecordingServer();
        for (const piece of pieces) server.send(piece);
        const events = server.take().filter((event) => !event.startsWith("data "));
        expect(events).toHaveLength(3);
        expect(events[1]).toStartWith("refused 400 ");
        expect(events[2]).toBe("reset protocol");
        await settle();
        expect(server.written()).toStartWith("HTTP/1.1 400 ");
        expect(server.transport.ended).toBe(true);
      }
    });
  }

  test("extensions are bounded over the whole message", () => {
    const server = new RecordingServer({ maxChunkExtensionBytes: 100 });
    server.send(post("Transfer-Encoding: chunked"));
    for (let i = 0; i < 12; i++) server.send("1;extension\r\nx\r\n");
    expect(server.take().slice(-2)).toEqual(["refused 413 http1.chunk_extensions_too_large", "reset limit"]);
  });

  test("trailers are bounded in bytes and number", () => {
    const server = new RecordingServer({ maxHeadBytes: 200 });
    server.send(`${post("Transfer-Encoding: chunked")}0\r\n`);
    for (let i = 0; i < 60; i++) server.send("a: b\r");
    expect(server.take().at(-1)).toBe("reset protocol"); // a bare CR, seen before the end of the section
    const many = new RecordingServer({ maxHeaders: 3 });
    many.send(`${post("Transfer-Encoding: chunked")}0\r\n${"a: b\r\n".repeat(4)}\r\n`);
    expect(many.take().slice(-2)).toEqual(["refused 431 http1.too_many_headers", "reset limit"]);
    const large = new RecordingServer({ maxHeadBytes: 200 });
    large.send(`${post("Transfer-Encoding: chunked")}0\r\n${"a: b\r\n".repeat(60)}`);
    expect(large.take().slice(-2)).toEqual(["refused 431 http1.trailers_too_large", "reset limit"]);
  });

  test("a broken chunk after the response began cuts the response off", async () => {
    const server = new RecordingServer();
    server.send(post("Transfer-Encoding: chunked"));
    server.stream.respond(new ResponseHead(200, [], -1), false);
    server.stream.write(Buffer.from("part"));
    await settle();
    server.send("x");
    await settle();
    expect(server.take().slice(1)).toEqual(["refused 400 http1.codec_error", "reset protocol", "closed"]);
    expect(server.written()).not.toContain("0\r\n\r\n");
  });
});

describe("class 3, desynchronisation by early answers", () => {
  const expecting = post("Expect: 100-continue", "Content-Length: 30");

  test("a final answer to a client that waits for a 100 closes: its next bytes may be the body or a request", async () => {
    const server = new RecordingServer();
    server.send(expecting);
    expect(server.head.headers).toEqual(["expect", "100-continue"]);
    server.stream.respond(new ResponseHead(417, [], -1), true);
    server.send(NEXT);
    await settle();
    expect(server.take()).toHaveLength(1);
    expect(server.written()).toContain("connection: close");
  });

  test("after the 100 the body is sure to come, so an early answer keeps the connection; HTTP/1.0 expects nothing", async () => {
    const old = lines("POST / HTTP/1.0", "Connection: keep-alive", "Expect: 100-continue", "Content-Length: 30");
    for (const request of [expecting, old]) {
      const server = new RecordingServer();
      server.send(request);
      server.stream.inform(100, []);
      server.stream.respond(new ResponseHead(200, [], -1), true);
      await settle();
      expect(server.written()).not.toContain("connection: close");
    }
  });

  test("after the 100, and when the body came without it, the connection is kept", async () => {
    for (const informed of [true, false]) {
      const server = new RecordingServer();
      server.send(expecting);
      if (informed) server.stream.inform(100, []);
      server.send("x".repeat(30));
      server.stream.respond(new ResponseHead(200, [], -1), true);
      await settle();
      expect(server.written()).not.toContain("connection: close");
    }
  });

  test("a body that looks like a request, sent behind an early answer, is dropped as the body it is", () => {
    const server = new RecordingServer();
    server.send(post(`Content-Length: ${NEXT.length}`));
    server.stream.respond(new ResponseHead(404, [], -1), true);
    server.take();
    server.send(NEXT);
    expect(server.take()).toEqual([]);
  });

  test("a GET has a body only with explicit framing", () => {
    const server = new RecordingServer();
    server.answer = (stream) => stream.respond(new ResponseHead(200, [], -1), true);
    server.send(`${get("Content-Length: 5")}GET /${NEXT}`);
    expect(server.take().map((event) => event.split(" ")[4])).toEqual(["/", "/smuggled"]);
  });

  test("an upstream that answers before it was sent everything is not used again", async () => {
    const client = new RecordingClient();
    const stream = client.connection.request(
      new RequestHead("POST", "http", "h", "/", [], "HTTP/1.1", 100, undefined),
      false,
      client,
    );
    stream.write(Buffer.from("part"));
    await settle();
    client.send(lines("HTTP/1.1 400 Bad Request", "content-length: 0"));
    expect(client.connection.available).toBe(0);
    await settle();
    expect(client.take()).toEqual(["response 400 0 end", "draining", "closed"]);
  });
});

describe("class 5, early data of tunnels", () => {
  const upgrade = get("Connection: Upgrade", "Upgrade: websocket");

  test("no byte behind an upgrade or CONNECT reaches the owner before it is accepted, or at all when it is refused", async () => {
    for (const request of [upgrade, lines("CONNECT h:1 HTTP/1.1", "Host: h:1")]) {
      for (const pieces of [[request + NEXT], [request, NEXT]]) {
        const server = new RecordingServer();
        for (const piece of pieces) server.send(piece);
        expect(server.take()).toHaveLength(1);
        server.stream.respond(new ResponseHead(502, [], -1), true);
        server.send(NEXT);
        await settle();
        expect(server.take()).toEqual([]);
        expect(server.transport.ended).toBe(true);
      }
    }
  });

  test("200 is no 101 (CVE-2024-23326)", async () => {
    const server = new RecordingServer();
    server.send(upgrade + NEXT);
    server.take();
    server.stream.respond(new ResponseHead(200, [], 0), true);
    await settle();
    expect(server.take()).toEqual([]);
    expect(server.written()).toContain("connection: close");
  });

  test("a 101 that was not asked for, or to another protocol, is an upstream's fault", async () => {
    const switching = (protocol: string) =>
      lines("HTTP/1.1 101 Switching Protocols", "connection: upgrade", `upgrade: ${protocol}`);
    for (const [asked, answer] of [
      [undefined, switching("websocket")],
      ["websocket", switching("other")],
      ["websocket", lines("HTTP/1.1 101 Switching Protocols")],
      ["websocket", lines("HTTP/1.1 101 Switching Protocols", "upgrade: websocket")],
    ] as const) {
      const client = new RecordingClient();
      client.connection.request(new RequestHead("GET", "http", "h", "/", [], "HTTP/1.1", -1, asked), false, client);
      await settle();
      client.send(answer);
      await settle();
      expect(client.take()).toEqual(["draining", "reset protocol", "closed"]);
    }
  });
});

describe("class 6, injection", () => {
  refusals([
    ["folded line", get("A: b", " c"), 400],
    ["folded first line", lines("GET / HTTP/1.1", " Host: h"), 400],
    ["bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400],
    ["bare LF only", "GET / HTTP/1.1\nHost: h\n\n", 400],
    ["bare CR in a value", get("A: b\rc"), 400],
    ["NUL in a value", get("A: b\0c"), 400],
    ["DEL in a value", get("A: b\x7f"), 400],
    ["escape in a value", get("A: \x1b[0m"), 400],
    ["NUL in a name", get("A\0: b"), 400],
    ["space in a name", get("A b: c"), 400],
    ["white space before the colon", get("Content-Length : 5"), 400],
    ["tab before the colon", get("Content-Length\t: 5"), 400],
    ["no colon", get("Content-Length"), 400],
    ["no name", get(": b"), 400],
    ["name beyond ASCII", get("\xe4: b"), 400],
    ["parentheses in a name", get("a(b): c"), 400],
    ["slash in a name", get("a/b: c"), 400],
    ["forwarding hidden by connection", get("Connection: x-forwarded-for", "X-Forwarded-For: 1"), 400],
    ["host hidden by connection", get("Connection: host"), 400],
    ["too many connection options", get(`Connection: ${Array.from({ length: 11 }, (_, i) => `x${i}`).join()}`), 400],
  ]);
});

test("a bare CR is seen with the byte behind it, not when the head ends", () => {
  const server = new RecordingServer();
  server.send("GET / HTTP/1.1\r\nA: b\r");
  expect(server.take()).toEqual([]);
  server.send("c");
  expect(server.take()).toEqual(["refused 400 http1.codec_error"]);
});

describe("class 7, host", () => {
  refusals([
    ["missing", lines("GET / HTTP/1.1"), 400],
    ["empty", lines("GET / HTTP/1.1", "Host:"), 400],
    ["twice", lines("GET / HTTP/1.1", "Host: a", "Host: b"), 400],
    ["the same twice", lines("GET / HTTP/1.1", "Host: a", "Host: a"), 400],
    ["twice on HTTP/1.0", lines("GET / HTTP/1.0", "Host: a", "Host: b"), 400],
    ["a list", lines("GET / HTTP/1.1", "Host: a, b"), 400],
    ["user information", lines("GET / HTTP/1.1", "Host: user@a"), 400],
    ["a path", lines("GET / HTTP/1.1", "Host: a/b"), 400],
    ["a bad port", lines("GET / HTTP/1.1", "Host: a:x"), 400],
    ["a port out of range", lines("GET / HTTP/1.1", "Host: a:65536"), 400],
    ["missing beside an absolute target", lines("GET http://a/ HTTP/1.1"), 400],
    ["malformed beside an absolute target", lines("GET http://a/ HTTP/1.1", "Host: a b"), 400],
    ["user information in the target", lines("GET http://user@a/ HTTP/1.1", "Host: a"), 400],
    ["absolute target without authority", lines("GET http:///x HTTP/1.1", "Host: a"), 400],
    ["backslash for the slash", lines("GET http://a\\@b/ HTTP/1.1", "Host: a"), 400],
    ["CONNECT without a port", lines("CONNECT a HTTP/1.1", "Host: a"), 400],
    ["CONNECT to port 0", lines("CONNECT a:0 HTTP/1.1", "Host: a"), 400],
    ["CONNECT to a path", lines("CONNECT /a:1 HTTP/1.1", "Host: a"), 400],
    ["CONNECT to a URL", lines("CONNECT http://a:1 HTTP/1.1", "Host: a"), 400],
  ]);
});

describe("the request line", () => {
  refusals([
    ["fragment", lines("GET /a#b HTTP/1.1", "Host: h"), 400],
    ["space in the target", lines("GET /a b HTTP/1.1", "Host: h"), 400],
    ["two spaces before the target", lines("GET  / HTTP/1.1", "Host: h"), 400],
    ["tab for the space", lines("GET\t/ HTTP/1.1", "Host: h"), 400],
    ["two spaces before the version", lines("GET /  HTTP/1.1", "Host: h"), 400],
    ["NUL in the target", lines("GET /\0 HTTP/1.1", "Host: h"), 400],
    ["DEL in the target", lines("GET /\x7f HTTP/1.1", "Host: h"), 400],
    ["target beyond ASCII", lines("GET /\xe4 HTTP/1.1", "Host: h"), 400],
    ["relative target", lines("GET a HTTP/1.1", "Host: h"), 400],
    ["asterisk for GET", lines("GET * HTTP/1.1", "Host: h"), 400],
    ["another scheme", lines("GET ftp://a/ HTTP/1.1", "Host: a"), 400],
    ["no target", lines("GET HTTP/1.1", "Host: h"), 400],
    ["lower-case method", lines("get / HTTP/1.1", "Host: h"), 400],
    ["mixed-case method", lines("Get / HTTP/1.1", "Host: h"), 400],
    ["method that is no token", lines("GE(T / HTTP/1.1", "Host: h"), 400],
    ["no method", lines(" / HTTP/1.1", "Host: h"), 400],
    ["HTTP/0.9", lines("GET /"), 400],
    ["HTTP/1.2", lines("GET / HTTP/1.2", "Host: h"), 505],
    ["HTTP/2.0", lines("GET / HTTP/2.0", "Host: h"), 505],
    ["HTTP/3.1", lines("GET / HTTP/3.1", "Host: h"), 505],
    ["lower-case version", lines("GET / http/1.1", "Host: h"), 400],
    ["version with more digits", lines("GET / HTTP/1.10", "Host: h"), 400],
    ["bytes behind the version", lines("GET / HTTP/1.1 x", "Host: h"), 400],
    ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\n", 400],
    ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["a line of another protocol", lines("EHLO example.org"), 400],
    ["an empty head", "\r\n\r\n", 400],
  ]);
});

describe("class 16, slowness", () => {
  test("a head has its time, from its first byte", async () => {
    const server = new RecordingServer({ headTimeoutMs: 1000 });
    server.send("GET / HT");
    server.connection.onDeadline();
    expect(server.take()).toEqual(["refused 408 request_header_timeout"]);
    await settle();
    expect(server.written()).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
    expect(server.transport.ended).toBe(true);
  });

  test("more bytes of the head do not give it more time, and its end stops the clock", () => {
    const server = new RecordingServer({ headTimeoutMs: 1000, idleTimeoutMs: 0 });
    expect(server.connection.armed).toBe(false);
    server.send("G");
    const armed = server.connection.slot;
    for (const byte of "ET / HTTP/1.1\r\nHost: h\r\n\r") server.send(byte);
    expect(server.connection.slot).toBe(armed);
    server.send("\n");
    expect(server.connection.armed).toBe(false);
    expect(server.take()).toHaveLength(1);
  });

  test("an upstream's head has its time too", async () => {
    const client = new RecordingClient({ headTimeoutMs: 1000 });
    client.connection.request(new RequestHead("GET", "http", "h", "/", [], "HTTP/1.1", -1, undefined), true, client);
    await settle();
    client.send("HTTP/1.1 200");
    client.connection.onDeadline();
    await settle();
    expect(client.take()).toEqual(["draining", "reset timeout", "closed"]);
  });

  test("an idle connection is closed, one with a request in progress is not", async () => {
    const server = new RecordingServer({ idleTimeoutMs: 0.001 });
    const client = new RecordingClient({ idleTimeoutMs: 0.001 });
    server.send(get());
    server.connection.onDeadline();
    await settle();
    expect(server.transport.ended).toBe(false);
    server.stream.respond(new ResponseHead(200, [], -1), true);
    await settle();
    while (!server.transport.ended || !client.transport.ended) await settle(); // the test's own time is the limit
  });

  test("a client that neither takes our end nor sends its own is cut off", async () => {
    const server = new RecordingServer();
    server.transport.setCapacity(10);
    server.send("x\n");
    await settle();
    server.connection.onDeadline(); // something was taken: more time
    await settle();
    expect(server.transport.closed).toBe(false);
    server.connection.onDeadline();
    await settle();
    expect(server.transport.closed).toBe(true);
  });

  test("the rest of a body behind an early answer has its time", async () => {
    const server = new RecordingServer();
    server.send(`${post("Content-Length: 9")}a`);
    server.stream.respond(new ResponseHead(200, [], -1), true);
    server.connection.onDeadline();
    await settle();
    expect(server.transport.ended).toBe(true);
  });
});

describe("class 17, size", () => {
  const limits = { maxHeadBytes: 1000, maxHeaders: 10, maxTargetBytes: 100 };
  const cases: readonly Case[] = [
    ["a long target", lines(`GET /${"a".repeat(200)} HTTP/1.1`, "Host: h"), 414],
    ["a target that never ends", `GET /${"a".repeat(2000)}`, 414],
    ["a large head", get(`A: ${"b".repeat(1000)}`), 431],
    ["a head that never ends", `GET / HTTP/1.1\r\nA: ${"b".repeat(2000)}`, 431],
    ["too many fields", get(..."abcdefghijk".split("").map((name) => `${name}: 1`)), 431],
  ];
  for (const [name, wire, status] of cases) {
    test(`${name}: ${status}`, async () => {
      for (const pieces of [[wire], [...wire]]) {
        const server = new RecordingServer(limits);
        for (const piece of pieces) server.send(piece);
        expect(server.take()[0]).toStartWith(`refused ${status} `);
        await settle();
        expect(server.transport.ended).toBe(true);
      }
    });
  }

  test("limits that are just met are no reason to refuse", () => {
    const server = new RecordingServer(limits);
    const head = (pad: number) =>
      lines(
        `GET /${"a".repeat(99)} HTTP/1.1`,
        "Host: h",
        `A: ${"b".repeat(pad)}`,
        ..."12345678".split("").map((n) => `${n}: `),
      );
    server.send(head(1000 - head(0).length));
    expect(server.take()[0]).toStartWith("request GET");
  });

  test("of an upstream's head resets with limit", async () => {
    for (const wire of [
      lines("HTTP/1.1 200 OK", `A: ${"b".repeat(2000)}`),
      lines("HTTP/1.1 200 OK", ..."abcdefghijk".split("").map((n) => `${n}: 1`)),
    ]) {
      const client = new RecordingClient(limits);
      client.connection.request(new RequestHead("GET", "http", "h", "/", [], "HTTP/1.1", -1, undefined), true, client);
      await settle();
      client.send(wire);
      await settle();
      expect(client.take()).toEqual(["draining", "reset limit", "closed"]);
    }
  });

  test("a head that comes byte by byte is searched and copied once, not anew for every byte", () => {
    const server = new RecordingServer({ maxHeadBytes: 1 << 20, maxHeaders: 10_000 });
    const wire = get(...Array.from({ length: 6_000 }, (_, i) => `x-field-${i}: ${"v".repeat(30)}`));
    const bytes = Buffer.from(wire);
    // 280,000 calls; done anew each time they would look at 4·10¹⁰ bytes and outlast the test's time.
    for (let i = 0; i < bytes.length; i++) server.connection.receive(bytes.subarray(i, i + 1));
    expect(server.take()).toHaveLength(1);
  });
});

describe("an upstream's garbage resets the request and closes", () => {
  const garbage: readonly [name: string, wire: string][] = [
    ["not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["the greeting of another protocol, which says no more", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["an empty line", "\r\n"],
    ["another version", lines("HTTP/2.0 200 OK")],
    ["no status", lines("HTTP/1.1 OK")],
    ["a status of two digits", lines("HTTP/1.1 20 OK")],
    ["a status of four digits", lines("HTTP/1.1 2000 OK")],
    ["a status below 100", lines("HTTP/1.1 099 No")],
    ["a status above 599", lines("HTTP/1.1 600 No")],
    ["a tab for the space", lines("HTTP/1.1\t200 OK")],
    ["control characters in the reason", lines("HTTP/1.1 200 O\0K")],
    ["bare LF", "HTTP/1.1 200 OK\n\n"],
    ["both lengths", lines("HTTP/1.1 200 OK", "content-length: 1", "transfer-encoding: chunked")],
    ["two lengths", lines("HTTP/1.1 200 OK", "content-length: 1", "content-length: 1")],
    ["chunked on HTTP/1.0", lines("HTTP/1.0 200 OK", "transfer-encoding: chunked")],
    ["another coding", lines("HTTP/1.1 200 OK", "transfer-encoding: gzip")],
    ["folded line", lines("HTTP/1.1 200 OK", "a: b", " c")],
    ["bad chunk", `${lines("HTTP/1.1 200 OK", "transfer-encoding: chunked")}xyz\r\n`],
  ];
  for (const [name, wire] of garbage) {
    test(name, async () => {
      const client = new RecordingClient();
      client.connection.request(new RequestHead("GET", "http", "h", "/", [], "HTTP/1.1", -1, undefined), true, client);
      await settle();
      client.send(wire);
      await settle();
      expect(client.take().filter((event) => !event.startsWith("response"))).toEqual([
        "draining",
        "reset protocol",
        "closed",
      ]);
      expect(client.transport.closed).toBe(true);
    });
  }
});
