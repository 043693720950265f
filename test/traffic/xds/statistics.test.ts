// The statistics of resilience (ejections, health checks, circuit breakers, retries, overload): which there are, of which type, and how far
// they count. Both proxies' own expositions are asked.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { parseSeries, readExposition } from "../../../src/stats/parse.ts";
import type { Application } from "./application.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import type { ProxyProcess } from "./process.ts";
import { traffic } from "./traffic.ts";

const SUBJECT =
  /^envoy_(?:cluster_(?:circuit_breakers|outlier_detection|health_check|membership|upstream_.*_overflow|upstream_rq_retry)|overload)_?/;
const CLUSTER = "upstream";

/** Envoy's alone, by the reason. */
const ENVOY_ALONE: readonly RegExp[] = [
  // Connection pools are not limited (max_connection_pools is refused).
  /_cx_pool_open$|_remaining_cx_pools$|_cx_pool_overflow$/,
  // Deprecated in favour of those that say detected and enforced.
  /ejections_(?:total|success_rate|consecutive_5xx)$/,
  // Of what is refused (detect_degraded_hosts).
  /detected_degradation$/,
  /membership_change$/,
  /retry_backoff_(?:exponential|ratelimited)$/,
  // Of monitors that answer later, or not; Heddle's are read at once.
  /_(?:failed|skipped)_updates$|refresh_interval_delay/,
];

interface Scraped {
  /** "gauge envoy_…", without what Envoy has alone. */
  readonly names: readonly string[];
  value(name: string): number | undefined;
}

async function scrape(process: ProxyProcess): Promise<Scraped> {
  const names = new Set<string>();
  const values = new Map<string, number>();
  let type = "";
  for (const line of readExposition(await process.admin("/stats/prometheus"))) {
    if (line.kind === "type") type = line.text;
    if (line.kind !== "sample") continue;
    const series = parseSeries(line.series) ?? { name: line.series, labels: new Map<string, string>() };
    const { name, labels } = series;
    // Envoy's tag has a prefix unless stats_config says otherwise, as the mesh's bootstrap does.
    const cluster = labels.get("cluster_name") ?? labels.get("envoy_cluster_name") ?? CLUSTER;
    if (cluster !== CLUSTER || !SUBJECT.test(name) || ENVOY_ALONE.some((alone) => alone.test(name))) continue;
    names.add(`${type} ${name}`);
    values.set(name, line.value);
  }
  return { names: [...names].toSorted(), value: (name) => values.get(`envoy_cluster_${name}`) };
}

function thresholds(...all: readonly Message[]): Message {
  return { circuit_breakers: { thresholds: all.map((one) => ({ track_remaining: true, ...one })) } };
}

const KINDS = ["consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure"];
const RATES = ["failure_percentage", "local_origin_failure_percentage", "local_origin_success_rate", "success_rate"];
const ACTIONS = [
  "disable_http_keepalive",
  "reduce_timeouts",
  "reset_high_memory_stream",
  "reject_incoming_connections",
  "stop_accepting_connections",
  "stop_accepting_requests",
];
const BREAKERS = ["cx_open", "remaining_cx", "remaining_pending", "remaining_retries", "remaining_rq"].concat([
  "rq_open",
  "rq_pending_open",
  "rq_retry_open",
]);
const CHECKS = ["attempt", "failure", "network_failure", "passive_failure", "success", "verify_cluster"];

const EXPECTED = [
  ...CHECKS.map((name) => `counter envoy_cluster_health_check_${name}`),
  ...["healthy", "degraded"].map((name) => `gauge envoy_cluster_health_check_${name}`),
  ...["detected", "enforced"].flatMap((what) =>
    [...KINDS, ...RATES].map((kind) => `counter envoy_cluster_outlier_detection_ejections_${what}_${kind}`),
  ),
  "counter envoy_cluster_outlier_detection_ejections_enforced_total",
  "counter envoy_cluster_outlier_detection_ejections_overflow",
  "gauge envoy_cluster_outlier_detection_ejections_active",
  ...["default", "high"].flatMap((priority) =>
    BREAKERS.map((name) => `gauge envoy_cluster_circuit_breakers_${priority}_${name}`),
  ),
  ...["degraded", "excluded", "healthy", "total"].map((name) => `gauge envoy_cluster_membership_${name}`),
  ...["cx", "rq_active", "rq_pending", "rq_retry"].map((name) => `counter envoy_cluster_upstream_${name}_overflow`),
  ...["", "_limit_exceeded", "_success"].map((name) => `counter envoy_cluster_upstream_rq_retry${name}`),
  ...ACTIONS.flatMap((action) => [
    `gauge envoy_overload_${action}_pressure`,
    `gauge envoy_overload_envoy_overload_actions_${action}_active`,
    `gauge envoy_overload_envoy_overload_actions_${action}_scale_percent`,
  ]),
].toSorted();

const WATCHED: Message = {
  ...thresholds({ max_retries: 2 }, { priority: "HIGH", max_retries: 2 }),
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
  outlier_detection: { consecutive_5xx: 2, interval: "60s", base_ejection_time: "60s", max_ejection_percent: 50 },
  health_checks: [
    {
      timeout: "5s",
      interval: "60s",
      no_traffic_interval: "60s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: "/healthz" },
    },
  ],
};

traffic(
  "have the same names and types, and count the same ejections and checks",
  { legs: DIRECT, endpoints: ["v1", "v2"], cluster: WATCHED },
  async ({ client, process, application: { v1, v2 } }) => {
    for (const one of [v1, v2]) one.script(() => ({ kind: "respond", status: 500 }));
    // One goes; the other may not.
    for (let i = 0; i < 8; i++) await client.request("/");
    const scraped = await until("the ejection", async () => {
      const now = await scrape(process);
      return (now.value("outlier_detection_ejections_overflow") ?? 0) > 0 ? now : undefined;
    });
    expect(scraped.names).toEqual(EXPECTED);
    const value = (name: string) => scraped.value(name);
    expect(value("outlier_detection_ejections_active")).toBe(1);
    expect(value("outlier_detection_ejections_enforced_total")).toBe(1);
    expect(value("outlier_detection_ejections_enforced_consecutive_5xx")).toBe(1);
    expect(value("outlier_detection_ejections_detected_consecutive_5xx")).toBeGreaterThan(1);
    expect([value("health_check_attempt"), value("health_check_success"), value("health_check_healthy")]).toEqual([
      2, 2, 2,
    ]);
    expect([value("membership_total"), value("membership_healthy"), value("membership_excluded")]).toEqual([2, 1, 0]);
  },
);

traffic(
  "a check is one that looks whose answer it is, or not",
  {
    legs: DIRECT,
    cluster: {
      ...WATCHED,
      health_checks: [
        {
          timeout: "5s",
          interval: "60s",
          unhealthy_threshold: 1,
          healthy_threshold: 1,
          http_health_check: { path: "/healthz", service_name_matcher: { prefix: "shop" } },
        },
      ],
    },
  },
  async ({ process }) => {
    const scraped = await until("the check", async () => {
      const now = await scrape(process);
      return (now.value("health_check_failure") ?? 0) > 0 ? now : undefined;
    });
    expect(scraped.value("health_check_verify_cluster")).toBe(1);
  },
);

const OVERFLOWS = ["cx", "rq_active", "rq_pending", "rq_retry"];
const REMAINING = ["cx", "pending", "rq", "retries"];
const COUNTED = [
  ...OVERFLOWS.map((name) => `upstream_${name}_overflow`),
  "upstream_rq_retry",
  "upstream_rq_retry_limit_exceeded",
];

/** Counters since now: Envoy's go on from case to case while the cluster of one before drains. */
async function counting(process: ProxyProcess) {
  const before = await scrape(process);
  return async () => {
    const now = await scrape(process);
    const [cx, active, pending, overflow, retries, limits] = COUNTED.map(
      (name) => (now.value(name) ?? Number.NaN) - (before.value(name) ?? Number.NaN),
    );
    const remaining = Object.fromEntries(
      REMAINING.map((name) => [name, now.value(`circuit_breakers_default_remaining_${name}`)]),
    );
    return { overflows: { cx, active, pending, retry: overflow }, retries, limits, remaining, value: now.value };
  };
}

/** Each case has a path of its own: of the one before, a request may still come. */
const askedFor = (held: string, { requests }: Application) => requests.filter(({ path }) => path === held).length;

const NONE = { cx: 0, active: 0, pending: 0, retry: 0 };

traffic(
  "requests beyond the most at once",
  { legs: ["h2", "plaintext"], application: "http2", cluster: thresholds({ max_requests: 2, max_retries: 2 }) },
  async ({ client, process, application: { v1 } }) => {
    const counted = await counting(process);
    v1.script(() => ({ kind: "hang" }));
    for (let i = 0; i < 2; i++) client.request("/active").catch(() => {}); // given up with the case
    await until("two are under way", () => askedFor("/active", v1) === 2);
    expect((await client.request("/")).status).toBe(503);
    const { overflows, remaining, value } = await counted();
    expect(overflows).toEqual({ ...NONE, active: 1 });
    expect(remaining).toMatchObject({ pending: 1_024, rq: 0, retries: 2 });
    expect(value("circuit_breakers_default_rq_open")).toBe(1);
  },
);

traffic(
  "requests that may not wait for a connection, and the connection that there may not be",
  {
    legs: ["plaintext"],
    cluster: thresholds({ max_connections: 1, max_pending_requests: 1, max_retries: 2 }),
  },
  async ({ client, process, application: { v1 } }) => {
    v1.script(() => ({ kind: "hang" }));
    client.request("/pending").catch(() => {});
    await until("the connection is taken", () => askedFor("/pending", v1) === 1);
    // From here on: where the connection of the case before is not closed yet, this one waited for it.
    const counted = await counting(process);
    client.request("/pending").catch(() => {});
    await until("one waits", async () => (await counted()).overflows.cx === 1);
    expect((await client.request("/")).status).toBe(503);
    const { overflows, remaining } = await counted();
    expect(overflows).toEqual({ ...NONE, cx: 1, pending: 1 });
    expect(remaining).toMatchObject({ cx: 0, pending: 0 });
  },
);

const RETRIED = { retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.001s" } } };

traffic(
  "retries beyond the most at once",
  { legs: DIRECT, route: RETRIED, cluster: thresholds({ max_retries: 1 }) },
  async ({ client, process, application: { v1 } }) => {
    const counted = await counting(process);
    v1.script(({ path }) =>
      path === "/retried" && askedFor("/retried", v1) > 1 ? { kind: "hang" } : { kind: "respond", status: 503 },
    );
    client.request("/retried").catch(() => {});
    await until("the retry is under way", () => askedFor("/retried", v1) === 2);
    expect((await client.request("/")).status).toBe(503);
    const { overflows, remaining, retries, limits } = await counted();
    expect(overflows).toEqual({ ...NONE, retry: 1 });
    expect(remaining).toMatchObject({ retries: 0 });
    expect([retries, limits]).toEqual([1, 0]);
  },
);

traffic(
  "a request that fails after its last retry",
  { legs: DIRECT, route: RETRIED, cluster: thresholds({ max_retries: 1 }) },
  async ({ client, process, application: { v1 } }) => {
    const counted = await counting(process);
    v1.script(() => ({ kind: "respond", status: 503 }));
    expect((await client.request("/")).status).toBe(503);
    const { overflows, retries, limits } = await counted();
    expect(overflows).toEqual(NONE);
    expect([retries, limits]).toEqual([1, 1]);
  },
);

/** Of the route, by Envoy's names. */
async function routeStats(process: ProxyProcess): Promise<readonly string[]> {
  const lines = (await process.admin("/stats")).split("\n");
  return lines.filter((line) => line.startsWith("vhost.lab.route.counted.upstream_rq_"));
}

traffic(
  "a route with stat_prefix has statistics of its own",
  {
    legs: DIRECT,
    routes: [{ match: { prefix: "/" }, stat_prefix: "counted", route: { cluster: "upstream" } }],
    differs: {
      heddle: {
        because: "it keeps no statistics of routes",
        expect: async ({ client, process }) => {
          expect((await client.request("/")).status).toBe(200);
          expect(await routeStats(process)).toEqual([]);
        },
      },
    },
  },
  async ({ client, process }) => {
    expect((await client.request("/")).status).toBe(200);
    await until("it is counted", async () =>
      (await routeStats(process)).includes("vhost.lab.route.counted.upstream_rq_2xx: 1"),
    );
  },
);
