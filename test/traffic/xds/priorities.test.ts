// Priorities, panic, degraded hosts, and retries that go on to the next priority.

import { expect } from "bun:test";
import { DIRECT, type EndpointParts, type LocalityParts } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { type Applications, refused, traffic } from "./traffic.ts";

const counts = ({ v1, v2, v3 }: Applications) => [v1, v2, v3].map(({ requests }) => requests.length);
const health = (to: "v1" | "v2" | "v3", health_status: string): EndpointParts => ({ to, fields: { health_status } });
const level = (priority: number, ...endpoints: readonly EndpointParts[]): LocalityParts => ({
  fields: { priority, locality: { zone: `z${priority}` } },
  endpoints,
});
const of = (...localities: readonly LocalityParts[]) => ({ clusters: { upstream: { localities } }, legs: DIRECT });

traffic(
  "the second priority waits until the first is gone",
  of(level(0, "v1"), level(1, "v2")),
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([20, 0, 0]);
  },
);

traffic(
  "a priority without health leaves all to the next",
  of(level(0, health("v1", "UNHEALTHY")), level(1, "v2")),
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([0, 20, 0]);
  },
);

traffic(
  "half of a priority's hosts take 70 % of its load",
  of(level(0, "v1", health("v2", "UNHEALTHY")), level(1, "v3")),
  async ({ client, application }) => {
    await client.inTurn(500, "/");
    const [first, sick, third] = counts(application) as [number, number, number];
    expect(sick).toBe(0);
    expect(Math.abs(first - 350)).toBeLessThan(55);
    expect(third).toBe(500 - first);
  },
);

traffic(
  "the overprovisioning factor says what counts for whole",
  {
    ...of(level(0, "v1", health("v2", "UNHEALTHY")), level(1, "v3")),
    cluster: { load_assignment: { policy: { overprovisioning_factor: 200 } } },
  },
  async ({ client, application }) => {
    await client.inTurn(40, "/");
    expect(counts(application)).toEqual([40, 0, 0]);
  },
);

for (const status of ["UNHEALTHY", "TIMEOUT"])
  traffic(
    `in panic, health (${status}) is ignored`,
    { endpoints: ["v1", health("v2", status), health("v3", status)], legs: DIRECT },
    async ({ client, application }) => {
      await client.inTurn(30, "/");
      expect(counts(application)).toEqual([10, 10, 10]);
    },
  );

traffic(
  "hosts that drain do not count: the others are no less healthy for them",
  { endpoints: ["v1", health("v2", "DRAINING"), health("v3", "DRAINING")], legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([10, 0, 0]);
  },
);

traffic(
  "a threshold of its own, and none",
  {
    endpoints: ["v1", health("v2", "UNHEALTHY"), health("v3", "UNHEALTHY")],
    cluster: { common_lb_config: { healthy_panic_threshold: { value: 30 } } },
    legs: DIRECT,
  },
  async ({ client, application, update }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([10, 0, 0]);
    await update({
      endpoints: [health("v1", "UNHEALTHY"), health("v2", "UNHEALTHY")],
      cluster: { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    });
    const { status, text } = await client.request("/");
    expect([status, text]).toEqual([503, "no healthy upstream"]);
  },
);

traffic(
  "in panic no traffic at all, where that is said",
  {
    endpoints: ["v1", health("v2", "UNHEALTHY"), health("v3", "UNHEALTHY")],
    cluster: { common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } } },
    legs: DIRECT,
  },
  async ({ client, application, logs }) => {
    expect((await client.request("/")).status).toBe(503);
    expect(application.requests).toHaveLength(0);
    expect((await logs(1))[0]).toMatchObject({ flags: "UH", details: "no_healthy_upstream" });
  },
);

traffic(
  "total panic goes by the number of hosts of each priority",
  of(level(0, health("v1", "UNHEALTHY")), level(1, health("v2", "UNHEALTHY"), health("v3", "UNHEALTHY"))),
  async ({ client, application }) => {
    await client.inTurn(300, "/");
    for (const count of counts(application)) expect(Math.abs(count - 100)).toBeLessThan(40);
  },
);

traffic(
  "degraded hosts wait until the healthy ones cannot do it",
  of(level(0, "v1", health("v2", "DEGRADED"))),
  async ({ client, application }) => {
    await client.inTurn(200, "/");
    const [healthy, degraded] = counts(application) as [number, number, number];
    // One of two healthy: 70 %; the rest to the degraded one.
    expect(Math.abs(healthy - 140)).toBeLessThan(35);
    expect(healthy + degraded).toBe(200);
  },
);

traffic(
  "a healthy second priority comes before degraded hosts of the first",
  of(level(0, health("v1", "DEGRADED")), level(1, "v2")),
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([0, 20, 0]);
  },
);

const PREVIOUS: Message = extension(
  "envoy.retry_priorities.previous_priorities",
  "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
  { update_frequency: 1 },
);

traffic(
  "retries go on to priorities that were not tried, and begin anew after the last",
  {
    ...of(level(0, "v1"), level(1, "v2"), level(2, "v3")),
    route: {
      retry_policy: {
        retry_on: "5xx",
        num_retries: 4,
        retry_priority: PREVIOUS,
        retry_back_off: { base_interval: "0.001s", max_interval: "0.002s" },
      },
    },
  },
  async ({ client, application }) => {
    const order: string[] = [];
    for (const one of [application.v1, application.v2, application.v3])
      one.script((request) => {
        order.push(request.app);
        return { kind: "respond", status: 503 };
      });
    expect((await client.request("/")).status).toBe(503);
    expect(order).toEqual(["v1", "v2", "v3", "v1", "v2"]);
  },
);

refused("a priority that leaves one out", { ...of(level(0, "v1"), level(2, "v2")) }, (reason, proxy) => {
  // Envoy makes the priority between, with nobody in it.
  if (proxy === "heddle") expect(reason).toContain("priority 2 without a priority 1");
  else expect(reason).toBe("");
});
