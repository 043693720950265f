// As many requests at once as the latency bears.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { refused, traffic } from "./traffic.ts";

const TYPE = "extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency";
const filter = (minRtt: Message, limits: Message = {}, fields: Message = {}): Message =>
  extension("envoy.filters.http.adaptive_concurrency", TYPE, {
    gradient_controller_config: {
      sample_aggregate_percentile: { value: 50 },
      concurrency_limit_params: { concurrency_update_interval: "0.05s", ...limits },
      min_rtt_calc_params: { interval: "60s", jitter: { value: 0 }, ...minRtt },
    },
    ...fields,
  });

traffic(
  "while the least latency is measured, few requests are under way: the others are refused",
  { legs: ["h2", "plaintext"], filters: [filter({ request_count: 100, min_concurrency: 2 })] },
  async ({ client, application: { v1 }, logs }) => {
    v1.script(() => ({ kind: "echo", delayMs: 200 }));
    const answers = await client.many(5, "/");
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 503, 503, 503]);
    const refusedOne = answers.find(({ status }) => status === 503);
    expect(refusedOne?.text).toBe("reached concurrency limit");
    expect(v1.requests).toHaveLength(2);
    const line = (await logs(5)).find(({ code }) => code === "503");
    expect(line).toMatchObject({ flags: "-", details: "reached_concurrency_limit" });
    expect(refusedOne?.header("x-envoy-overloaded")).toBeUndefined();
  },
);

traffic(
  "the status is what the filter says",
  {
    legs: DIRECT,
    filters: [
      filter({ request_count: 100, min_concurrency: 1 }, {}, { concurrency_limit_exceeded_status: { code: 429 } }),
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 100 }));
    expect((await client.many(2, "/")).map(({ status }) => status).toSorted()).toEqual([200, 429]);
  },
);

traffic(
  "an even latency lets more through than was measured with",
  { legs: DIRECT, filters: [filter({ request_count: 5, min_concurrency: 1 })] },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 20 }));
    await until("the limit has grown", async () => {
      await client.many(4, "/");
      return v1.peak >= 4;
    });
  },
);

traffic(
  "the limit has an upper bound",
  { legs: DIRECT, filters: [filter({ request_count: 5, min_concurrency: 1 }, { max_concurrency_limit: 2 })] },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 20 }));
    await until("the limit has grown", async () => {
      await client.many(6, "/");
      return v1.peak >= 2;
    });
    for (let i = 0; i < 10; i++) await client.many(6, "/");
    expect(v1.peak).toBe(2);
  },
);

traffic(
  "a filter that is off refuses nobody",
  {
    legs: DIRECT,
    filters: [
      filter({ request_count: 100, min_concurrency: 1 }, {}, { enabled: { default_value: false, runtime_key: "off" } }),
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "echo", delayMs: 50 }));
    expect((await client.many(4, "/")).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  },
);

refused(
  "the interval of updates is needed",
  {
    filters: [
      extension("envoy.filters.http.adaptive_concurrency", TYPE, {
        gradient_controller_config: { concurrency_limit_params: {}, min_rtt_calc_params: { interval: "1s" } },
      }),
    ],
  },
  (reason) => expect(reason).toMatch(/concurrency_?update_?interval/i),
);
