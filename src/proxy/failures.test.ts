import { afterEach, describe, expect, test } from "bun:test";
import { type Message, type ProxyParts, TestProxy } from "./proxy-fixture.ts";
import { answering, closedPort, RawServer, until } from "./raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function proxyTo(upstream: RawServer, parts: ProxyParts = {}): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], ...parts });
  open.push(proxy, upstream);
  return proxy;
}

function proxyAlone(parts: ProxyParts): TestProxy {
  const proxy = new TestProxy(parts);
  open.push(proxy);
  return proxy;
}

function retries(on: string, changes: Message = {}): Message {
  return { retry_policy: { retry_on: on, num_retries: 2, retry_back_off: { base_interval: "0.002s" }, ...changes } };
}

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BUSY = "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy";

/** The upstream's n-th connection once a whole request head came on it. */
async function requested(upstream: RawServer, n = 0) {
  const connection = await upstream.connection(n);
  await connection.hears("\r\n\r\n");
  return connection;
}

describe("an upstream that fails", () => {
  test("closes in the middle of its head: 503 UC", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    connection.send("HTTP/1.1 200 OK\r\ncontent-le");
    connection.end();
    await client.hears("connection termination");
    expect(client.text).toStartWith("HTTP/1.1 503 ");
    expect(await proxy.log(1)).toEqual(["503 UC upstream_reset_before_response_started{connection_termination} 1"]);
  });

  test("closes in the middle of its body: the client's connection ends unfinished", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await client.hears("hello");
    connection.end();
    await client.isClosed();
    expect(client.text).not.toContain("0\r\n\r\n");
    expect((await proxy.log(1))[0]).toStartWith("200 UPE upstream_reset_after_response_started{protocol_error}");
  });

  test("resets: 503", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    (await requested(upstream)).reset();
    await client.hears("\r\n\r\nupstream connect error");
    expect(client.text).toStartWith("HTTP/1.1 503 ");
    expect((await proxy.log(1))[0]).toStartWith("503 UC ");
  });

  for (const [what, garbage] of Object.entries({
    "no HTTP at all": "\x16\x03\x01 garbage\r\n\r\n",
    "a status out of range": "HTTP/1.1 999999 No\r\n\r\n",
    "both lengths": "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a field": "HTTP/1.1 200 OK\r\nx-\0: 1\r\ncontent-length: 0\r\n\r\n",
    "an unasked 101": "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  })) {
    test(`sends ${what}: 502 UPE, and its connection is closed`, async () => {
      const upstream = new RawServer();
      const proxy = proxyTo(upstream);
      const client = await proxy.sends(GET);
      const connection = await requested(upstream);
      connection.send(garbage);
      await client.hears("protocol error");
      expect(client.text).toStartWith("HTTP/1.1 502 ");
      await connection.isClosed();
      expect(await proxy.log(1)).toEqual(["502 UPE upstream_reset_before_response_started{protocol_error} 1"]);
    });
  }

  test("sends more than it announced: the client gets what was announced, and the connection is not used again", async () => {
    const upstream = answering(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`, OK);
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nok");
    client.send(GET);
    await until("two answers", () => client.text.split("\r\n\r\nok").length === 3);
    expect(client.text).not.toContain("poison");
    expect(upstream.connections).toHaveLength(2);
  });

  test("is not there: 503 UF", async () => {
    const proxy = proxyAlone({ ports: [closedPort()] });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nupstream connect error");
    expect((await proxy.log(1))[0]).toStartWith(
      "503 UF upstream_reset_before_response_started{remote_connection_failure|",
    );
  });

  test("has no endpoint: 503 UH", async () => {
    const proxy = proxyAlone({ ports: [] });
    const client = await proxy.sends(GET);
    await client.hears("no healthy upstream");
    expect(await proxy.log(1)).toEqual(["503 UH no_healthy_upstream 1"]);
  });
});

describe("a request with nowhere to go", () => {
  test("no route: 404 NR", async () => {
    const proxy = proxyAlone({ routes: [] });
    const client = await proxy.sends(GET);
    await client.hears("HTTP/1.1 404 ");
    expect(await proxy.log(1)).toEqual(["404 NR route_not_found 0"]);
  });

  test("no cluster: 503 NC", async () => {
    const proxy = proxyAlone({ routes: [{ match: { prefix: "/" }, route: { cluster: "other" } }] });
    const client = await proxy.sends(GET);
    await client.hears("HTTP/1.1 503 ");
    expect(await proxy.log(1)).toEqual(["503 NC cluster_not_found 0"]);
  });
});

describe("a client that goes away", () => {
  test("before the answer: the upstream's request is given up, DC", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    client.reset();
    await connection.isClosed();
    expect(await proxy.log(1)).toEqual(["0 DC downstream_remote_disconnect 1"]);
  });

  test("in the middle of its body: the upstream's request ends unfinished", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const connection = await upstream.connection(0);
    await connection.hears("hello");
    client.end();
    await connection.isClosed();
    expect(connection.text).not.toContain("\r\n0\r\n");
    expect(await proxy.log(1)).toEqual(["0 DC downstream_remote_disconnect 1"]);
  });

  test("in the middle of the answer: DC with the answer's status", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
    await client.hears("hello");
    client.reset();
    await connection.isClosed();
    expect(await proxy.log(1)).toEqual(["200 DC downstream_remote_disconnect 1"]);
  });

  test("breaks its body's framing: DPE", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream);
    const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const connection = await upstream.connection(0);
    await connection.hears("hello");
    client.send("xyz\r\n");
    await connection.isClosed();
    expect((await proxy.log(1))[0]).toContain(" DPE codec_error 1");
  });
});

describe("time-outs", () => {
  test("the route's: 504 UT, and the upstream's request is given up", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: { timeout: "0.1s" } });
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    await client.hears("upstream request timeout");
    expect(client.text).toStartWith("HTTP/1.1 504 ");
    await connection.isClosed();
    expect(await proxy.log(1)).toEqual(["504 UT response_timeout 1"]);
  });

  test("the route's, when the answer has begun: the client's connection ends unfinished, UT", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: { timeout: "0.1s" } });
    const client = await proxy.sends(GET);
    const connection = await requested(upstream);
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
    await client.isClosed();
    await connection.isClosed();
    expect((await proxy.log(1))[0]).toStartWith("200 UT ");
  });

  test("each try's: the next try may answer", async () => {
    let asked = 0;
    const upstream = new RawServer((peer) => {
      if (asked++ > 0) peer.send(OK);
    });
    const proxy = proxyTo(upstream, { route: retries("5xx", { per_try_timeout: "0.05s" }) });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nok");
    await (await upstream.connection(0)).isClosed();
    expect(await proxy.log(1)).toEqual(["200 - via_upstream 2"]);
  });

  test("each try's, until tries are spent: 504 with UT and URX", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: retries("5xx", { num_retries: 1, per_try_timeout: "0.03s" }) });
    const client = await proxy.sends(GET);
    await client.hears("HTTP/1.1 504 ");
    expect(await proxy.log(1)).toEqual(["504 URX,UT upstream_per_try_timeout 2"]);
  });

  test("idleness: 504 SI", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: { idle_timeout: "0.05s" } });
    const client = await proxy.sends(GET);
    await client.hears("stream timeout");
    expect(await proxy.log(1)).toEqual(["504 SI stream_idle_timeout 1"]);
  });
});

describe("retries", () => {
  test("503, then 200: the client sees the 200 alone", async () => {
    const upstream = answering(BUSY, OK);
    const proxy = proxyTo(upstream, { route: retries("5xx") });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nok");
    expect(client.text).not.toContain("503");
    expect(await proxy.log(1)).toEqual(["200 - via_upstream 2"]);
  });

  test("503 until the tries are spent: the last 503 with URX", async () => {
    const upstream = answering(BUSY);
    const proxy = proxyTo(upstream, { route: retries("5xx") });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nbusy");
    expect(await proxy.log(1)).toEqual(["503 URX via_upstream 3"]);
  });

  test("one retry at a time in the cluster is enough for a request that is tried three times", async () => {
    const upstream = answering(BUSY, BUSY, OK);
    const proxy = proxyTo(upstream, {
      route: retries("5xx"),
      cluster: { circuit_breakers: { thresholds: [{ max_retries: 1 }] } },
    });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nok");
    expect(await proxy.log(1)).toEqual(["200 - via_upstream 3"]);
  });

  test("no retry is left in the cluster: the 503 with UO", async () => {
    const upstream = answering(BUSY, OK);
    const proxy = proxyTo(upstream, {
      route: retries("5xx"),
      cluster: { circuit_breakers: { thresholds: [{ max_retries: 0 }] } },
    });
    const client = await proxy.sends(GET);
    await client.hears("\r\n\r\nbusy");
    expect(await proxy.log(1)).toEqual(["503 UO via_upstream 1"]);
  });

  test("a refused connection: another host serves", async () => {
    const upstream = answering(OK);
    const previous = "envoy.retry_host_predicates.previous_hosts";
    const type = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
    const proxy = proxyTo(upstream, {
      ports: [closedPort(), upstream.port],
      route: retries("connect-failure", {
        retry_host_predicate: [{ name: previous, typed_config: { "@type": type } }],
        host_selection_retry_max_attempts: "20",
      }),
    });
    const client = await proxy.client();
    for (let answered = 1; answered <= 4; answered++) {
      client.send(GET);
      await until(`answer ${answered}`, () => client.text.split("\r\n\r\nok").length > answered);
    }
    expect(client.text).not.toContain("503");
  });

  test("a body is sent again as it was, trailers included", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: retries("5xx") });
    const body = "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n";
    const client = await proxy.sends(`POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
    const first = await upstream.connection(0);
    await first.hears(body);
    first.send(BUSY);
    await until("two requests", () => upstream.text.split(body).length === 3);
    (upstream.connections[1] ?? first).send(OK);
    await client.hears("\r\n\r\nok");
  });

  test("a body that is still coming when the first try failed reaches the second whole", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: retries("5xx") });
    const client = await proxy.sends("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
    const first = await upstream.connection(0);
    await first.hears("hello");
    first.send(BUSY);
    const second = await requested(upstream, 1);
    client.send("world");
    await second.hears("\r\n\r\nhelloworld");
    second.send(OK);
    await client.hears("\r\n\r\nok");
  });

  test("a body too large to be kept is not sent again", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, { route: retries("5xx") });
    const client = await proxy.sends(
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n${"a".repeat(200_000)}`,
    );
    const connection = await upstream.connection(0);
    await until("the body", () => connection.bytes > 200_000);
    connection.send(BUSY);
    await client.hears("\r\n\r\nbusy");
    expect(upstream.connections).toHaveLength(1);
    expect((await proxy.log(1))[0]).toEndWith(" 1");
  });

  test("a retry goes to the cluster that is in force by then", async () => {
    const gone = answering(BUSY);
    const upstream = answering(OK);
    const backoff = { base_interval: "0.05s", max_interval: "0.1s" };
    const proxy = proxyTo(gone, { route: retries("5xx", { num_retries: 20, retry_back_off: backoff }) });
    open.push(upstream);
    const { configuration } = proxy.proxy;
    const client = await proxy.sends(GET);
    await until("a retry is due", () => configuration.clusters.get("upstream")!.stats.retries > 0);
    const { table } = configuration.clusters.get("upstream")!;
    if (table.discovery.kind !== "static") throw new Error("the fixture's cluster is static");
    const { endpoints } = table.discovery.endpoints;
    const moved = endpoints.map((endpoint) => ({
      ...endpoint,
      address: { kind: "socket", host: "127.0.0.1", port: upstream.port } as const,
    }));
    configuration.clusterManager.setCluster({
      ...table,
      discovery: { kind: "static", endpoints: { ...table.discovery.endpoints, endpoints: moved } },
    });
    await client.hears("\r\n\r\n");
    expect(client.text).toEndWith("\r\n\r\nok");
  });
});

describe("circuit breakers answer 503 UO at once", () => {
  const thresholds = (limits: Message): ProxyParts => ({ cluster: { circuit_breakers: { thresholds: [limits] } } });

  test("too many requests; one that ends makes room", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, thresholds({ max_requests: 1 }));
    const first = await proxy.sends(GET);
    const connection = await requested(upstream);
    const second = await proxy.sends(GET);
    await second.hears("reset reason: overflow");
    expect(second.text).toContain("x-envoy-overloaded: true");
    connection.send(OK);
    await first.hears("\r\n\r\nok");
    second.send(GET);
    await until("a second request", () => upstream.text.split(GET.slice(0, 5)).length === 3);
    expect((await proxy.log(2)).filter((line) => line.startsWith("503 UO "))).toHaveLength(1);
  });

  test("too many that wait for a connection", async () => {
    const upstream = new RawServer();
    const proxy = proxyTo(upstream, thresholds({ max_connections: 1, max_pending_requests: 1 }));
    const first = await proxy.sends(GET);
    const connection = await requested(upstream);
    const second = await proxy.sends(GET);
    await until("the second waits", () => proxy.proxy.configuration.clusters.get("upstream")!.breakers.pending === 1);
    const third = await proxy.sends(GET);
    await third.hears("reset reason: overflow");
    connection.send(OK);
    await first.hears("\r\n\r\nok");
    await until("the second's request", () => connection.text.split("GET /").length === 3);
    connection.send(OK);
    await second.hears("\r\n\r\nok");
    expect(upstream.connections).toHaveLength(1);
  });
});
