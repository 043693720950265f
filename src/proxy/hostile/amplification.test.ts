// One request that becomes many, and requests that end at an awkward moment (classes 20 and 25 of docs/security.md).

import { afterEach, describe, expect, test } from "bun:test";
import { type Message, setCluster, TestProxy } from "../proxy-fixture.ts";
import { answering, closedPort, RawServer, until } from "../raw-peer-fixture.ts";

const BUSY = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const open: { proxy: TestProxy; upstream: RawServer }[] = [];

function start(upstream: RawServer, route: Message, cluster: Message = {}): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], route, cluster });
  open.push({ proxy, upstream });
  return proxy;
}

afterEach(async () => {
  for (const { proxy, upstream } of open.splice(0)) {
    await proxy.close();
    upstream.close();
  }
});

function retries(count: number): Message {
  return { retry_policy: { retry_on: "5xx", num_retries: count, retry_back_off: { base_interval: "0.001s" } } };
}

describe("retries", () => {
  test("a client cannot ask for them: x-envoy-* is not heard", async () => {
    const upstream = answering(BUSY);
    const proxy = start(upstream, {});
    const client = await proxy.sends(
      "GET / HTTP/1.1\r\nhost: a\r\nx-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 100\r\nx-envoy-upstream-rq-timeout-ms: 1\r\n\r\n",
    );
    await client.hears("HTTP/1.1 503 ");
    expect(upstream.text.match(/GET \//g)).toHaveLength(1);
    expect(upstream.text).not.toContain("x-envoy-retry-on");
  });

  test("are within the cluster's budget, however many requests fail at once", async () => {
    const upstream = answering(BUSY);
    const proxy = start(upstream, retries(3), { circuit_breakers: { thresholds: [{ max_retries: 3 }] } });
    const clients = await Promise.all(Array.from({ length: 50 }, () => proxy.sends(GET)));
    for (const client of clients) await client.hears("HTTP/1.1 503 ");
    const { stats } = proxy.proxy.configuration.clusters.get("upstream")!;
    expect(stats.retries).toBeLessThan(150);
    expect((await proxy.log(50)).some((line) => line.startsWith("503 UO"))).toBe(true);
  });

  test("a request whose body is gone is not sent again", async () => {
    const upstream = new RawServer((peer) => {
      if (peer.bytes > 100_000) peer.reset();
    });
    const proxy = start(upstream, retries(3));
    const client = await proxy.sends(
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n${"x".repeat(200_000)}`,
    );
    await client.hears("HTTP/1.1 503 ");
    expect(upstream.connections).toHaveLength(1);
  });
});

test("a request that leads back to the proxy is answered 508 and not sent (forward proxy)", async () => {
  const proxy = start(new RawServer(), {});
  setCluster(proxy.proxy.configuration, {
    name: "upstream",
    lb_policy: "CLUSTER_PROVIDED",
    cluster_type: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
        dns_cache_config: { name: "names", dns_lookup_family: "V4_ONLY" },
      },
    },
  });
  for (const host of ["127.0.0.1", "localhost", "127.1.2.3"]) {
    const client = await proxy.sends(`GET / HTTP/1.1\r\nhost: ${host}:${proxy.port}\r\n\r\n`);
    await client.hears("HTTP/1.1 508 ");
  }
  const { configuration } = proxy.proxy;
  expect(configuration.listenerManager.listeners.get("http")!.stats.accepted).toBe(3);
  expect((await proxy.log(3)).at(-1)).toStartWith("508 UH loop_detected ");
});

describe("a client that goes at an awkward moment leaves nothing behind", () => {
  const MOMENTS: Readonly<Record<string, readonly [bytes: string, upstream: () => RawServer, route: Message]>> = {
    "in the middle of its head": ["GET / HTTP/1.1\r\nhost", () => answering(OK), {}],
    "in the middle of its body": [
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf",
      () => new RawServer(),
      {},
    ],
    "while it is answered": [GET, () => answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"), {}],
    "while its answer is awaited": [GET, () => new RawServer(), { timeout: "5s" }],
    "while a retry is awaited": [
      GET,
      () => answering(BUSY),
      {
        retry_policy: { retry_on: "5xx", num_retries: 5, retry_back_off: { base_interval: "3s", max_interval: "9s" } },
      },
    ],
    "while a tunnel is awaited": [
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nearly",
      () => new RawServer(),
      {},
    ],
    "in the middle of pipelined requests": [GET.repeat(20), () => answering(OK), {}],
  };
  for (const [moment, [bytes, upstream, route]] of Object.entries(MOMENTS)) {
    test(moment, async () => {
      const proxy = start(upstream(), route);
      for (const leave of ["reset", "end"] as const) {
        const client = await proxy.sends(bytes);
        await Bun.sleep(20);
        client[leave]();
        await Bun.sleep(20);
        client.reset();
        await proxy.isRelieved();
      }
      const late = await proxy.sends(GET.replace("/", "/late"));
      await until("it is taken up", () => proxy.held.connections === 1);
      late.reset();
      await proxy.isRelieved();
    });
  }

  test("while its connection to the upstream is made", async () => {
    const upstream = new RawServer();
    const proxy = new TestProxy({ ports: [closedPort()], route: retries(5) });
    open.push({ proxy, upstream });
    const client = await proxy.sends(GET);
    client.reset();
    await proxy.isRelieved();
  });
});
