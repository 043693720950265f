import { describe, expect, test } from "bun:test";
import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import { settle } from "../memory-transport.ts";
import { type ClientStream, RequestHead } from "../stream.ts";
import { lines, RecordingClient } from "./testing.ts";

interface Asked {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly headers?: HeaderList;
  readonly length?: number;
  readonly upgrade?: string;
}

function head({
  method = "GET",
  authority = "h",
  path = "/",
  headers = [],
  length = -1,
  upgrade,
}: Asked = {}): RequestHead {
  return new RequestHead(method, "http", authority, path, headers, "HTTP/1.1", length, upgrade);
}

/** A client that has begun a request. */
function asking(request: Asked = {}, end = true, limits: Partial<HttpLimits> = {}): [RecordingClient, ClientStream] {
  const client = new RecordingClient(limits);
  return [client, client.connection.request(head(request), end, client)];
}

const bytes = (text: string) => Buffer.from(text, "latin1");
const OK = lines("HTTP/1.1 200 OK", "content-length: 0");

describe("a request", () => {
  async function written(request: Asked, end = true, more: (stream: ClientStream) => void = () => {}): Promise<string> {
    const [client, stream] = asking(request, end);
    more(stream);
    await settle();
    return client.written();
  }

  test("is written in origin-form with its authority as host", async () => {
    const text = await written({
      path: "/a?b",
      authority: "h:80",
      headers: ["x-a", "b", "te", "trailers", "host", "evil"],
    });
    expect(text).toBe(lines("GET /a?b HTTP/1.1", "host: h:80", "x-a: b", "te: trailers", "connection: te"));
  });

  test("without a body says so where the method lets expect one", async () => {
    expect(await written({ method: "POST" })).toBe(lines("POST / HTTP/1.1", "host: h", "content-length: 0"));
    expect(await written({ method: "DELETE" })).toBe(lines("DELETE / HTTP/1.1", "host: h"));
  });

  test("of known length is written as it is, of unknown length in chunks with trailers", async () => {
    const known = await written({ method: "PUT", length: 5 }, false, (stream) => {
      stream.write(bytes("hello"));
      stream.end();
    });
    expect(known).toBe(`${lines("PUT / HTTP/1.1", "host: h", "content-length: 5")}hello`);
    const unknown = await written({}, false, (stream) => {
      stream.write(bytes("hi"));
      stream.end(["x", "1"]);
    });
    expect(unknown).toBe(
      `${lines("GET / HTTP/1.1", "host: h", "transfer-encoding: chunked")}2\r\nhi\r\n0\r\nx: 1\r\n\r\n`,
    );
  });

  test("whose method, target or authority could end the request line cannot", async () => {
    const text = await written({ method: "GET / HTTP/1.1\r\nx", path: "/a b\r\nc#d", authority: "h\r\nx: y" });
    expect(text).toBe(lines("GET_/_HTTP/1.1__x /a_b__c_d HTTP/1.1", "host: h  x: y"));
  });

  test("to a connection that has one in progress is a fault of the caller", () => {
    const [client] = asking();
    expect(client.connection.available).toBe(0);
    expect(() => client.connection.request(head(), true, client)).toThrow("not available");
  });
});

describe("a response", () => {
  const cases: [name: string, wire: string, events: string[]][] = [
    ["without a body", OK, ["response 200 0 end", "available"]],
    [
      "with content-length",
      `${lines("HTTP/1.1 200 OK", "Content-Length: 5", "A: b")}hello`,
      ['response 200 5 a="b"', "data hello", "end", "available"],
    ],
    [
      "in chunks, with trailers",
      `${lines("HTTP/1.1 200 OK", "transfer-encoding: chunked")}3\r\nabc\r\n0\r\nt: 1\r\n\r\n`,
      ["response 200 -1", "data abc", 'end t="1"', "available"],
    ],
    [
      "after interim ones",
      `${lines("HTTP/1.1 100 Continue")}${lines("HTTP/1.1 103 Early Hints", "link: x")}${OK}`,
      ["inform 100", 'inform 103 link="x"', "response 200 0 end", "available"],
    ],
    [
      "204 that says chunked",
      lines("HTTP/1.1 204 No Content", "transfer-encoding: chunked"),
      ["response 204 -1 end", "available"],
    ],
    [
      "304 with the length it would have",
      lines("HTTP/1.1 304 Not Modified", "content-length: 7"),
      ["response 304 7 end", "available"],
    ],
    ["without a reason", lines("HTTP/1.1 200", "content-length: 0"), ["response 200 0 end", "available"]],
    [
      "that closes",
      lines("HTTP/1.1 200 OK", "content-length: 0", "Connection: Close"),
      ["draining", "response 200 0 end"],
    ],
    ["of HTTP/1.0", lines("HTTP/1.0 200 OK", "content-length: 0"), ["draining", "response 200 0 end"]],
    [
      "of HTTP/1.0 that keeps alive",
      lines("HTTP/1.0 200 OK", "content-length: 0", "connection: keep-alive"),
      ["response 200 0 end", "available"],
    ],
  ];
  for (const [name, wire, events] of cases) {
    test(name, async () => {
      const [client] = asking();
      await settle();
      client.send(wire);
      expect(client.take()).toEqual(events);
      const reusable = events.at(-1) === "available";
      expect([client.connection.available, client.connection.draining]).toEqual([reusable ? 1 : 0, !reusable]);
      await settle();
      expect(client.transport.ended).toBe(!reusable);
    });
  }

  test("to HEAD has no body, whatever it says", async () => {
    for (const framing of ["content-length: 5", "transfer-encoding: chunked"]) {
      const [client] = asking({ method: "HEAD" });
      await settle();
      client.send(lines("HTTP/1.1 200 OK", framing));
      expect(client.take()).toEqual([`response 200 ${framing.startsWith("c") ? 5 : -1} end`, "available"]);
    }
  });

  test("without a length ends with the connection", async () => {
    const [client] = asking();
    client.wire.write(bytes(`${lines("HTTP/1.1 200 OK")}hello`));
    client.wire.end();
    await settle();
    expect(client.take()).toEqual(["draining", "response 200 -1", "data hello", "end", "closed"]);
  });

  test("leaves the connection to the next request, also from within its end", async () => {
    const [client] = asking();
    await settle();
    let again = 2;
    client.onDone = () => {
      if (again-- > 0) client.connection.request(head(), true, client);
    };
    for (let i = 0; i < 3; i++) {
      client.send(OK);
      await settle();
    }
    expect(client.take()).toEqual(["response 200 0 end", "response 200 0 end", "response 200 0 end", "available"]);
    expect(client.written()).toBe(lines("GET / HTTP/1.1", "host: h").repeat(3));
  });
});

describe("a connection is not used again", () => {
  test("when bytes come behind the response, which could pass for the next one's", async () => {
    const [client] = asking();
    await settle();
    let offered = -1;
    client.onDone = () => {
      offered = client.connection.available;
    };
    client.send(OK + lines("HTTP/1.1 200 OK", "x-evil: 1", "content-length: 0"));
    expect(offered).toBe(0);
    await settle();
    expect(client.take()).toEqual(["response 200 0 end", "draining", "closed"]);
  });

  test("when bytes come while it is idle", async () => {
    const [client] = asking();
    await settle();
    client.send(OK);
    client.take();
    client.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
    await settle();
    expect(client.take()).toEqual(["draining", "closed"]);
  });

  test("when the response came before the request was sent: the response is read, then it is closed", async () => {
    const [client, stream] = asking({ method: "POST", length: 10 }, false);
    stream.write(bytes("12345"));
    await settle();
    client.send(`${lines("HTTP/1.1 413 Too Large", "content-length: 3")}n`);
    client.send("o!");
    expect(client.take()).toEqual(["response 413 3", "data no!", "end", "draining"]);
    expect(stream.write(bytes("67890"))).toBe(true);
    stream.end();
    await settle();
    expect(client.take()).toEqual(["closed"]);
  });

  test("when the request had not left our buffer", async () => {
    const client = new RecordingClient();
    client.transport.setCapacity(10);
    client.connection.request(head(), true, client);
    await settle();
    client.send(OK);
    await settle();
    expect(client.take()).toEqual(["response 200 0 end", "draining", "closed"]);
  });

  test("after shutdown: at once when idle, after the response otherwise", async () => {
    const idle = new RecordingClient();
    idle.connection.shutdown();
    expect([idle.connection.available, idle.connection.draining]).toEqual([0, true]);
    await settle();
    expect(idle.transport.ended).toBe(true);
    const [busy] = asking();
    await settle();
    busy.connection.shutdown();
    busy.send(OK);
    await settle();
    expect(busy.take()).toEqual(["draining", "response 200 0 end"]);
    expect(busy.transport.ended).toBe(true);
  });

  test("when the peer closed it while idle", async () => {
    const client = new RecordingClient();
    client.wire.end();
    await settle();
    expect(client.take()).toEqual(["draining", "closed"]);
  });
});

describe("tunnels", () => {
  const switching = lines("HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: WebSocket");

  test("open with 101, bytes behind it are the tunnel's, and either direction closes on its own", async () => {
    const [client, stream] = asking({ upgrade: "websocket" }, false);
    await settle();
    expect(client.written()).toBe(lines("GET / HTTP/1.1", "host: h", "connection: upgrade", "upgrade: websocket"));
    client.send(`${switching}first`);
    expect(client.take()).toEqual(["draining", "response 101 -1", "data first"]);
    stream.write(bytes("up"));
    stream.end();
    await settle();
    expect(client.written()).toBe("up");
    expect(client.transport.ended).toBe(true);
    client.wire.write(bytes("more"));
    client.wire.end();
    await settle();
    expect(client.take()).toEqual(["data more", "end", "closed"]);
  });

  test("of CONNECT open with 2xx, whose fields of framing mean nothing", async () => {
    const [client, stream] = asking({ method: "CONNECT", authority: "h:443", path: "" }, false);
    await settle();
    expect(client.written()).toBe(lines("CONNECT h:443 HTTP/1.1", "host: h:443"));
    client.send(`${lines("HTTP/1.1 200 OK", "content-length: 3")}abcdef`);
    client.wire.end();
    await settle();
    expect(client.take()).toEqual(["draining", "response 200 -1", "data abcdef", "end"]);
    stream.end();
    await settle();
    expect(client.take()).toEqual(["closed"]);
  });

  test("keep the method that asked for them", async () => {
    const [client] = asking({ method: "OPTIONS", upgrade: "tls/1.2" }, false);
    await settle();
    expect(client.written()).toStartWith("OPTIONS / HTTP/1.1\r\n");
  });

  test("that are refused give an ordinary response and end the connection", async () => {
    const [client] = asking({ upgrade: "websocket" }, false);
    await settle();
    client.send(`${lines("HTTP/1.1 200 OK", "content-length: 2")}no`);
    await settle();
    expect(client.take()).toEqual(["draining", "response 200 2", "data no", "end"]);
    expect(client.transport.ended).toBe(true);
  });

  test("take no bytes before they are open", async () => {
    const [client, stream] = asking({ upgrade: "websocket" }, false);
    stream.write(bytes("GET /smuggled HTTP/1.1\r\n\r\n"));
    await settle();
    expect(client.written()).toBe("");
    expect(client.take()).toEqual(["draining", "reset protocol", "closed"]);
  });

  test("stay open in our direction when a request before them had ended", async () => {
    const [client] = asking();
    await settle();
    client.send(OK);
    client.connection.request(head({ upgrade: "websocket" }), false, client);
    await settle();
    client.send(switching);
    await settle();
    expect(client.transport.ended).toBe(false);
  });

  test("whose owner ended its direction early close it once they open", async () => {
    const [client, stream] = asking({ upgrade: "websocket" }, false);
    stream.end();
    client.send(switching);
    await settle();
    expect(client.transport.ended).toBe(true);
  });
});

describe("the end", () => {
  test("of the connection before the response's resets the exchange", async () => {
    const cutShort = `${lines("HTTP/1.1 200 OK", "content-length: 5")}hel`;
    for (const [part, reason] of [
      ["", "closed"],
      ["HTTP/1.1 200 OK\r\n", "closed"],
      [cutShort, "protocol"],
    ] as const) {
      const [client] = asking();
      if (part !== "") client.wire.write(bytes(part));
      client.wire.end();
      await settle();
      expect(client.take().filter((event) => !/^(response|data)/.test(event))).toEqual([
        "draining",
        `reset ${reason}`,
        "closed",
      ]);
    }
  });

  test("the owner's reset closes the connection, and nothing is told of the exchange any more", async () => {
    const [client, stream] = asking();
    await settle();
    stream.reset("cancelled");
    client.send(OK);
    await settle();
    expect(client.take()).toEqual(["draining", "closed"]);
  });

  test("the owner's reset while it takes the last data is the last that happens", async () => {
    const [client, stream] = asking();
    client.onData = () => stream.reset("cancelled");
    await settle();
    client.send(`${lines("HTTP/1.1 200 OK", "content-length: 3")}abc`);
    await settle();
    expect(client.take()).toEqual(["response 200 3", "draining", "closed"]);
    expect(client.transport.closed).toBe(true);
  });

  test("a body that was announced and is not to come resets the exchange", async () => {
    const [client] = asking({ method: "POST", length: 5 }, true);
    await settle();
    expect(client.take()).toEqual(["draining", "reset protocol", "closed"]);
  });

  test("a length that the owner does not keep resets the exchange", async () => {
    for (const body of ["hello!", "hell"]) {
      const [client, stream] = asking({ method: "POST", length: 5 }, false);
      stream.write(bytes(body));
      stream.end();
      expect(client.take()).toEqual([]);
      await settle();
      expect(client.take()).toEqual(["draining", "reset protocol", "closed"]);
      expect(client.written()).toBe("");
    }
  });

  test("the peer's reset resets the exchange", async () => {
    const [client] = asking();
    await settle();
    client.wire.terminate();
    await settle();
    expect(client.take()).toEqual(["draining", "reset closed", "closed"]);
  });
});

test("pause and resume reach the transport, and a paused exchange that ends leaves it running", async () => {
  const [client, stream] = asking();
  await settle();
  client.send(`${lines("HTTP/1.1 200 OK", "content-length: 5")}he`);
  stream.pause();
  expect(client.transport.paused).toBe(true);
  client.send("llo"); // read before the pause
  expect(client.transport.paused).toBe(false);
  expect(client.take().at(-1)).toBe("available");
});
