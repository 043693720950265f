import { afterEach, expect, test } from "bun:test";
import { type ProxyParts, TestProxy } from "./proxy-fixture.ts";
import { type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function proxyTo(upstream: RawServer, parts: ProxyParts = {}): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], ...parts });
  open.push(proxy, upstream);
  return proxy;
}

const MIB = 1024 * 1024;
const BODY = new Uint8Array(64 * MIB);
/** Two connections' kernel buffers, which loopback lets grow to some MiB each, and the proxy's own high-water marks. */
const BUFFERED_BYTES = 24 * MIB;

/** Sends a body to whoever does not read, until nothing is taken any more; what was taken of it then. */
async function stalled(writer: RawPeer): Promise<number> {
  writer.send(BODY);
  let before = -1;
  let still = 0;
  await until("the writer is held up", () => {
    still = writer.unsent === before ? still + 1 : 0;
    before = writer.unsent;
    return still > 50;
  });
  return BODY.length - writer.unsent;
}

/** All of `body`, however slow the machine is, as long as some of it keeps coming. */
async function arrives(body: Uint8Array, reader: RawPeer): Promise<void> {
  while (reader.bytes < body.length) {
    const before = reader.bytes;
    await until(`more than ${before} bytes`, () => reader.bytes > before);
  }
}

test("an answer waits for a client that does not read: the upstream is held up, and nothing is lost", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  client.socket!.pause();
  client.keepsText = false;
  connection.send(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  expect(await stalled(connection)).toBeLessThan(BUFFERED_BYTES);
  client.socket!.resume();
  await arrives(BODY, client);
  expect(connection.unsent).toBe(0);
});

test("a client that goes away while it is waited for lets the upstream go", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  client.socket!.pause();
  connection.send(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  await stalled(connection);
  client.reset();
  await connection.isClosed();
});

test("a request's body waits for an upstream that does not read: the client is held up, and nothing is lost", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  connection.socket!.pause();
  connection.keepsText = false;
  expect(await stalled(client)).toBeLessThan(BUFFERED_BYTES);
  connection.socket!.resume();
  await arrives(BODY, connection);
  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  await client.hears("\r\n\r\nok");
});

test("a body that waits for a connection is held in part only, and follows whole", async () => {
  const upstream = new RawServer();
  const proxy = proxyTo(upstream, { cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } } });
  const first = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  const second = await proxy.sends(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  expect(await stalled(second)).toBeLessThan(BUFFERED_BYTES);
  connection.keepsText = false;
  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  await first.hears("\r\n\r\nok");
  await arrives(BODY, connection);
});
