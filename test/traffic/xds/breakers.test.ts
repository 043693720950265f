// What a cluster takes at once.

import { expect } from "bun:test";
import { create, toJson } from "@bufbuild/protobuf";
import { until } from "../../../src/base/until-fixture.ts";
import { effectiveSettings } from "../../../src/compile/client-settings.ts";
import { circuitBreakers } from "../../../src/compile/cluster-limits.ts";
import type { ClientSettings } from "../../../src/model/client-policy.ts";
import { DEFAULT_SETTINGS } from "../../../src/model/settings.ts";
import { CircuitBreakersSchema } from "../../../src/xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

function thresholds(threshold: Message): Message {
  return { circuit_breakers: { thresholds: [threshold] } };
}

traffic(
  "requests beyond the most at once are 503 UO",
  { legs: ["h2", "plaintext"], application: "http2", cluster: thresholds({ max_requests: 2 }) },
  async ({ client, application: { v1 }, logs }) => {
    v1.script(() => ({ kind: "echo", delayMs: 300 }));
    const answers = await client.many(5, "/");
    const refusedOnes = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(refusedOnes).toHaveLength(3);
    expect(v1.requests).toHaveLength(2);
    for (const { text, header } of refusedOnes) {
      expect(text).toBe("upstream connect error or disconnect/reset before headers. reset reason: overflow");
      expect(header("x-envoy-overloaded")).toBe("true");
    }
    const lines = (await logs(5)).filter(({ code }) => code === "503");
    for (const line of lines)
      expect(line).toMatchObject({ flags: "UO", details: "upstream_reset_before_response_started{overflow}" });
    // They are counted while they last.
    v1.answers({ kind: "echo" });
    expect((await client.request("/")).status).toBe(200);
  },
);

traffic(
  "requests that wait for a connection beyond the most are 503 UO",
  { legs: ["h1", "plaintext"], cluster: thresholds({ max_connections: 1, max_pending_requests: 1 }) },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 300 }));
    const first = client.request("/");
    await until("the connection is taken", () => v1.requests.length === 1);
    const answers = await client.many(3, "/");
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 503, 503]);
    expect((await first).status).toBe(200);
    expect(v1.peak).toBe(1);
  },
);

traffic(
  "retries beyond the most at once are not made: URX is not, UO is what the log says",
  {
    legs: DIRECT,
    cluster: thresholds({ max_retries: 1 }),
    route: { retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.001s" } } },
  },
  async ({ client, application: { v1 }, logs }) => {
    // First tries fail at once; the one retry that is allowed lasts as long as the others fail.
    v1.script((_, n) => (n < 4 ? { kind: "respond", status: 503, delayMs: 100 } : { kind: "echo", delayMs: 400 }));
    const answers = await client.many(4, "/");
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 503, 503, 503]);
    const lines = (await logs(4)).filter(({ code }) => code === "503");
    for (const line of lines) expect(line).toMatchObject({ flags: "UO", attempts: "1" });
  },
);

// ── what the compiler writes ──

const RETRIED = { retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.001s" } } };

/** The breakers that the compiler gives a cluster of a mesh, with this policy for it. */
function compiled(settings: ClientSettings): Message {
  const { pool, retryBudget } = effectiveSettings(DEFAULT_SETTINGS.defaults.client, settings);
  const breakers = create(CircuitBreakersSchema, circuitBreakers(pool, retryBudget));
  return { circuit_breakers: toJson(CircuitBreakersSchema, breakers, { useProtoFieldName: true }) };
}

/** First tries fail, and what is retried hangs: one after the other, so that each finds those before it under way. */
async function retriesOf(count: number, { client, application: { v1 } }: Traffic): Promise<number> {
  const tried = new Set<string>();
  v1.script(({ path }) => {
    if (path === "/held" || tried.has(path)) return { kind: "hang" };
    tried.add(path);
    return { kind: "respond", status: 503 };
  });
  const before = v1.requests.length;
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const connection = await client.http1();
    connection.send(`/${i}`);
    const answer = connection.response().then(() => refused++);
    // Those that hang are given up with the case.
    answer.catch(() => {});
    await until("a retry or an answer", () => v1.requests.length - before + refused === 2 * (i + 1));
  }
  return count - refused;
}

traffic(
  "a service of which nobody said anything has 3 retries at once",
  { legs: DIRECT, route: RETRIED, cluster: compiled({}) },
  async (given) => {
    expect(await retriesOf(5, given)).toBe(3);
  },
);

traffic(
  "and 20 % of the requests under way, when those are many",
  { legs: DIRECT, route: RETRIED, cluster: compiled({}) },
  async (given) => {
    const { client, application } = given;
    application.v1.script(() => ({ kind: "hang" }));
    for (let i = 0; i < 40; i++) (await client.http1()).send("/held");
    await until("all are under way", () => application.v1.requests.length === 40);
    // What is retried is under way too: with 9 retries the next makes 50 requests, with 10 it makes 51, and 20 % of both are 10.
    expect(await retriesOf(14, given)).toBe(10);
  },
);

traffic(
  "a DestinationRule's maxRetries stands in place of the budget",
  { legs: DIRECT, route: RETRIED, cluster: compiled({ connectionPool: { maxRetries: 5 } }) },
  async (given) => {
    expect(await retriesOf(7, given)).toBe(5);
  },
);
