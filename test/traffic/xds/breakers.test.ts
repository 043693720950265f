// What a cluster takes at once.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { traffic } from "./traffic.ts";

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
