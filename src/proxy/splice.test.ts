import { afterEach, describe, expect, test } from "bun:test";
import { type ByteStream, NOBODY } from "../net/byte-stream.ts";
import { connect } from "../net/connect.ts";
import { listen } from "../net/listen.ts";
import type { SocketTransport } from "../net/socket.ts";
import { internalStreams } from "./internal-stream.ts";
import { connectRaw, type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";
import { Splice } from "./splice.ts";

const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const LIMITS = { idleTimeoutMs: 0, toUpstreamBytes: 256 * 1024, toDownstreamBytes: 256 * 1024 };

interface Spliced {
  readonly client: RawPeer;
  readonly server: RawPeer;
  readonly splice: Splice;
  /** How the splice ended, once it did. */
  readonly over: string[];
}

/** A client, a splice of two real sockets, and a server. */
async function spliced(idleTimeoutMs = 0, first?: Uint8Array): Promise<Spliced> {
  const upstream = new RawServer();
  const over: string[] = [];
  const accepted = Promise.withResolvers<SocketTransport>();
  const door = listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, accepted.resolve);
  const client = await connectRaw(door.port);
  const downstream = await accepted.promise;
  const connected = Promise.withResolvers<SocketTransport>();
  connect({ kind: "tcp", host: "127.0.0.1", port: upstream.port }, undefined, 1_000, {
    onConnected: connected.resolve,
    onConnectFailure: connected.reject,
  });
  const other = await connected.promise;
  const splice = new Splice(
    downstream,
    other,
    first,
    { ...LIMITS, idleTimeoutMs },
    { onSpliceOver: (reason) => over.push(reason) },
  );
  const server = await upstream.connection(0);
  open.push({
    close() {
      splice.terminate();
      client.reset();
      upstream.close();
      door.stop();
    },
  });
  return { client, server, splice, over };
}

const NOWHERE = { address: "127.0.0.1", port: 0 };
const BLOCK = Buffer.alloc(64 * 1024);

/** The far ends of a splice of streams in memory: what waits is exact, whatever the kernel buffers. */
function splicedInMemory() {
  const [client, downstream] = internalStreams(NOWHERE, NOWHERE);
  const [upstream, server] = internalStreams(NOWHERE, NOWHERE);
  const over: string[] = [];
  const splice = new Splice(downstream, upstream, undefined, LIMITS, { onSpliceOver: (reason) => over.push(reason) });
  return { client, server, splice, over };
}

/** Writes until nothing is taken for ten turns; the bytes that were. */
async function fill(writer: ByteStream): Promise<number> {
  let taken = 0;
  for (let idle = 0; idle < 10 && taken < 1_000 * BLOCK.length; idle++) {
    for (let n = writer.write(BLOCK); n > 0; n = writer.write(BLOCK)) {
      taken += n;
      idle = 0;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return taken;
}

test("bytes go both ways, what was read before first, and are counted", async () => {
  const { client, server, splice } = await spliced(0, Buffer.from("first "));
  client.send("second");
  await server.hears("first second");
  server.send("answer");
  await client.hears("answer");
  expect([splice.received, splice.sent]).toEqual([12, 6]);
});

describe("half closes", () => {
  test("the client's is passed on, and the other direction goes on", async () => {
    const { client, server, over } = await spliced();
    client.send("question");
    client.end();
    await server.hears("question");
    await server.isClosed();
    server.send("answer");
    await client.hears("answer");
    expect(over).toEqual([]);
    server.end();
    await client.isClosed();
    await until("the splice is over", () => over.length > 0);
    expect(over).toEqual(["ended"]);
  });

  test("the server's is passed on, and the other direction goes on", async () => {
    const { client, server, over } = await spliced();
    server.send("greeting");
    server.end();
    await client.hears("greeting");
    await client.isClosed();
    client.send("answer");
    await server.hears("answer");
    client.end();
    await until("the splice is over", () => over.length > 0);
    expect(over).toEqual(["ended"]);
  });
});

describe("resets", () => {
  test("the client's ends the server's connection", async () => {
    const { client, server, over } = await spliced();
    client.send("question");
    await server.hears("question");
    client.reset();
    await server.isClosed();
    server.end();
    await until("the splice is over", () => over.length > 0);
    expect(over).toEqual(["downstream-reset"]);
  });

  test("the server's ends the client's connection", async () => {
    const { client, server, over } = await spliced();
    server.send("greeting");
    await client.hears("greeting");
    server.reset();
    await client.isClosed();
    client.end();
    await until("the splice is over", () => over.length > 0);
    expect(over).toEqual(["upstream-reset"]);
  });

  test("a client that stays after its server was reset is left, once it has got what waited", async () => {
    const { client, server, over } = await spliced();
    server.send("last words");
    await client.hears("last words");
    server.reset();
    await until("the splice is over", () => over.length > 0);
    expect(client.closed).toBe(false);
    expect(over).toEqual(["upstream-reset"]);
  });

  test("a server that goes on sending to a client that has gone is reset", async () => {
    const { client, server, over } = await spliced();
    server.send("greeting");
    await client.hears("greeting");
    client.reset();
    await server.isClosed();
    server.send("more");
    await until("the splice is over", () => over.length > 0);
    await until("the server's connection is gone", () => server.closed);
  });

  test("a server that was held up by a client that has gone is let go", async () => {
    const { client, server, over } = splicedInMemory();
    client.pause();
    await fill(server);
    client.terminate();
    await until("the splice is over", () => over.length > 0);
  });
});

for (const slow of ["client", "server"] as const) {
  test(`a ${slow} that does not read stops the other end; everything arrives once it reads`, async () => {
    const { client, server } = splicedInMemory();
    const [writer, reader] = slow === "client" ? [server, client] : [client, server];
    let read = 0;
    reader.listener = { ...NOBODY, receive: (chunk) => (read += chunk.length) };
    reader.pause();
    const taken = await fill(writer);
    expect(taken).toBeLessThan(2 * 1024 * 1024); // two streams of 256 KiB, a high-water mark and what it overshoots
    reader.resume();
    await until("everything is there", () => read === taken);
    expect(writer.write(BLOCK)).toBe(BLOCK.length);
  });
}

test("what waited for a slow reader comes out as it went in, while more is read", async () => {
  const { client, server } = await spliced();
  const body = new Uint8Array(24 * 1024 * 1024).map((_, i) => (i * 7 + (i >> 13)) % 251);
  client.keepsText = false;
  const hash = new Bun.CryptoHasher("sha256");
  const socket = client.socket!;
  socket.reload({
    socket: {
      data(_, chunk) {
        client.bytes += chunk.length;
        hash.update(chunk);
        if (client.bytes % 7 !== 0) return;
        socket.pause();
        setTimeout(() => socket.resume(), 2);
      },
    },
  });
  socket.pause();
  server.send(body);
  await until("nobody takes any more", () => server.unsent > 0);
  socket.resume();
  await until("everything is there", () => client.bytes >= body.length);
  expect(hash.digest("hex")).toBe(new Bun.CryptoHasher("sha256").update(body).digest("hex"));
});

test("idleness ends both", async () => {
  const { client, server, over } = await spliced(30);
  await client.isClosed();
  await server.isClosed();
  await until("the splice is over", () => over.length > 0);
  expect(over).toEqual(["idle"]);
});
