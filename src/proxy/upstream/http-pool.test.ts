import { afterEach, expect, test } from "bun:test";
import { setCluster, staticCluster, TestProxy } from "../proxy-fixture.ts";
import { answering, RawServer, until } from "../raw-peer-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

test("a request that waits for a connection when its host goes is served, and the connection closes after it", async () => {
  const upstream = answering(OK);
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  const { configuration } = proxy.proxy;
  const cluster = configuration.clusters.get("upstream")!;
  const heard: string[] = [];
  cluster.pool(cluster.hosts[0]!, "http1", "default").acquire({
    onConnection: ({ connection }) => heard.push(`connected ${connection.available}`),
    onPoolFailure: (failure) => heard.push(failure),
  });
  configuration.clusterManager.removeCluster("upstream");
  await until("the waiter is told", () => heard.length > 0);
  expect(heard).toEqual(["connected 1"]);
  await (await upstream.connection(0)).isClosed();
  expect(cluster.breakers.pending).toBe(0);
});

test("a connection of a host that went finishes what it carries", async () => {
  const upstream = new RawServer();
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  const client = await proxy.sends(GET);
  const connection = await upstream.connection(0);
  await connection.hears("\r\n\r\n");
  setCluster(proxy.proxy.configuration, staticCluster("upstream", []));
  connection.send(OK);
  await client.hears("\r\n\r\nok");
  await connection.isClosed();
  client.send(GET);
  await client.hears("no healthy upstream");
});

test("connections serve one request after the other", async () => {
  const upstream = answering(OK);
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  for (let i = 0; i < 3; i++) await (await proxy.sends(GET)).hears("\r\n\r\nok");
  expect(upstream.connections).toHaveLength(1);
});

test("a connection that the upstream closed is not used again", async () => {
  const upstream = answering(OK);
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  await (await proxy.sends(GET)).hears("\r\n\r\nok");
  upstream.connections[0]!.end();
  await upstream.connections[0]!.isClosed();
  await (await proxy.sends(GET)).hears("\r\n\r\nok");
  expect(upstream.connections).toHaveLength(2);
});
