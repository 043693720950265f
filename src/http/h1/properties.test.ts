// What must hold for all bytes: how they are split changes nothing, none of them throws or hangs, and what one end writes the other reads.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { MemoryTransport, settle } from "../memory-transport.ts";
import { RequestHead, ResponseHead } from "../stream.ts";
import { bodyText, feed, fields, method, mutate, mutations, path, pieces, request, response } from "./arbitraries.ts";
import { RecordingClient, RecordingServer } from "./testing.ts";

/** What a server that answers at once is told. Which of several faults is named depends on what was seen first. */
function served(wire: string, sizes: readonly number[]): string[] {
  const server = new RecordingServer();
  server.answer = (stream, _head, end) => {
    if (end) stream.respond(new ResponseHead(200, [], -1), true);
    else
      stream.listener = {
        onData: (chunk) => server.onData(chunk),
        onReset: () => server.note("reset"),
        onWritable() {},
        onEnd(trailers) {
          server.onEnd(trailers);
          stream.respond(new ResponseHead(200, [], -1), true);
        },
      };
  };
  feed((text) => server.send(text), wire, sizes);
  server.connection.closed();
  return server.take().map((event) => (event.startsWith("refused") ? "refused" : event));
}

function answered(wire: string, sizes: readonly number[]): string[] {
  const client = new RecordingClient();
  client.connection.request(new RequestHead("GET", "http", "h", "/", [], "HTTP/1.1", -1, undefined), true, client);
  client.connection.drained(); // flushes: a response must not come before its request
  feed((text) => client.send(text), wire, sizes);
  client.connection.ended();
  client.connection.closed();
  return client.take().map((event) => (event.startsWith("reset") ? "reset" : event));
}

test("any split of requests gives the same events", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), pieces, (requests, sizes) => {
      const wire = requests.join("");
      const whole = served(wire, []);
      expect(whole.filter((event) => event.startsWith("request"))).toHaveLength(requests.length);
      expect(served(wire, sizes)).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

test("any split of requests with faults in them gives the same events, and nothing throws", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 2 }), mutations, pieces, (requests, changes, sizes) => {
      const wire = mutate(requests.join(""), changes);
      expect(served(wire, sizes)).toEqual(served(wire, []));
    }),
    { numRuns: 1000 },
  );
});

test("any split of a response gives the same events, with faults or without", () => {
  fc.assert(
    fc.property(response, fc.option(mutations), pieces, (message, changes, sizes) => {
      const wire = changes === null ? message : mutate(message, changes);
      expect(answered(wire, sizes)).toEqual(answered(wire, []));
    }),
    { numRuns: 1000 },
  );
});

test("no bytes at all make either end throw or hang", () => {
  const noise = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."\r\n :GETHTP/1.0%abc;,\0\xff"), maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  fc.assert(
    fc.property(
      fc.constantFrom("", "GET / HTTP/1.1\r\nHost: h\r\n", "HTTP/1.1 200 OK\r\n"),
      noise,
      pieces,
      (start, rest, sizes) => {
        served(start + rest, sizes);
        answered(start + rest, sizes);
      },
    ),
    { numRuns: 1000 },
  );
});

test("what the client end writes, the server end reads, and back", async () => {
  const flat = fields.map((pairs) => pairs.flat());
  await fc.assert(
    fc.asyncProperty(
      fc.record({ method, path, headers: flat, body: fc.option(bodyText), known: fc.boolean() }),
      fc.record({
        status: fc.integer({ min: 200, max: 599 }),
        headers: flat,
        body: fc.option(bodyText),
        known: fc.boolean(),
      }),
      async (asked, given) => {
        const [left, right] = MemoryTransport.pair();
        const client = new RecordingClient({}, [right, left]);
        const server = new RecordingServer({}, "http", [left, right]);
        const length = asked.body === null || !asked.known ? -1 : asked.body.length;
        const head = new RequestHead(
          asked.method,
          "http",
          "h:1",
          asked.path,
          asked.headers,
          "HTTP/1.1",
          length,
          undefined,
        );
        const stream = client.connection.request(head, asked.body === null, client);
        if (asked.body !== null) {
          stream.write(Buffer.from(asked.body));
          stream.end();
        }
        await settle();
        expect([server.head.method, server.head.path, server.head.authority]).toEqual([
          asked.method,
          asked.path,
          "h:1",
        ]);
        expect(server.head.headers).toEqual(asked.headers);
        expect(server.take().join().includes(`data ${asked.body}`)).toBe(Boolean(asked.body));
        const bodiless = asked.method === "HEAD" || given.status === 204 || given.status === 304;
        server.stream.respond(
          new ResponseHead(given.status, given.headers, given.body === null || !given.known ? -1 : given.body.length),
          given.body === null,
        );
        if (given.body !== null) {
          server.stream.write(Buffer.from(given.body));
          server.stream.end();
        }
        await settle();
        const events = client.take();
        expect(events[0]).toStartWith(`response ${given.status} `);
        expect(events.join().includes(`data ${given.body}`)).toBe(Boolean(given.body) && !bodiless);
        expect(events.at(-1)).toBe("available");
      },
    ),
    { numRuns: 100 },
  );
});
