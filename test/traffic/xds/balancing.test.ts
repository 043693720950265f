// How requests are shared out among hosts: turns, draws, weights, localities, slow start.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { type Applications, refused, traffic } from "./traffic.ts";

const weighted = (to: "v1" | "v2" | "v3", load_balancing_weight: number): EndpointParts => ({
  to,
  fields: { load_balancing_weight },
});
const ALIKE: readonly EndpointParts[] = ["v1", "v2", "v3"];
const counts = ({ v1, v2, v3 }: Applications) => [v1, v2, v3].map(({ requests }) => requests.length);

function policy(name: string, type: string, fields: Message = {}): Message {
  const config = extension(
    `envoy.load_balancing_policies.${name}`,
    `extensions.load_balancing_policies.${name}.v3.${type}`,
    fields,
  );
  return { load_balancing_policy: { policies: [{ typed_extension_config: config }] } };
}

const ROUND_ROBIN = policy("round_robin", "RoundRobin").load_balancing_policy as Message;

for (const [name, cluster] of [
  ["ROUND_ROBIN", {}],
  ["the round robin extension", policy("round_robin", "RoundRobin")],
] as const)
  traffic(`${name} takes turns exactly`, { cluster, endpoints: ALIKE }, async ({ client, application }) => {
    await client.inTurn(30, "/");
    expect(counts(application)).toEqual([10, 10, 10]);
  });

traffic(
  "weights are kept to after every round, spread out",
  { endpoints: [weighted("v1", 3), weighted("v2", 1)] },
  async ({ client, application }) => {
    const responses = await client.inTurn(40, "/");
    expect(counts(application)).toEqual([30, 10, 0]);
    const order = responses.map((response) => response.echo.app).join(" ");
    // Deadlines tie at the end of each round, so two rounds may meet.
    expect(order).not.toContain("v1 v1 v1 v1 v1 v1");
    expect(order).not.toContain("v2 v2");
  },
);

traffic(
  "random does not go by weights",
  { cluster: { lb_policy: "RANDOM" }, endpoints: [weighted("v1", 20), weighted("v2", 1)], legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(400, "/");
    const [first, second] = counts(application) as [number, number, number];
    expect(first + second).toBe(400);
    expect(Math.abs(first - 200)).toBeLessThan(60);
  },
);

for (const [name, cluster] of [
  ["LEAST_REQUEST", { lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: 5 } }],
  ["the extension with choices", policy("least_request", "LeastRequest", { choice_count: 5 })],
  ["the extension with a full scan", policy("least_request", "LeastRequest", { selection_method: "FULL_SCAN" })],
] as const)
  traffic(
    `least request, ${name}: the busy host is spared`,
    { cluster, endpoints: ["v1", "v2"], legs: DIRECT },
    async ({ client, application }) => {
      application.v1.script(() => ({ kind: "hang" }));
      for (let i = 0; i < 12 && application.v1.requests.length === 0; i++) {
        const connection = await client.http1();
        connection.send("/");
        const before = application.requests.length;
        while (application.requests.length === before) await Bun.sleep(2);
      }
      const busy = application.v1.requests.length;
      expect(busy).toBe(1);
      application.v1.script(() => ({ kind: "echo" }));
      await client.inTurn(60, "/");
      // Five draws meet only the busy one in three of a hundred.
      expect(application.v1.requests.length - busy).toBeLessThan(12);
    },
  );

traffic(
  "least request by weights takes turns when nothing is under way",
  { cluster: { lb_policy: "LEAST_REQUEST" }, endpoints: [weighted("v1", 4), weighted("v2", 1)], legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(50, "/");
    const [first] = counts(application) as [number, number, number];
    // A count that is still held by the response before it moves a turn now and then.
    expect(Math.abs(first - 40)).toBeLessThanOrEqual(5);
  },
);

traffic(
  "a host that is new begins with a small part",
  {
    cluster: {
      round_robin_lb_config: { slow_start_config: { slow_start_window: "600s", min_weight_percent: { value: 10 } } },
    },
    clusters: { upstream: { eds: true } },
    endpoints: ["v1", "v2"],
    legs: DIRECT,
  },
  async ({ client, application }) => {
    // Both are new: they are alike.
    await client.inTurn(40, "/");
    const [first, second] = counts(application) as [number, number, number];
    expect(Math.abs(first - second)).toBeLessThanOrEqual(4);
  },
);

const zone = (name: string, weight: number | undefined, endpoints: readonly EndpointParts[], priority = 0) => ({
  fields: {
    locality: { region: "r", zone: name },
    priority,
    ...(weight !== undefined && { load_balancing_weight: weight }),
  },
  endpoints,
});

const BY_WEIGHT = [zone("a", 3, ["v1"]), zone("b", 1, ["v2", "v3"])];

for (const [name, cluster] of [
  ["common_lb_config", { common_lb_config: { locality_weighted_lb_config: {} } }],
  ["an extension", policy("round_robin", "RoundRobin", { locality_lb_config: { locality_weighted_lb_config: {} } })],
  ["wrr_locality", policy("wrr_locality", "WrrLocality", { endpoint_picking_policy: ROUND_ROBIN })],
] as const)
  traffic(
    `localities have their weights by ${name}`,
    {
      cluster,
      clusters: { upstream: { localities: BY_WEIGHT } },
      legs: DIRECT,
      ...(name === "wrr_locality" && { skip: { envoy: "takes only client-side weighted round robin within it" } }),
    },
    async ({ client, application }) => {
      await client.inTurn(80, "/");
      expect(counts(application)).toEqual([60, 10, 10]);
    },
  );

traffic(
  "weights of localities do not count unless it is said",
  { clusters: { upstream: { localities: BY_WEIGHT } }, legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(30, "/");
    expect(counts(application)).toEqual([10, 10, 10]);
  },
);

const sick = (to: "v1" | "v2" | "v3", health_status = "UNHEALTHY"): EndpointParts => ({
  to,
  fields: { health_status },
});

traffic(
  "a locality without a weight gets nothing, and one that lacks hosts less",
  {
    cluster: { common_lb_config: { locality_weighted_lb_config: {}, healthy_panic_threshold: { value: 0 } } },
    clusters: {
      upstream: {
        localities: [
          zone("a", 1, ["v1"]),
          zone("b", 1, ["v2", sick("v2"), sick("closed" as "v2")]),
          zone("c", undefined, ["v3"]),
        ],
      },
    },
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(147, "/");
    const [a, b, c] = counts(application) as [number, number, number];
    expect(c).toBe(0);
    // Of b's hosts, one (Envoy: of two, the address that is there twice being one) of the healthy: 1.4 × 1/2 = 0.7 of a's, or 1.4 × 1/3.
    expect(b / a).toBeLessThan(0.75);
    expect(b / a).toBeGreaterThan(0.4);
  },
);

traffic(
  "peak EWMA: the slow host is avoided",
  {
    cluster: {
      lb_policy: "LEAST_REQUEST",
      metadata: { filter_metadata: { "heddle.dev": { balancer: "peak-ewma", decay: "30s" } } },
    },
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    differs: {
      envoy: {
        because: "the stock binary has no such policy: it goes by the policy written",
        expect: async ({ client }) => {
          expect((await client.request("/")).status).toBe(200);
        },
      },
    },
  },
  async ({ client, application }) => {
    application.v1.script(() => ({ kind: "echo", delayMs: 150 }));
    await client.inTurn(60, "/");
    const [slow, fast] = counts(application) as [number, number, number];
    expect(slow + fast).toBe(60);
    expect(slow).toBeLessThan(8);
  },
);

refused(
  "choices below two",
  { cluster: { lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: 1 } } },
  (reason) => expect(reason.toLowerCase().replaceAll("_", "")).toContain("choicecount"),
);

traffic(
  "preconnecting opens a connection ahead of the request for it",
  { cluster: { preconnect_policy: { per_upstream_preconnect_ratio: 2 } }, legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "hang" }));
    const connection = await client.http1();
    connection.send("/");
    // Either may be seen first: the request goes out when its connection is open, and the other connection opens beside it.
    await until("both", () => v1.connections >= 2 && v1.requests.length > 0);
    expect(v1.connections).toBe(2);
    expect(v1.requests).toHaveLength(1);
  },
);

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const common = (fields: Message): Message => ({
  typed_extension_protocol_options: { [OPTIONS]: { common_http_protocol_options: fields } },
});

traffic(
  "a connection takes so many requests and no more",
  { cluster: common({ max_requests_per_connection: 2 }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    await client.inTurn(6, "/");
    expect(v1.requests.map(({ connection }) => connection)).toEqual([0, 0, 1, 1, 2, 2]);
  },
);

traffic(
  "a connection that has lived its time takes no more requests, and finishes what it carries",
  { cluster: common({ max_connection_duration: "0.3s" }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    await client.request("/");
    v1.answers({ kind: "respond", delayMs: 600, body: "late" }, { kind: "echo" });
    expect((await client.request("/")).text).toBe("late");
    await client.request("/");
    expect(v1.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
  },
);

traffic(
  "an endpoint keeps its connection when its weight or priority changes",
  { clusters: { upstream: { eds: true } }, endpoints: [weighted("v1", 1)], legs: DIRECT },
  async ({ client, application: { v1 }, update }) => {
    await client.request("/");
    await update({ clusters: { upstream: { eds: true } }, endpoints: [weighted("v1", 5)] });
    await client.request("/");
    expect(v1.connections).toBe(1);
  },
);
