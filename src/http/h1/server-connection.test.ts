import { describe, expect, test } from "bun:test";
import { until } from "../../base/until-fixture.ts";
import { settle } from "../memory-transport.ts";
import { ResponseHead } from "../stream.ts";
import { lines, RecordingServer } from "./testing.ts";

const GET = lines("GET /a HTTP/1.1", "Host: h");
const ok = (length = -1) => new ResponseHead(200, [], length);
const bytes = (text: string) => Buffer.from(text, "latin1");

describe("a request", () => {
  test("is handed over with names in lower case, values trimmed, order and repetition kept, hop-by-hop fields gone", () => {
    const server = new RecordingServer({}, "https");
    server.send(
      lines(
        "GET /x?y=1 HTTP/1.1",
        "Host: h:80",
        "X-Own:  a b \t",
        "Accept: */*",
        "ACCEPT: text/plain",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Connection: keep-alive, X-Private, TE",
        "X-Private: 1",
        "TE: gzip;q=0.5, Trailers",
        "Empty:",
        "Latin: \xe9",
      ),
    );
    expect(server.take()).toEqual([
      'request GET https h:80 /x?y=1 HTTP/1.1 -1 x-own="a b" accept="*/*" accept="text/plain" te="trailers" empty="" latin="é" end',
    ]);
    expect(server.connection.active).toBe(1);
    expect(server.head.wireBytes).toBeGreaterThan(200);
  });

  test("with content-length gives its body and end", () => {
    const server = new RecordingServer();
    server.send(`${lines("POST / HTTP/1.1", "Host: h", "Content-Length: 5")}he`);
    server.send("llo");
    expect(server.take()).toEqual(["request POST http h / HTTP/1.1 5", "data hello", "end"]);
  });

  test("with chunks gives data, trailers and end; extensions are dropped", () => {
    const server = new RecordingServer();
    server.send(lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: Chunked"));
    server.send('5;a=b;c="d;e"\r\nhello\r\n00b\r\n, two world\r\n0\r\nX-Sum: 1\r\n\r\n');
    expect(server.take()).toEqual(["request POST http h / HTTP/1.1 -1", "data hello, two world", 'end x-sum="1"']);
  });

  test("has te once, however often it was sent, and no empty trailers", () => {
    const server = new RecordingServer();
    server.send(lines("POST / HTTP/1.1", "Host: h", "TE: trailers", "TE: trailers", "Transfer-Encoding: chunked"));
    for (const piece of ["0\r", "\n\r", "\n"]) server.send(piece);
    expect(server.take()).toEqual(['request POST http h / HTTP/1.1 -1 te="trailers"', "end"]);
  });

  test("does not end with the trailers of the one before", () => {
    const server = new RecordingServer();
    server.send(`${lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked")}0\r\na: b\r\n\r\n`);
    server.stream.respond(ok(), true);
    server.send(`${lines("POST / HTTP/1.1", "Host: h", "Content-Length: 1")}x`);
    expect(server.take().filter((event) => event.startsWith("end"))).toEqual(['end a="b"', "end"]);
  });

  test("with many small chunks gives its data in one piece", () => {
    const server = new RecordingServer();
    let calls = 0;
    const pieces: string[] = [];
    server.answer = (stream) => {
      stream.listener = {
        ...{ onEnd() {}, onReset() {}, onWritable() {} },
        onData(chunk) {
          calls++;
          pieces.push(Buffer.from(chunk).toString());
        },
      };
    };
    server.send(
      `${lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked")}${"1\r\nx\r\n".repeat(500)}0\r\n\r\n`,
    );
    expect([calls, pieces.join("")]).toEqual([1, "x".repeat(500)]);
  });

  test("in absolute-form takes authority and scheme from the target, not from Host", () => {
    const server = new RecordingServer();
    server.answer = (stream) => stream.respond(ok(), true);
    server.send(lines("GET http://Target:81/p?q HTTP/1.1", "Host: other"));
    server.send(lines("GET HTTPS://target?q HTTP/1.1", "Host: other"));
    server.send(lines("OPTIONS http://target HTTP/1.1", "Host: other"));
    server.send(lines("OPTIONS * HTTP/1.1", "Host: h"));
    expect(server.take()).toEqual([
      "request GET http Target:81 /p?q HTTP/1.1 -1 end",
      "request GET https target /?q HTTP/1.1 -1 end",
      "request OPTIONS http target * HTTP/1.1 -1 end",
      "request OPTIONS http h * HTTP/1.1 -1 end",
    ]);
  });

  test("may follow one empty line, as some clients send after a body", async () => {
    const server = new RecordingServer();
    server.answer = (stream) => stream.respond(ok(), true);
    server.send(`\r\n${GET}\r`);
    server.send(`\n${GET}`);
    expect(server.take()).toEqual(["request GET http h /a HTTP/1.1 -1 end", "request GET http h /a HTTP/1.1 -1 end"]);
    server.send("\r\n\r\n");
    expect(server.take()[0]).toStartWith("refused 400");
  });

  test("of any method that is a token without lower-case letters is served", () => {
    for (const method of ["GET", "M-SEARCH", "PROPFIND", "X_1!#$%&'*+.^`|~", "GOT", "HEAP"]) {
      const server = new RecordingServer();
      server.send(lines(`${method} / HTTP/1.1`, "Host: h"));
      expect(server.head.method).toBe(method);
    }
  });
});

describe("a response", () => {
  async function written(request: string, respond: (server: RecordingServer) => void): Promise<string> {
    const server = new RecordingServer();
    server.send(request);
    respond(server);
    await settle();
    return server.written();
  }

  test("without a body says so", async () => {
    expect(await written(GET, (s) => s.stream.respond(new ResponseHead(404, ["x-a", "b"], -1), true))).toBe(
      lines("HTTP/1.1 404 Not Found", "x-a: b", "content-length: 0"),
    );
  });

  test("of known length is written as it is, of unknown length in chunks with trailers", async () => {
    const known = await written(GET, (s) => {
      s.stream.respond(ok(5), false);
      s.stream.write(bytes("hel"));
      s.stream.write(bytes("lo"));
      s.stream.end(["x", "dropped"]);
    });
    expect(known).toBe(`${lines("HTTP/1.1 200 OK", "content-length: 5")}hello`);
    const unknown = await written(GET, (s) => {
      s.stream.respond(ok(), false);
      s.stream.write(bytes("hello, world, again"));
      s.stream.write(new Uint8Array(0));
      s.stream.end(["x-sum", "1"]);
    });
    const head = lines("HTTP/1.1 200 OK", "transfer-encoding: chunked");
    expect(unknown).toBe(`${head}13\r\nhello, world, again\r\n0\r\nx-sum: 1\r\n\r\n`);
  });

  test("to HEAD, and 204 and 304, has no body whatever its owner writes", async () => {
    const head = await written(lines("HEAD / HTTP/1.1", "Host: h"), (s) => {
      s.stream.respond(ok(5), false);
      s.stream.write(bytes("hello"));
      s.stream.end();
    });
    expect(head).toBe(lines("HTTP/1.1 200 OK", "content-length: 5"));
    const none = await written(GET, (s) => s.stream.respond(new ResponseHead(204, [], 0), true));
    expect(none).toBe(lines("HTTP/1.1 204 No Content"));
    const unchanged = await written(GET, (s) => s.stream.respond(new ResponseHead(304, ["etag", "x"], 7), true));
    expect(unchanged).toBe(lines("HTTP/1.1 304 Not Modified", "etag: x", "content-length: 7"));
  });

  test("may follow interim ones", async () => {
    const text = await written(
      lines("POST / HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 1"),
      (s) => {
        s.stream.inform(100, []);
        s.stream.inform(103, ["link", "</x>"]);
        s.stream.inform(101, []); // final, and for `respond`
        s.send("x");
        s.stream.respond(ok(), true);
      },
    );
    const interim = `${lines("HTTP/1.1 100 Continue")}${lines("HTTP/1.1 103 Early Hints", "link: </x>")}`;
    expect(text).toBe(`${interim}${lines("HTTP/1.1 200 OK", "content-length: 0")}`);
  });

  test("leaves in one write with everything else of the turn", async () => {
    const server = new RecordingServer();
    server.answer = (stream) => {
      stream.respond(ok(), false);
      for (let i = 0; i < 20; i++) stream.write(bytes("x"));
      stream.end();
    };
    server.send(GET.repeat(10));
    await settle();
    expect(server.transport.writes).toBe(1);
  });

  test("whose names and values hold line ends, or fields of framing, cannot become another message", async () => {
    const reserved = [
      "content-length",
      "transfer-encoding",
      "connection",
      "keep-alive",
      "proxy-connection",
      "upgrade",
      "host",
    ];
    const evil = ["x-a", "1\r\nset-cookie: evil", "x\r\ny: z", "v\0w"];
    const headers = [...evil, ...reserved.flatMap((name) => [name, "99"])];
    const text = await written(GET, (s) =>
      s.stream.respond(new ResponseHead(200, [...headers, "u", "\u010a\u010d"], -1), true),
    );
    const expected = ["HTTP/1.1 200 OK", "x-a: 1  set-cookie: evil", "x__y__z: v w", "u:   ", "content-length: 0"];
    expect(text).toBe(lines(...expected));
  });

  test("larger than a buffer of the outbox is written whole", async () => {
    const value = "v".repeat(40_000);
    const text = await written(GET, (s) => s.stream.respond(new ResponseHead(200, ["x-a", value], -1), true));
    expect(text).toBe(lines("HTTP/1.1 200 OK", `x-a: ${value}`, "content-length: 0"));
  });
});

describe("keeping alive", () => {
  const cases: [request: string, option: string | undefined, closes: boolean][] = [
    [GET, undefined, false],
    [lines("GET / HTTP/1.1", "Host: h", "Connection: Close"), "close", true],
    [lines("GET / HTTP/1.1", "Host: h", "Connection: keep-alive, close"), "close", true],
    [lines("GET / HTTP/1.0"), "close", true],
    [lines("GET / HTTP/1.0", "Connection: Keep-Alive"), "keep-alive", false],
  ];
  for (const [request, option, closes] of cases) {
    test(`${JSON.stringify(request)} is answered with connection: ${option} and ${closes ? "closed" : "kept"}`, async () => {
      const server = new RecordingServer();
      server.send(request);
      server.stream.respond(ok(), true);
      await settle();
      expect(server.written().match(/connection: (.*)\r/)?.[1]).toBe(option as string);
      expect(server.transport.ended).toBe(closes);
    });
  }

  test("an HTTP/1.0 response of unknown length ends with the connection", async () => {
    const server = new RecordingServer();
    server.send(lines("GET / HTTP/1.0", "Connection: keep-alive"));
    server.stream.respond(ok(), false);
    server.stream.write(bytes("hello"));
    server.stream.end();
    await settle();
    expect(server.written()).toBe(`${lines("HTTP/1.1 200 OK", "connection: close")}hello`);
    expect(server.transport.ended).toBe(true);
  });

  test("HTTP/1.0 gets no interim response", async () => {
    const server = new RecordingServer();
    server.send(lines("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 1"));
    server.stream.inform(100, []);
    await settle();
    expect(server.written()).toBe("");
  });
});

describe("pipelined requests", () => {
  test("are served in order, the transport paused while one is in progress", async () => {
    const server = new RecordingServer();
    server.send(lines("GET /1 HTTP/1.1", "Host: h") + lines("GET /2 HTTP/1.1", "Host: h") + GET.slice(0, 10));
    expect(server.take()).toEqual(["request GET http h /1 HTTP/1.1 -1 end"]);
    expect(server.transport.paused).toBe(true);
    server.stream.respond(ok(), true);
    expect(server.take()).toEqual([]); // not from within the owner's call
    await settle();
    expect(server.take()).toEqual(["request GET http h /2 HTTP/1.1 -1 end"]);
    server.stream.respond(ok(), true);
    await settle();
    expect(server.transport.paused).toBe(false);
    server.send(GET.slice(10));
    expect(server.take()).toEqual(["request GET http h /a HTTP/1.1 -1 end"]);
  });

  test("that are answered at once are served in one go", () => {
    const server = new RecordingServer();
    server.answer = (stream) => stream.respond(ok(), true);
    server.send(GET.repeat(50));
    expect(server.take().length).toBe(50);
    expect(server.transport.paused).toBe(false);
  });

  test("held behind the last response do not keep the transport paused, or the client's FIN would not be seen", () => {
    const server = new RecordingServer();
    server.send(GET + GET);
    server.connection.shutdown();
    expect(server.transport.paused).toBe(true);
    server.stream.respond(ok(), true);
    expect(server.transport.paused).toBe(false);
  });

  test("behind one that asked to close are not served", async () => {
    const server = new RecordingServer();
    server.answer = (stream) => stream.respond(ok(), true);
    server.send(lines("GET / HTTP/1.1", "Host: h", "Connection: close") + GET);
    await settle();
    expect(server.take().length).toBe(1);
  });
});

describe("an early response", () => {
  const post = (length: number) => lines("POST / HTTP/1.1", "Host: h", `Content-Length: ${length}`);

  test("has a bounded rest of the body dropped, and the next request served", () => {
    const server = new RecordingServer();
    server.send(`${post(10)}12345`);
    server.stream.respond(ok(), true);
    server.send(`67890${GET}`);
    expect(server.take()).toEqual([
      "request POST http h / HTTP/1.1 10",
      "data 12345",
      "request GET http h /a HTTP/1.1 -1 end",
    ]);
  });

  test("to a body larger than would be dropped says close", async () => {
    const server = new RecordingServer({ maxDrainBytes: 100 });
    server.send(`${post(1_000)}12345`);
    server.stream.respond(ok(), true);
    await settle();
    expect(server.written()).toBe(lines("HTTP/1.1 200 OK", "content-length: 0", "connection: close"));
    expect(server.transport.ended).toBe(true);
  });

  test("to a chunked body that goes on for too long closes, and the response still arrives", async () => {
    const server = new RecordingServer({ maxDrainBytes: 100 });
    server.send(lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"));
    server.stream.respond(ok(), true);
    for (let i = 0; i < 20; i++) server.send("a\r\n0123456789\r\n");
    server.send(`0\r\n\r\n${GET}`);
    await settle();
    expect(server.take()).toEqual(["request POST http h / HTTP/1.1 -1"]);
    expect(server.written()).toBe(lines("HTTP/1.1 200 OK", "content-length: 0"));
    expect(server.transport.ended).toBe(true);
  });

  test("that took its time while the body did not come closes when more is left than would be dropped", async () => {
    const server = new RecordingServer({ maxDrainBytes: 100 });
    server.send(post(1_000));
    server.stream.respond(ok(), false);
    server.stream.end();
    await settle();
    expect(server.transport.ended).toBe(true);
  });

  test("given while data is taken is followed by the next request", () => {
    const server = new RecordingServer();
    server.answer = (stream, head) => {
      if (head.method === "GET") stream.respond(ok(), true);
      else stream.listener = { onEnd() {}, onReset() {}, onWritable() {}, onData: () => stream.respond(ok(), true) };
    };
    server.send(`${post(4)}body${GET}${post(9)}abc`);
    server.send(`defghi${GET}`);
    expect(server.take().map((event) => event.split(" ")[1])).toEqual(["POST", "GET", "POST", "GET"]);
  });
});

describe("back-pressure", () => {
  test("pause and resume of the stream reach the transport while its body comes, and end with it", async () => {
    const server = new RecordingServer();
    server.send(lines("POST / HTTP/1.1", "Host: h", "Content-Length: 3"));
    server.stream.pause();
    expect(server.transport.paused).toBe(true);
    server.stream.resume();
    expect(server.transport.paused).toBe(false);
    server.stream.pause();
    server.stream.respond(ok(), true);
    expect(server.transport.paused).toBe(false);
  });

  test("pause after the last byte of the request stops nothing: a client that goes away is still seen", () => {
    const server = new RecordingServer();
    server.send(GET);
    server.stream.pause();
    expect(server.transport.paused).toBe(false);
  });

  test("write is false above the high-water mark, and onWritable follows below it", async () => {
    const server = new RecordingServer({ highWaterBytes: 1000 });
    server.transport.setCapacity(100);
    server.send(GET);
    server.take();
    server.stream.respond(ok(), false);
    expect(server.stream.write(Buffer.alloc(500))).toBe(true);
    expect(server.stream.write(Buffer.alloc(600))).toBe(false);
    await settle();
    expect(server.take()).toEqual([]);
    for (let i = 0; i < 12; i++) {
      server.wire.take();
      await settle();
    }
    expect(server.take()).toEqual(["writable"]);
  });
});

describe("tunnels", () => {
  const upgrade = lines("GET /chat HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: WebSocket, other");

  test("after 101 carry bytes both ways; those that came early are held until then", async () => {
    const server = new RecordingServer();
    server.send(`${upgrade}early`);
    expect(server.take()).toEqual(["request GET http h /chat HTTP/1.1 -1 upgrade websocket"]);
    expect(server.transport.paused).toBe(true);
    server.stream.respond(new ResponseHead(101, ["x", "y"], -1), false);
    expect(server.take()).toEqual([]);
    await settle();
    expect(server.take()).toEqual(["data early"]);
    expect(server.transport.paused).toBe(false);
    server.send("late");
    server.stream.write(bytes("down"));
    await settle();
    expect(server.take()).toEqual(["data late"]);
    expect(server.written()).toBe(
      `${lines("HTTP/1.1 101 Switching Protocols", "x: y", "connection: upgrade", "upgrade: websocket")}down`,
    );
  });

  test("close each direction on its own", async () => {
    const server = new RecordingServer();
    server.send(lines("CONNECT h:443 HTTP/1.1", "Host: h:443"));
    expect(server.take()).toEqual(["request CONNECT http h:443 - HTTP/1.1 -1"]);
    server.stream.respond(ok(), false);
    server.stream.write(bytes("x"));
    server.stream.end();
    await settle();
    expect(server.written()).toBe(`${lines("HTTP/1.1 200 OK")}x`);
    expect(server.transport.ended).toBe(true);
    server.wire.write(bytes("still"));
    server.wire.end();
    await settle();
    expect(server.take()).toEqual(["data still", "end", "closed"]);
  });

  test("whose peer closes first carry what is left the other way", async () => {
    const server = new RecordingServer();
    server.send(lines("CONNECT h:443 HTTP/1.1", "Host: h"));
    server.stream.respond(ok(), false);
    server.wire.end();
    await settle();
    expect(server.take().slice(1)).toEqual(["end"]);
    expect(server.connection.active).toBe(1);
    server.stream.write(bytes("rest"));
    server.stream.end();
    await settle();
    expect(server.written()).toEndWith("rest");
    expect(server.take()).toEqual(["closed"]);
  });

  test("that are refused close the connection, and what came early is no request", async () => {
    for (const request of [upgrade, lines("CONNECT h:443 HTTP/1.1", "Host: h")]) {
      const server = new RecordingServer();
      server.send(`${request}${GET}`);
      server.take();
      server.stream.respond(new ResponseHead(403, [], -1), true);
      await settle();
      expect(server.take()).toEqual([]);
      expect(server.written()).toContain("connection: close");
      expect(server.transport.ended).toBe(true);
    }
  });

  test("asked for where a server has to ignore it are plain requests", () => {
    const ignored = [
      lines("GET / HTTP/1.1", "Host: h", "Upgrade: websocket"), // no connection option
      lines("GET / HTTP/1.0", "Host: h", "Connection: upgrade", "Upgrade: websocket"),
      lines("GET / HTTP/1.1", "Host: h", "Connection: upgrade, http2-settings", "Upgrade: h2c", "HTTP2-Settings: AA"),
      `${lines("POST / HTTP/1.1", "Host: h", "Connection: upgrade", "Upgrade: websocket", "Content-Length: 1")}x`,
    ];
    for (const request of ignored) {
      const server = new RecordingServer();
      server.send(request);
      expect(server.head.upgrade).toBeUndefined();
      expect(server.head.headers).toEqual([]);
    }
  });
});

test("chunks that are large enough to leave at once keep their framing", async () => {
  const server = new RecordingServer();
  server.send(GET);
  server.stream.respond(ok(), false);
  await settle();
  const sizes = [64 * 1024, 100_000, 3, 70_000];
  for (const size of sizes) server.stream.write(Buffer.alloc(size, "x"));
  server.stream.end(undefined);
  await settle();
  const body = server.written().split("\r\n\r\n", 2)[1];
  expect(body).toBe(`${sizes.map((size) => `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`).join("")}0`);
});

describe("the end", () => {
  test("shutdown closes an idle connection once it is quiet, and lets a response in flight say close", async () => {
    const idle = new RecordingServer();
    idle.connection.shutdown();
    await until("the end", () => idle.transport.ended);
    const busy = new RecordingServer();
    busy.send(GET);
    busy.connection.shutdown();
    busy.stream.respond(ok(), true);
    await settle();
    expect(busy.written()).toContain("connection: close");
    expect(busy.transport.ended).toBe(true);
  });

  test("shutdown serves the request that was on its way, as the last one", async () => {
    const server = new RecordingServer();
    server.connection.shutdown();
    await settle();
    expect(server.transport.ended).toBe(false);
    server.send(GET);
    server.stream.respond(ok(), true);
    await settle();
    expect(server.written()).toContain("connection: close");
    expect(server.transport.ended).toBe(true);
  });

  test("shutdown serves the request whose head has begun to come", async () => {
    const server = new RecordingServer();
    server.send(GET.slice(0, 8));
    server.connection.shutdown();
    server.send(GET.slice(8));
    server.stream.respond(ok(), true);
    await settle();
    expect(server.written()).toContain("connection: close");
  });

  test("a client that goes away in the middle of an exchange resets it", async () => {
    const server = new RecordingServer();
    server.send(GET);
    server.wire.end();
    await settle();
    expect(server.take()).toEqual(["request GET http h /a HTTP/1.1 -1 end", "reset closed", "closed"]);
  });

  test("the owner's reset closes the connection, and nothing is told any more", async () => {
    const server = new RecordingServer();
    server.send(`${lines("POST / HTTP/1.1", "Host: h", "Content-Length: 9")}a`);
    server.take();
    server.stream.reset("cancelled");
    server.send("bcd");
    server.stream.respond(ok(), true);
    server.stream.write(bytes("x"));
    await settle();
    expect(server.take()).toEqual(["closed"]);
    expect(server.transport.closed).toBe(true);
  });

  test("after the owner's reset, what was sent arrives where its end is seen to be too early, and in tunnels; elsewhere nothing does", async () => {
    const responses = [
      [GET, ok(9), true],
      [GET, ok(-1), true],
      [lines("GET / HTTP/1.0", "Host: h"), ok(-1), false],
      [lines("CONNECT a:1 HTTP/1.1", "Host: a:1"), ok(-1), true],
    ] as const;
    for (const [request, head, arrives] of responses) {
      const server = new RecordingServer();
      server.send(request);
      server.stream.respond(head, false);
      server.stream.write(bytes("so far"));
      server.stream.reset("reset");
      await settle();
      expect(server.written().includes("so far")).toBe(arrives);
      expect(server.transport.ended || server.transport.closed).toBe(true);
    }
  });

  test("the owner's reset while it takes data is the last that happens, whatever bytes are left", async () => {
    for (const body of ["3\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\nx", `3\r\nabc\r\n0\r\n\r\n${GET}`]) {
      const server = new RecordingServer();
      server.answer = (stream) => {
        server.onData = () => stream.reset("cancelled");
      };
      server.send(lines("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked") + body);
      await settle();
      expect(server.take().slice(1)).toEqual(["closed"]);
      expect(server.transport.closed).toBe(true);
    }
  });

  test("a length that the owner does not keep resets the exchange instead of writing it", async () => {
    for (const body of ["hello!", "hell"]) {
      const server = new RecordingServer();
      server.send(GET);
      server.take();
      server.stream.respond(ok(5), false);
      server.stream.write(bytes(body));
      server.stream.end();
      expect(server.take()).toEqual([]);
      await settle();
      expect(server.take()).toEqual(["reset protocol", "closed"]);
      expect(server.written()).toBe("");
    }
  });

  test("calls on a stream that has ended touch nothing", async () => {
    const server = new RecordingServer();
    server.send(GET);
    const old = server.stream;
    old.respond(ok(), true);
    server.send(GET);
    old.respond(ok(), true);
    old.write(bytes("x"));
    old.end();
    old.pause();
    old.reset("cancelled");
    await settle();
    expect(server.written()).toBe(lines("HTTP/1.1 200 OK", "content-length: 0"));
    expect(server.transport.closed).toBe(false);
  });

  test("a lone CRLF after a response does not start a head's time", async () => {
    const server = new RecordingServer({ headTimeoutMs: 20 });
    server.answer = (stream) => stream.respond(ok(), true);
    server.send(`${GET}\r`);
    server.send("\n");
    server.connection.onDeadline(); // only an idle connection's, which looks at the clock and goes on
    await settle();
    expect(server.take().length).toBe(1);
    expect(server.transport.ended).toBe(false);
  });
});
