// Circuit breakers, which routes of high priority have apart.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

const ROUTES = [
  { match: { prefix: "/high" }, route: { cluster: "upstream", priority: "HIGH" } },
  { match: { prefix: "/" }, route: { cluster: "upstream" } },
];
const breakers = (config: Message): Message => ({ circuit_breakers: config });

traffic(
  "priorities have thresholds of their own, and do not count for each other",
  {
    routes: ROUTES,
    legs: DIRECT,
    cluster: breakers({
      thresholds: [
        { priority: "DEFAULT", max_requests: 1, track_remaining: true },
        { priority: "HIGH", max_requests: 2 },
      ],
    }),
  },
  async ({ client, application: { v1 }, logs }) => {
    v1.script(() => ({ kind: "hang" }));
    const send = async (path: string) => (await client.http1()).send(path);
    const refused = async (path: string) => {
      const response = await client.request(path);
      return [response.status, response.header("x-envoy-overloaded")];
    };
    await send("/");
    await until("one", () => v1.requests.length === 1);
    expect(await refused("/")).toEqual([503, "true"]);
    await send("/high");
    await until("two", () => v1.requests.length === 2);
    await send("/high");
    await until("three", () => v1.requests.length === 3);
    expect(await refused("/high")).toEqual([503, "true"]);
    expect((await logs(2)).map(({ flags }) => flags)).toEqual(["UO", "UO"]);
  },
);

traffic(
  "a priority that is not written has Envoy's defaults",
  { routes: ROUTES, legs: DIRECT, cluster: breakers({ thresholds: [{ priority: "HIGH", max_requests: 0 }] }) },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(200);
    expect((await client.request("/high")).status).toBe(503);
  },
);

traffic(
  "priorities do not share connections",
  { routes: ROUTES, legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    await client.inTurn(2, "/");
    await client.inTurn(2, "/high");
    expect(v1.requests.map(({ connection }) => connection)).toEqual([0, 0, 1, 1]);
  },
);

traffic(
  "so many connections to a host, and no more: the rest wait",
  { legs: DIRECT, cluster: breakers({ per_host_thresholds: [{ max_connections: 1 }] }) },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 50 }));
    const responses = await client.many(4, "/");
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect([v1.connections, v1.peak]).toEqual([1, 1]);
  },
);

traffic(
  "every host has its first connection, whatever the cluster's limit is",
  {
    legs: DIRECT,
    endpoints: ["v1", "v2", "v3"],
    cluster: breakers({ thresholds: [{ max_connections: 1 }] }),
  },
  async ({ client }) => {
    const responses = await client.inTurn(9, "/");
    expect(responses.map(({ status }) => status)).toEqual(Array(9).fill(200));
  },
);

const retrying: Message = {
  retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.01s", max_interval: "0.02s" } },
};

traffic(
  "a retry budget bounds the retries that are under way at once",
  {
    legs: DIRECT,
    route: retrying,
    cluster: breakers({
      thresholds: [{ retry_budget: { budget_percent: { value: 10 }, min_retry_concurrency: 2 } }],
    }),
  },
  async ({ client, application: { v1 }, logs }) => {
    let firsts = 0;
    // All firsts fail together; the retries that are let through hang until nobody else asks for one.
    v1.script(() =>
      ++firsts <= 8 ? { kind: "respond", status: 503, delayMs: 200 } : { kind: "respond", delayMs: 600 },
    );
    const responses = await client.many(8, "/");
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(2);
    expect((await logs(8)).filter(({ flags }) => flags.includes("UO") || flags.includes("URX"))).not.toHaveLength(0);
  },
);

/** Ten requests that are answered, then eight that fail, one after the other: how many of them are tried again while the retries hang. */
async function retriesAfterTen({ client, application: { v1 } }: Traffic): Promise<number> {
  await client.inTurn(10, "/");
  const tried = new Set<string>();
  v1.script(({ path }) => {
    if (tried.has(path)) return { kind: "hang" };
    tried.add(path);
    return { kind: "respond", status: 503 };
  });
  let refused = 0;
  for (let i = 0; i < 8; i++) {
    const connection = await client.http1();
    connection.send(`/${i}`);
    const answer = connection.response().then(() => refused++);
    // Those that hang are given up with the case.
    answer.catch(() => {});
    await until("a retry or an answer", () => v1.requests.length - 10 + refused === 2 * (i + 1));
  }
  return 8 - refused;
}

traffic(
  "a retry budget with an interval counts the requests that began within it, retries too, though they are over",
  {
    legs: DIRECT,
    route: retrying,
    cluster: breakers({
      thresholds: [
        { retry_budget: { budget_percent: { value: 25 }, budget_interval: "600s", min_retry_concurrency: 0 } },
      ],
    }),
  },
  async (given) => {
    // 25 % of 11, 13, 15 and 17 requests are more than the retries before; of 19 they are not; of 20 they are 5, and of 22 and 23 no more.
    expect(await retriesAfterTen(given)).toBe(5);
  },
);

traffic(
  "without one, those that are over do not count",
  {
    legs: DIRECT,
    route: retrying,
    cluster: breakers({
      thresholds: [{ retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 0 } }],
    }),
  },
  async (given) => {
    expect(await retriesAfterTen(given)).toBe(0);
  },
);

traffic(
  "and with one that is over, neither",
  {
    legs: DIRECT,
    route: retrying,
    cluster: breakers({
      thresholds: [
        { retry_budget: { budget_percent: { value: 100 }, budget_interval: "0.02s", min_retry_concurrency: 0 } },
      ],
    }),
  },
  async ({ client, application: { v1 } }) => {
    await client.inTurn(10, "/");
    // The failure takes longer than the interval: when it is there, not even its own request counts.
    v1.script(() => ({ kind: "respond", status: 503, delayMs: 400 }));
    expect((await client.request("/")).status).toBe(503);
    expect(v1.requests).toHaveLength(11);
  },
);

traffic(
  "a cluster that says nothing lets three retries be under way",
  { legs: DIRECT, route: retrying },
  async ({ client, application: { v1 } }) => {
    let firsts = 0;
    v1.script(() =>
      ++firsts <= 8 ? { kind: "respond", status: 503, delayMs: 200 } : { kind: "respond", delayMs: 600 },
    );
    const responses = await client.many(8, "/");
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(3);
  },
);
