import { afterEach, expect, test } from "bun:test";
import { type Message, type ProxyParts, TestProxy } from "./proxy-fixture.ts";
import { answering, RawServer } from "./raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function proxyTo(upstream: RawServer, parts: ProxyParts = {}): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], ...parts });
  open.push(proxy, upstream);
  return proxy;
}

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const EXPECTING = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("pipelined requests are answered in their order, one at a time", async () => {
  const upstream = answering(
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthree",
  );
  const client = await proxyTo(upstream).sends(
    GET.replace("/", "/1") + GET.replace("/", "/2") + GET.replace("/", "/3"),
  );
  await client.hears("three");
  expect(client.text).toMatch(/one[\s\S]*two[\s\S]*three$/);
  expect(upstream.text).toMatch(/GET \/1 [\s\S]*GET \/2 [\s\S]*GET \/3 /);
  expect(upstream.connections).toHaveLength(1);
});

test("HEAD, 204 and 304 have no body, whatever their lengths say, and the connections go on", async () => {
  const upstream = answering(
    "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    'HTTP/1.1 304 Not Modified\r\netag: "x"\r\ncontent-length: 77\r\n\r\n',
    OK,
  );
  const client = await proxyTo(upstream).sends(`${GET.replace("GET", "HEAD")}${GET}${GET}${GET}`);
  await client.hears("\r\n\r\nok");
  const heads = client.text.split("\r\n\r\n");
  expect(heads.map((head) => head.split("\r\n")[0]!)).toEqual([
    "HTTP/1.1 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 200 OK",
    "ok",
  ]);
  expect(heads[0]).toContain("content-length: 1000");
  expect(heads[1]).not.toContain("content-length");
  expect(heads[1]).not.toContain("transfer-encoding");
  expect(upstream.connections).toHaveLength(1);
});

test("the client's expectation is the upstream's to meet where the listener says so: 100, the body, the answer", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream, { settings: { proxy_100_continue: true } }).sends(EXPECTING);
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  expect(connection.text).toContain("expect: 100-continue");
  connection.send("HTTP/1.1 100 Continue\r\n\r\n");
  await client.hears("HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  await connection.hears("\r\n\r\nbody");
  connection.send(OK);
  await client.hears("\r\n\r\nok");
});

test("elsewhere the proxy meets it, and the upstream hears nothing of it", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(EXPECTING);
  await client.hears("HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\nbody");
  expect(connection.text).not.toContain("expect");
  connection.send(OK);
  await client.hears("\r\n\r\nok");
  expect(client.text.split("100 Continue")).toHaveLength(2);
});

test("early hints pass, and a refused expectation ends the connection", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream, { settings: { proxy_100_continue: true } }).sends(EXPECTING);
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  connection.send(
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n",
  );
  await client.isClosed();
  expect(client.text).toMatch(/^HTTP\/1\.1 103 [\s\S]*link: <\/a>[\s\S]*HTTP\/1\.1 417 [\s\S]*connection: close/);
});

test("a gRPC server is told how long it has, where the route honours its client's word on that", async () => {
  const call = (timeout: string) =>
    `POST /a.B/C HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\ngrpc-timeout: ${timeout}\r\ncontent-length: 0\r\n\r\n`;
  const told = async (route: Message, timeout: string) => {
    const upstream = new RawServer();
    await proxyTo(upstream, { route }).sends(call(timeout));
    const connection = await upstream.connection(0);
    await connection.hears("\r\n\r\n");
    return connection.text.match(/(?<=timeout(-ms)?: )\w+/g);
  };
  const retry = { retry_on: "5xx", num_retries: 1, per_try_timeout: "0.5s" };
  expect(await told({ timeout: "2s" }, "9S")).toEqual(["9S", "2000"]);
  expect(await told({ timeout: "2s", max_grpc_timeout: "0s" }, "9S")).toEqual(["9000m", "9000"]);
  expect(await told({ timeout: "2s", max_grpc_timeout: "3s" }, "9S")).toEqual(["3000m", "3000"]);
  expect(await told({ timeout: "2s", max_grpc_timeout: "0s", retry_policy: retry }, "9S")).toEqual(["500m", "500"]);
});

test("trailers go both ways", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(
    "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n",
  );
  const connection = await upstream.connection(0);
  await connection.hears("0\r\nx-sum: 1\r\n\r\n");
  connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-total: 2\r\n\r\n");
  await client.hears("0\r\nx-total: 2\r\n\r\n");
});

test("an upgrade is a tunnel: bytes both ways, half closes passed on", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(
    "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  expect(connection.text).toMatch(/upgrade: websocket/i);
  connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst");
  await client.hears("\r\n\r\nfirst");
  expect(client.text).toStartWith("HTTP/1.1 101 ");
  client.send("\x00 GET / HTTP/1.1\r\n\r\n");
  await connection.hears("\x00 GET / HTTP/1.1\r\n\r\n");
  connection.send("last");
  connection.end();
  await client.hears("last");
  await client.isClosed();
  client.end();
  await connection.isClosed();
});

test("a client that resets a half-closed tunnel ends its other half", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  connection.end();
  await client.isClosed();
  client.reset();
  await connection.isClosed();
});

test("a tunnel whose client ends first still carries what the upstream has to say", async () => {
  const upstream = new RawServer();
  const proxy = proxyTo(upstream);
  const client = await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  await client.hears("\r\n\r\n");
  client.end();
  await connection.isClosed();
  connection.send("farewell");
  connection.end();
  await client.hears("farewell");
  await client.isClosed();
  expect(await proxy.log(1)).toEqual(["101 - via_upstream 1"]);
});

test("an upgrade that the listener does not know is refused", async () => {
  const upstream = new RawServer();
  const client = await proxyTo(upstream).sends(
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
  );
  await client.hears("\r\n\r\n");
  expect(client.text).toStartWith("HTTP/1.1 403 ");
  expect(upstream.connections).toHaveLength(0);
});

test("an upgrade that the upstream refuses is an answer like others", async () => {
  const upstream = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
  const client = await proxyTo(upstream).sends(
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  await client.hears("\r\n\r\nno");
  expect(client.text).toStartWith("HTTP/1.1 404 ");
});

test("an answer before the request's end reaches the client, and its connection to the upstream is not used again", async () => {
  const upstream = answering("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n", OK);
  const proxy = proxyTo(upstream);
  const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
  await client.hears("HTTP/1.1 413 ");
  client.send("defghij");
  client.send(GET);
  await client.hears("\r\n\r\nok");
  expect(upstream.connections).toHaveLength(2);
  expect((await upstream.connection(1)).text).toStartWith("GET / ");
});

test("max_requests_per_connection gives each request a whole connection", async () => {
  const upstream = answering(OK);
  const client = await proxyTo(upstream, { cluster: { max_requests_per_connection: 1 } }).sends(GET + GET);
  await client.hears("\r\n\r\nok");
  await client.hears("okHTTP/1.1 200");
  await (await upstream.connection(1)).hears("GET / ");
});

test("a drained proxy finishes the request under way and says connection: close", async () => {
  const upstream = new RawServer();
  const proxy = proxyTo(upstream);
  const client = await proxy.sends(GET);
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  proxy.proxy.configuration.drain();
  connection.send(OK);
  await client.isClosed();
  expect(client.text).toContain("connection: close");
  expect(client.text).toEndWith("ok");
});
