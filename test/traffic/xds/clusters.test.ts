// Where the hosts of a cluster come from: DNS, other clusters, the request itself.

import { expect } from "bun:test";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { until } from "../../../src/base/until-fixture.ts";
import { type ClusterParts, DIRECT, type EndpointParts } from "./configuration.ts";
import { APPLICATIONS } from "./lab.ts";
import { httpOptions, type Message, typed } from "./message.ts";
import { type Applications, refused, traffic } from "./traffic.ts";

const counts = ({ v1, v2, v3 }: Applications) => [v1, v2, v3].map(({ requests }) => requests.length);

// ── aggregates ──

function aggregate(...clusters: readonly string[]): ClusterParts {
  return {
    fields: {
      type: null,
      load_assignment: null,
      lb_policy: "CLUSTER_PROVIDED",
      cluster_type: {
        name: "envoy.clusters.aggregate",
        typed_config: typed("extensions.clusters.aggregate.v3.ClusterConfig", { clusters: [...clusters] }),
      },
    },
  };
}

const sick = (to: "v1" | "v2" | "v3"): EndpointParts => ({ to, fields: { health_status: "UNHEALTHY" } });
const of = (...endpoints: readonly EndpointParts[]): ClusterParts => ({ endpoints });

traffic(
  "an aggregate goes to its first cluster as long as that has health",
  { legs: DIRECT, clusters: { first: of("v1", "v2"), second: of("v3"), upstream: aggregate("first", "second") } },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([5, 5, 0]);
  },
);

traffic(
  "an aggregate goes on to the next cluster by the health of the first",
  {
    legs: DIRECT,
    clusters: { first: of("v1", sick("v2")), second: of("v3"), upstream: aggregate("first", "second") },
  },
  async ({ client, application }) => {
    await client.inTurn(300, "/");
    const [first, , third] = counts(application) as [number, number, number];
    expect(counts(application)[1]).toBe(0);
    expect(Math.abs(first - 210)).toBeLessThan(45);
    expect(first + third).toBe(300);
  },
);

traffic(
  "an aggregate of aggregates is one of all their clusters, and its members balance as they do alone",
  {
    legs: DIRECT,
    clusters: {
      first: of(sick("v1")),
      second: { endpoints: [{ to: "v2", fields: { load_balancing_weight: 3 } }, "v3"] },
      inner: aggregate("first"),
      upstream: aggregate("inner", "second"),
    },
  },
  async ({ client, application }) => {
    await client.inTurn(40, "/");
    expect(counts(application)).toEqual([0, 30, 10]);
  },
);

traffic(
  "a retry of an aggregate may go to another of its clusters",
  {
    legs: DIRECT,
    route: {
      retry_policy: {
        retry_on: "5xx",
        num_retries: 12,
        retry_back_off: { base_interval: "0.001s", max_interval: "0.002s" },
      },
    },
    clusters: { first: of("v1", sick("v2")), second: of("v3"), upstream: aggregate("first", "second") },
  },
  async ({ client, application }) => {
    application.v1.script(() => ({ kind: "respond", status: 503 }));
    // Three of ten attempts go to the second cluster: of 40 requests with 13 attempts each, not one in a hundred finds none.
    const responses = await client.inTurn(40, "/");
    expect(responses.filter(({ status }) => status === 200).length).toBeGreaterThan(35);
    expect(application.v1.requests.length).toBeGreaterThan(40);
  },
);

traffic(
  "an aggregate of clusters that are not there has nobody",
  { legs: DIRECT, clusters: { upstream: aggregate("missing") } },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(503);
  },
);

// ── DNS ──

function named(type: "STRICT_DNS" | "LOGICAL_DNS", name: string, fields: Message = {}): ClusterParts {
  const address = { socket_address: { address: name, port_value: APPLICATIONS.v1.port } };
  return {
    fields: {
      type,
      dns_lookup_family: "V4_ONLY",
      load_assignment: { cluster_name: "upstream", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
      ...fields,
    },
  };
}

for (const type of ["STRICT_DNS", "LOGICAL_DNS"] as const)
  traffic(
    `${type} finds its hosts by name`,
    {
      legs: DIRECT,
      clusters: { upstream: named(type, "localhost", { respect_dns_ttl: true, dns_refresh_rate: "0.1s" }) },
    },
    async ({ client, application, logs }) => {
      await client.inTurn(3, "/");
      await Bun.sleep(250); // asked again in the meantime: the same host, with its connection
      await client.inTurn(3, "/");
      expect(counts(application)).toEqual([6, 0, 0]);
      expect(application.v1.connections).toBe(1);
      expect((await logs(6))[5]!.host).toBe(`127.0.0.1:${APPLICATIONS.v1.port}`);
    },
  );

traffic(
  "a name without an address is asked for again, and nobody is there meanwhile",
  {
    legs: DIRECT,
    clusters: {
      upstream: named("STRICT_DNS", "nowhere.invalid", {
        dns_failure_refresh_rate: { base_interval: "0.05s", max_interval: "0.1s" },
      }),
    },
  },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(503);
  },
);

// ── original destination ──

function originalDestination(fields: Message): ClusterParts {
  return {
    fields: {
      type: "ORIGINAL_DST",
      load_assignment: null,
      lb_policy: "CLUSTER_PROVIDED",
      original_dst_lb_config: fields,
    },
  };
}

const DESTINATION = "x-envoy-original-dst-host";
const v2 = () => `127.0.0.1:${APPLICATIONS.v2.port}`;

traffic(
  "a header says where a request goes, when it may",
  { legs: DIRECT, clusters: { upstream: originalDestination({ use_http_header: true }) } },
  async ({ client, application, logs }) => {
    expect((await client.request("/", { headers: { [DESTINATION]: v2() } })).status).toBe(200);
    expect(counts(application)).toEqual([0, 1, 0]);
    for (const wrong of ["somewhere", "127.0.0.1", "127.0.0.1:99999"]) {
      const response = await client.request("/", { headers: { [DESTINATION]: wrong } });
      expect([response.status, response.text]).toEqual([503, "no healthy upstream"]);
    }
    expect((await logs(4))[3]).toMatchObject({ flags: "UH" });
  },
);

traffic(
  "a header of another name, and a port of the cluster's own",
  {
    legs: DIRECT,
    clusters: {
      upstream: originalDestination({
        use_http_header: true,
        http_header_name: "X-Where",
        upstream_port_override: APPLICATIONS.v3.port,
      }),
    },
  },
  async ({ client, application }) => {
    await client.request("/", { headers: { "x-where": v2() } });
    expect(counts(application)).toEqual([0, 0, 1]);
  },
);

traffic(
  "a destination that nobody asks for, and no connection leads to, is forgotten",
  {
    legs: DIRECT,
    clusters: { upstream: originalDestination({ use_http_header: true }) },
    cluster: {
      cleanup_interval: "0.2s",
      typed_extension_protocol_options: httpOptions("http1", { max_requests_per_connection: 1 }),
    },
  },
  async ({ client, application, process }) => {
    const hosts = async () => (await process.hosts("upstream")).size;
    await client.request("/", { headers: { [DESTINATION]: v2() } });
    expect(await hosts()).toBe(1);
    await until("that it is forgotten", async () => (await hosts()) === 0);
    expect((await client.request("/", { headers: { [DESTINATION]: v2() } })).status).toBe(200);
    expect(application.v2.connections).toBe(2);
  },
);

/** Envoy takes what Heddle says at once that it does not do. */
const byHeddle = (words: string) => (reason: string, proxy: ProxyKind) =>
  proxy === "heddle" ? expect(reason).toContain(words) : expect(reason).toBe("");

refused(
  "a CONNECT that may be a POST",
  {
    routes: [
      {
        match: { connect_matcher: {} },
        route: {
          cluster: "upstream",
          upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: { allow_post: true } }],
        },
      },
    ],
  },
  byHeddle("upgrade_configs[0].connect_config.allow_post"),
);

refused(
  "a window in which updates are merged",
  { cluster: { common_lb_config: { update_merge_window: "1s" } } },
  byHeddle("common_lb_config.update_merge_window: only 0s"),
);

refused(
  "an aggregate that balances by itself",
  { clusters: { first: of("v1"), upstream: { fields: { ...aggregate("first").fields, lb_policy: "ROUND_ROBIN" } } } },
  (reason) => expect(reason.toLowerCase().replaceAll("_", " ")).toContain("cluster provided"),
);
