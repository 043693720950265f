// Requests that keep to the zone of their proxy, as far as its callers are no larger a part of all than its hosts.

import { expect } from "bun:test";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { OTHER_ZONE, OWN_ZONE } from "./process.ts";
import { type Applications, traffic } from "./traffic.ts";

const counts = ({ v1, v2, v3 }: Applications) => [v1, v2, v3].map(({ requests }) => requests.length);
const hasWeight = (to: "v1" | "v2" | "v3", load_balancing_weight: number): EndpointParts => ({
  to,
  fields: { load_balancing_weight },
});
const isSick = (to: "v1" | "v2" | "v3"): EndpointParts => ({ to, fields: { health_status: "UNHEALTHY" } });

/** `here` in the proxy's zone, the rest in the other. Half of the callers are in each. */
const upstream = (here: readonly EndpointParts[], there: readonly EndpointParts[]) => ({
  clusters: {
    upstream: {
      localities: [
        { fields: { locality: OWN_ZONE }, endpoints: here },
        { fields: { locality: OTHER_ZONE }, endpoints: there },
      ],
    },
  },
});

const byCluster = (fields: Message): Message => ({
  common_lb_config: { zone_aware_lb_config: { min_cluster_size: 3, ...fields } },
});

const byPolicy = (fields: Message): Message => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: extension(
          "envoy.load_balancing_policies.round_robin",
          "extensions.load_balancing_policies.round_robin.v3.RoundRobin",
          { locality_lb_config: { zone_aware_lb_config: { min_cluster_size: 3, ...fields } } },
        ),
      },
    ],
  },
});

/** 300 requests: five deviations of a binomial draw are 42. */
function near(found: readonly number[], expected: readonly number[]): void {
  expect(found.reduce((sum, count) => sum + count, 0)).toBe(300);
  for (const [i, count] of found.entries())
    expect([expected, found, Math.abs(count - expected[i]!) <= 43]).toEqual([expected, found, true]);
}

const SHARES: readonly (readonly [
  name: string,
  cluster: Message,
  here: readonly EndpointParts[],
  there: readonly EndpointParts[],
  expected: readonly number[],
])[] = [
  [
    "a third of the hosts takes two thirds of what half of the callers ask",
    byCluster({}),
    ["v1"],
    ["v2", "v3"],
    [200, 50, 50],
  ],
  ["a zone with more hosts than callers keeps all", byCluster({}), ["v1", "v2"], ["v3"], [150, 150, 0]],
  [
    "a cluster that is too small has no zones",
    byCluster({ min_cluster_size: 4 }),
    ["v1"],
    ["v2", "v3"],
    [100, 100, 100],
  ],
  [
    "a cluster of fewer than six has none by default",
    byCluster({ min_cluster_size: null }),
    ["v1"],
    ["v2", "v3"],
    [100, 100, 100],
  ],
  [
    "half of the requests look at zones",
    byCluster({ routing_enabled: { value: 50 } }),
    ["v1"],
    ["v2", "v3"],
    [150, 75, 75],
  ],
  ["none does", byCluster({ routing_enabled: { value: 0 } }), ["v1"], ["v2", "v3"], [100, 100, 100]],
  ["the policy's own configuration", byPolicy({}), ["v1"], ["v2", "v3"], [200, 50, 50]],
  ["the zone is forced", byPolicy({ force_local_zone: {} }), ["v1"], ["v2", "v3"], [300, 0, 0]],
  [
    "the zone has too few hosts to be forced",
    byPolicy({ force_local_zone: { min_size: 2 } }),
    ["v1"],
    ["v2", "v3"],
    [200, 50, 50],
  ],
  [
    "zones are measured by weights",
    byPolicy({ locality_basis: "HEALTHY_HOSTS_WEIGHT" }),
    [hasWeight("v1", 6)],
    [hasWeight("v2", 1), hasWeight("v3", 1)],
    [300, 0, 0],
  ],
];

for (const [name, cluster, here, there, expected] of SHARES)
  traffic(`zones: ${name}`, { legs: DIRECT, ...upstream(here, there), cluster }, async ({ client, application }) => {
    await client.inTurn(300, "/");
    near(counts(application), expected);
  });

traffic(
  "zones: in a panic nobody is asked, if that is said",
  {
    legs: DIRECT,
    ...upstream(["v1"], [isSick("v2"), isSick("v3")]),
    cluster: byCluster({ min_cluster_size: 1, fail_traffic_on_panic: true }),
  },
  async ({ client, application, logs }) => {
    expect((await client.request("/")).status).toBe(503);
    expect(counts(application)).toEqual([0, 0, 0]);
    expect((await logs(1))[0]).toMatchObject({ flags: "UH" });
  },
);
