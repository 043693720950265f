import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { EXIT } from "../../src/base/failure.ts";
import { until } from "../../src/base/until-fixture.ts";
import { httpFilter, listener, type Message, parse, routeTo, staticCluster } from "../../src/proxy/proxy-fixture.ts";
import { answering, connectRaw, type RawPeer, RawServer } from "../../src/proxy/raw-peer-fixture.ts";
import { RESILIENCE, RESILIENT } from "../../src/proxy/resilience-fixture.ts";
import { isAlive, type SupervisedParts, SupervisedProxy } from "../../src/proxy/workers/supervised-fixture.ts";
import { checkMetrics } from "../../src/stats/promtool-fixture.ts";
import { ClusterSchema } from "../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../../src/xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../../src/xds/gen/envoy/config/route/v3/route_pb.ts";
import { encodeResource, type Resource } from "../../src/xds/resource.ts";
import { assignment, snapshotOf } from "../../src/xds/resource-fixtures.ts";

setDefaultTimeout(60_000);

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const REQUESTS = "envoy_http_downstream_rq_total";
const ADS: Message = { ads: {}, resource_api_version: "V3" };

const open: { close(): void | Promise<void> }[] = [];
let upstream: RawServer;

beforeEach(() => {
  upstream = answering(OK);
  open.push(upstream);
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

function edsCluster(): Resource {
  const { load_assignment: _, ...rest } = staticCluster("up", []);
  return encodeResource("cds", parse(ClusterSchema, { ...rest, type: "EDS", eds_cluster_config: { eds_config: ADS } }));
}

function rdsListener(name: string, changes: Message = {}): Resource {
  const filter = httpFilter({ name, settings: { rds: { route_config_name: "r", config_source: ADS } } });
  return encodeResource("lds", parse(ListenerSchema, listener(name, filter, changes)));
}

function routes(route: Message = routeTo("up")): Resource {
  const message = { name: "r", virtual_hosts: [{ name: "r", domains: ["*"], routes: [route] }] };
  return encodeResource("rds", parse(RouteConfigurationSchema, message));
}

const saying = (status: number) => routes({ match: { prefix: "/" }, direct_response: { status } });

function resources(...others: readonly Resource[]): readonly Resource[] {
  const [route = routes(), ...more] = others;
  return [edsCluster(), assignment("up", upstream.port), rdsListener("l"), route, ...more];
}

async function started(parts: Partial<SupervisedParts> = {}): Promise<SupervisedProxy> {
  const proxy = await SupervisedProxy.start({ resources: resources(), ...parts });
  open.push(proxy);
  return proxy;
}

/** A request on a connection of its own: the kernel chooses the worker. */
async function status(port: number): Promise<string> {
  const client = await connectRaw(port);
  client.send(GET.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
  await client.isClosed();
  return client.text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
}

async function statuses(port: number, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i++) found.push(await status(port));
  return [...new Set(found)];
}

describe("several workers", () => {
  test("share a port that the system chose, and are one set of statistics", async () => {
    const proxy = await started();
    expect(proxy.workerPids).toHaveLength(2);
    const port = await proxy.port("l");
    expect(await statuses(port, 40)).toEqual(["200"]);
    expect(await proxy.metric(REQUESTS)).toBe(40);
    expect(await proxy.metric("envoy_cluster_upstream_rq_total")).toBe(40);
    expect(await proxy.metric("envoy_server_concurrency")).toBe(2);
    expect(await proxy.metric("envoy_cluster_membership_total")).toBe(2); // of two clusters, not of two workers
    // Both have served: that one of them gets none of 40 happens once in 5e11 runs.
    const counts = upstream.connections.length;
    expect(counts).toBeGreaterThan(1);
  });

  test("have one subscription, whose refusals are theirs, and take every update", async () => {
    const proxy = await started();
    const port = await proxy.port("l");
    const isTaken = () => proxy.ads.lines.includes("> rds ack");
    await until("the first routes are taken", isTaken); // workers are ready a little before
    proxy.ads.lines = [];
    proxy.ads.update(snapshotOf(resources(saying(204))));
    await until("the update is taken", isTaken);
    expect(await statuses(port, 20)).toEqual(["204"]);
    proxy.ads.lines = [];
    const refused = rdsListener("bad", { udp_listener_config: {} });
    proxy.ads.update(snapshotOf(resources(saying(204), refused)));
    await until("the refusal", () => proxy.ads.lines.includes("> lds nack"));
    expect(proxy.ads.lines.filter((line) => line.includes("nack"))).toHaveLength(1);
    expect(await statuses(port, 20)).toEqual(["204"]);
  });

  test("one that crashes is replaced; no connection is refused or lost meanwhile, and no count goes back", async () => {
    const proxy = await started();
    const port = await proxy.port("l");
    expect(await statuses(port, 20)).toEqual(["200"]);
    expect(await proxy.metric(REQUESTS)).toBe(20);
    const [victim] = proxy.workerPids;
    process.kill(victim!, "SIGKILL");
    await until("it is gone", () => !isAlive(victim!));
    expect(await statuses(port, 20)).toEqual(["200"]);
    await until("it is replaced", () => proxy.isReady(), 30_000);
    expect(await proxy.metric(REQUESTS)).toBe(40);
    expect(proxy.workerPids).toHaveLength(2);
    expect(proxy.workerPids).not.toContain(victim!);
  });

  test("answer on one admin port, for all of them or by any of them", async () => {
    const proxy = await started();
    const port = await proxy.port("l");
    expect(await statuses(port, 20)).toEqual(["200"]);
    expect(await proxy.admin("/clusters?filter=^up$")).toContain(`up::127.0.0.1:${upstream.port}::rq_success::20\n`);
    expect((await proxy.ask("/clusters?filter=(")).status).toBe(400);
    const dump = JSON.parse(await proxy.admin("/config_dump?resource=dynamic_active_clusters&mask=cluster.name"));
    expect(dump.configs).toMatchObject([{ cluster: { name: "up" } }]);
    const { cluster_statuses: found } = JSON.parse(await proxy.admin("/clusters?filter=^up$&format=json"));
    expect(found[0].host_statuses[0].stats).toContainEqual({ name: "rq_success", value: "20" });
    expect(await proxy.admin("/stats?filter=http.l.downstream_rq&usedonly")).toContain(
      "http.l.downstream_rq_2xx: 20\n",
    );
    expect((await proxy.ask("/stats?filter=(")).status).toBe(400);
    const { stats } = JSON.parse(await proxy.admin("/stats?format=json&filter=cluster.up.upstream_rq_total"));
    expect(stats).toEqual([{ name: "cluster.up.upstream_rq_total", value: 20 }]);
    expect(await proxy.admin("/reset_counters", "POST")).toBe("OK\n");
    expect(await proxy.admin("/stats?filter=cluster.up.upstream_rq_total$")).toBe("cluster.up.upstream_rq_total: 0\n");
    expect(await proxy.admin("/stats?format=prometheus")).toContain(REQUESTS);
    expect((await proxy.ask("/config_dump", { headers: { host: "elsewhere.test" } })).status).toBe(403);
    expect((await proxy.ask("/healthcheck/fail")).status).toBe(405);
  });

  test("are tapped in one stream, that ends when it has told as much as was asked for", async () => {
    const proxy = await started();
    const port = await proxy.port("l");
    const answer = await proxy.ask("/tap?path=/tapped&count=12");
    const told = answer.text(); // it goes on until the twelfth
    for (let i = 0; i < 20; i++)
      await fetch(`http://127.0.0.1:${port}/tapped/${i}`, { headers: { connection: "close" } });
    const traces = (await told).split("\n}\n").filter((trace) => trace.trim() !== "");
    const seen = traces.map((trace) => JSON.parse(`${trace}\n}`).http_buffered_trace.request.headers);
    const paths = seen.map((headers) => headers.find(({ key }: { key: string }) => key === ":path").value);
    expect(new Set(paths).size).toBe(12);
    expect((await proxy.ask("/tap?count=x")).status).toBe(400);
  });

  test("take the levels of their logs together", async () => {
    const proxy = await started();
    expect(await proxy.admin("/logging?proxy=debug", "POST")).toContain("proxy: debug");
    expect((await proxy.ask("/logging?proxy=loud", { method: "POST" })).status).toBe(400);
    // Whichever worker answers: all of them have it.
    for (let i = 0; i < 4; i++) expect(await proxy.admin("/logging", "POST")).toContain("proxy: debug");
  });

  test("fail their health checks, and pass them, together", async () => {
    const proxy = await started();
    expect(await proxy.admin("/healthcheck/fail", "POST")).toBe("OK\n");
    expect(await proxy.admin("/ready")).toBe("DRAINING\n");
    expect(await proxy.admin("/healthcheck/ok", "POST")).toBe("OK\n");
    expect(await proxy.admin("/ready")).toBe("LIVE\n");
  });

  test("end when the admin interface says so", async () => {
    const proxy = await started();
    expect(await proxy.admin("/quitquitquit", "POST")).toBe("OK\n");
    expect(await proxy.process.exited).toBe(EXIT.ok);
  });

  test("a mistake in the bootstrap ends all of them with its exit code", async () => {
    const listeners = [listener("bad", httpFilter({ name: "bad" }), { udp_listener_config: {} })];
    const proxy = await SupervisedProxy.spawn({ resources: [], listeners });
    open.push(proxy);
    expect(await proxy.process.exited).toBe(EXIT.data);
  });

  test("end with a supervisor that was killed", async () => {
    const proxy = await started();
    const workers = proxy.workerPids;
    proxy.process.kill("SIGKILL");
    await until("they end", () => !workers.some(isAlive));
  });
});

describe("the statistics of several workers", () => {
  const promtool = findComponent("promtool");

  test.skipIf(!promtool && process.env.CI !== "true")(
    "are what promtool reads: ejections, checks, breakers and overload counted once (needs promtool)",
    async () => {
      const failing = answering("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");
      open.push(failing);
      const { cluster, overload_manager } = RESILIENT;
      const up = staticCluster("up", [failing.port], cluster);
      const route = routes({ match: { prefix: "/" }, route: { cluster: "up", retry_policy: { retry_on: "5xx" } } });
      const proxy = await started({
        workers: 3,
        resources: [encodeResource("cds", parse(ClusterSchema, up)), rdsListener("l"), route],
        overload: overload_manager,
      });
      expect(await statuses(await proxy.port("l"), 20)).toEqual(["500"]);
      const text = await proxy.admin("/stats/prometheus");
      for (const name of RESILIENCE) expect(text).toMatch(new RegExp(`^${name}[ {]`, "m"));
      const { code, output } = await checkMetrics(promtool ?? "promtool", text);
      expect([0, 3], output).toContain(code);
      expect(output).not.toContain("error while linting");
      expect(await proxy.metric("envoy_cluster_health_check_attempt")).toBe(1);
      expect(await proxy.metric("envoy_cluster_outlier_detection_ejections_active")).toBe(1);
      expect(await proxy.metric("envoy_cluster_outlier_detection_ejections_enforced_total")).toBe(1);
      expect(await proxy.metric("envoy_cluster_upstream_rq_retry_overflow")).toBe(20);
      expect(await proxy.metric("envoy_cluster_circuit_breakers_default_remaining_rq")).toBe(1_024);
    },
  );
});

describe("what several workers count together", () => {
  const RATE_LIMIT: Message = {
    name: "limit",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
      stat_prefix: "t",
      token_bucket: { max_tokens: 10, tokens_per_fill: 1, fill_interval: "3600s" },
      filter_enabled: { default_value: { numerator: 100 } },
      filter_enforced: { default_value: { numerator: 100 } },
    },
  };

  function limited(name: string): Resource {
    const settings = { rds: { route_config_name: "r", config_source: ADS } };
    return encodeResource(
      "lds",
      parse(ListenerSchema, listener(name, httpFilter({ name, settings, filters: [RATE_LIMIT] }))),
    );
  }

  test("a token bucket admits what one admits, also after a hot restart", async () => {
    const proxy = await started({ resources: [edsCluster(), assignment("up", upstream.port), limited("l"), routes()] });
    const port = await proxy.port("l");
    const answers: string[] = [];
    const ask = async (count: number) => {
      for (let i = 0; i < count; i++) answers.push(await status(port));
    };
    await ask(30);
    await proxy.restart();
    await ask(30);
    expect(answers.filter((answer) => answer === "200")).toHaveLength(10);
    expect(answers.filter((answer) => answer === "429")).toHaveLength(50);
  });

  test("a circuit breaker opens at its limit, and what a worker that crashed had under way is free again", async () => {
    const slow = new RawServer();
    open.push(slow);
    const breakers = { thresholds: [{ max_requests: 4 }] };
    const cluster = staticCluster("up", [slow.port], { circuit_breakers: breakers });
    const parts = [encodeResource("cds", parse(ClusterSchema, cluster)), rdsListener("l"), routes()];
    const proxy = await started({ resources: parts });
    const port = await proxy.port("l");
    const clients = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const client = await connectRaw(port);
        client.send(GET);
        return client;
      }),
    );
    // Which worker has which request is the kernel's choice; all but four are refused.
    const refused = () => clients.filter(({ text }) => text.startsWith("HTTP/1.1 503")).length;
    await until("the others are refused", () => refused() === 20);
    expect(slow.connections).toHaveLength(4);
    for (const pid of proxy.workerPids) process.kill(pid, "SIGKILL");
    await until("new workers serve", async () => (await proxy.isReady()) && proxy.workerPids.length === 2, 30_000);
    const next = await connectRaw(port);
    next.send(GET);
    await slow.connection(4);
    next.reset();
  });
});

describe("active health checks", () => {
  const PATH = "/healthz";
  const HEALTHY = 200;

  /** Answers checks with `health.status`, and everything else with 200. */
  function checked(health: { status: number }): RawServer {
    const served = new WeakMap<RawPeer, number>();
    const server = new RawServer((peer) => {
      const heads = peer.text.split("\r\n\r\n").slice(0, -1);
      for (const head of heads.slice(served.get(peer) ?? 0)) {
        const code = head.includes(PATH) ? health.status : HEALTHY;
        peer.send(`HTTP/1.1 ${code} x\r\ncontent-length: 0\r\n\r\n`);
      }
      served.set(peer, heads.length);
    });
    open.push(server);
    return server;
  }

  const checksOf = (server: RawServer) => server.text.split(PATH).length - 1;

  function withChecks(server: RawServer, interval: string): readonly Resource[] {
    const check = {
      timeout: "5s",
      interval,
      no_traffic_interval: interval,
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: PATH },
    };
    const cluster = staticCluster("up", [server.port], {
      common_lb_config: { healthy_panic_threshold: { value: 0 } },
      health_checks: [check],
    });
    return [encodeResource("cds", parse(ClusterSchema, cluster)), rdsListener("l"), routes()];
  }

  test("are one for all workers, those of a hot restart and one that replaces another, too", async () => {
    const server = checked({ status: HEALTHY });
    const proxy = await started({ workers: 3, resources: withChecks(server, "3600s") });
    const port = await proxy.port("l");
    expect(await statuses(port, 20)).toEqual(["200"]);
    expect(await proxy.metric("envoy_cluster_health_check_attempt")).toBe(1);
    await proxy.restart();
    const [victim] = proxy.workerPids;
    process.kill(victim!, "SIGKILL");
    await until("it is replaced", async () => !isAlive(victim!) && (await proxy.isReady()), 30_000);
    expect(await statuses(port, 20)).toEqual(["200"]);
    expect(await proxy.metric("envoy_cluster_health_check_success")).toBe(1);
    expect(await proxy.metric("envoy_cluster_health_check_healthy")).toBe(1);
    expect(checksOf(server)).toBe(1);
  });

  test("go on when the one that makes them is gone, and hold in all", async () => {
    const health = { status: HEALTHY };
    const server = checked(health);
    const proxy = await started({ resources: withChecks(server, "0.05s") });
    const port = await proxy.port("l");
    const [first] = proxy.workerPids;
    process.kill(first!, "SIGKILL");
    await until("it is gone", () => !isAlive(first!));
    const before = checksOf(server);
    await until("checks go on", () => checksOf(server) > before + 2);
    expect(await statuses(port, 20)).toEqual(["200"]);
    await until("it is replaced", async () => proxy.workerPids.length === 2 && (await proxy.isReady()), 30_000);
    health.status = 500;
    await until("all know that the host is out", async () => (await statuses(port, 10)).join() === "503");
    health.status = HEALTHY;
    await until("all know that it is back", async () => (await statuses(port, 10)).join() === "200");
  });
});

describe("a hot restart", () => {
  test("loses no request, no count and no port while clients go on, with connections kept and new ones", async () => {
    const proxy = await started();
    const port = await proxy.port("l");
    let over = false;
    const lost: string[] = [];
    let served = 0;
    const note = (answer: string) => {
      if (answer === "200") served++;
      else lost.push(answer);
    };
    const connecting = async () => {
      while (!over) note(await status(port).catch(String));
    };
    const keeping = async () => {
      while (!over) note(await fetch(`http://127.0.0.1:${port}/`).then((response) => String(response.status), String));
    };
    const clients = [connecting(), connecting(), keeping(), keeping()];
    const before = proxy.workerPids;
    for (let i = 0; i < 2; i++) await proxy.restart();
    over = true;
    await Promise.all(clients);
    expect(lost).toEqual([]);
    expect(served).toBeGreaterThan(0);
    expect(await proxy.metric(REQUESTS)).toBe(served);
    expect(await proxy.port("l")).toBe(port);
    expect(proxy.workerPids.filter((pid) => before.includes(pid))).toEqual([]);
  });

  test("needs no control plane, and finishes what the old workers have under way", async () => {
    const slow = new RawServer();
    open.push(slow);
    const parts = [edsCluster(), assignment("up", slow.port), rdsListener("l"), routes()];
    const proxy = await started({ resources: parts });
    const port = await proxy.port("l");
    const client = await connectRaw(port);
    client.send(GET);
    const connection = await slow.connection(0);
    await connection.hears("\r\n\r\n");
    proxy.ads.close();
    const before = proxy.workerPids;
    proxy.process.kill("SIGHUP");
    await until("the idle one of the old workers is gone", () => before.filter(isAlive).length === 1, 30_000);
    connection.send(OK);
    await client.isClosed();
    expect(client.text).toContain("connection: close");
    expect(client.text).toEndWith("ok");
    client.reset(); // it had the server's FIN, and keeps its own direction open
    await until("the other one is gone", () => !before.some(isAlive));
    const next = connectRaw(port);
    (await next).send(GET);
    await slow.connection(1);
    (await next).reset();
  });
});

describe("the end", () => {
  test("takes nothing new, finishes what is under way, and every process is gone", async () => {
    const slow = new RawServer();
    open.push(slow);
    const proxy = await started({ resources: [edsCluster(), assignment("up", slow.port), rdsListener("l"), routes()] });
    const port = await proxy.port("l");
    const client = await connectRaw(port);
    client.send(GET);
    const connection = await slow.connection(0);
    await connection.hears("\r\n\r\n");
    const workers = proxy.workerPids;
    proxy.process.kill("SIGTERM");
    await until("nothing new is taken", () =>
      connectRaw(port).then(
        (peer) => void peer.reset(),
        () => true,
      ),
    );
    expect(await proxy.admin("/ready")).toBe("DRAINING\n");
    connection.send(OK);
    await client.isClosed();
    expect(client.text).toEndWith("ok");
    expect(await proxy.process.exited).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
  });

  test("serves who waits to be accepted when a worker hears of it", async () => {
    const proxy = await started({ workers: 3 });
    const port = await proxy.port("l");
    const workers = proxy.workerPids;
    for (const pid of workers) process.kill(pid, "SIGSTOP");
    proxy.process.kill("SIGTERM");
    // Asked before the signal is taken, the supervisor asks a worker, which is stopped.
    const isDraining = () =>
      proxy.admin("/ready").then(
        (text) => text === "DRAINING\n",
        () => false,
      );
    await until("they are told", () => Promise.race([isDraining(), Bun.sleep(250)]));
    // They go on with what came first.
    const clients = await Promise.all(Array.from({ length: 30 }, () => connectRaw(port)));
    for (const client of clients) client.send(GET);
    for (const pid of workers) process.kill(pid, "SIGCONT");
    for (const client of clients) await client.isClosed();
    expect(clients.filter(({ text }) => !text.endsWith("ok"))).toEqual([]);
    for (const client of clients) client.reset();
    expect(await proxy.process.exited).toBe(0);
  });

  test("comes with the drain time at the latest", async () => {
    const silent = new RawServer();
    open.push(silent);
    const parts = [edsCluster(), assignment("up", silent.port), rdsListener("l"), routes()];
    const proxy = await started({ resources: parts, drainTime: "300ms" });
    const client = await connectRaw(await proxy.port("l"));
    client.send(GET);
    await (await silent.connection(0)).hears("\r\n\r\n");
    proxy.process.kill("SIGTERM");
    expect(await proxy.process.exited).toBe(0);
    await client.isClosed();
  });
});
