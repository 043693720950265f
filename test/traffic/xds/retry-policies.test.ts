// What a retry policy may say beside conditions and numbers.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import type { Behaviour } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const OK: Behaviour = { kind: "respond", body: "ok" };
const answers = (status: number, ...headers: [string, string][]): Behaviour => ({ kind: "respond", status, headers });
const retrying = (retry_on: string, fields: Message = {}): Message => ({ retry_policy: { retry_on, ...fields } });

traffic(
  "retriable-headers looks at the response's headers",
  {
    route: retrying("retriable-headers", {
      retriable_headers: [
        { name: "x-again", string_match: { exact: "yes" } },
        { name: "x-other", present_match: true },
      ],
      num_retries: 3,
    }),
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.answers(answers(200, ["x-again", "no"]));
    await client.request("/");
    expect(v1.requests).toHaveLength(1);
    v1.answers(answers(200, ["x-again", "yes"]), answers(404, ["x-other", "1"]), OK);
    expect((await client.request("/")).text).toBe("ok");
    expect(v1.requests).toHaveLength(4);
  },
);

traffic(
  "retriable_request_headers restrict which requests are tried again",
  {
    route: retrying("5xx", { retriable_request_headers: [{ name: ":method", string_match: { exact: "GET" } }] }),
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => answers(503));
    await client.request("/", { method: "POST", body: "x" });
    expect(v1.requests).toHaveLength(1);
    await client.request("/");
    expect(v1.requests).toHaveLength(3);
  },
);

traffic(
  "a rate limit of an Envoy upstream is final, unless the policy names it",
  {
    legs: DIRECT,
    routes: [
      { match: { prefix: "/named" }, route: { cluster: "upstream", ...retrying("5xx,envoy-ratelimited") } },
      { match: { prefix: "/" }, route: { cluster: "upstream", ...retrying("5xx") } },
    ],
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => answers(503, ["x-envoy-ratelimited", "true"]));
    await client.request("/");
    expect(v1.requests).toHaveLength(1);
    await client.request("/named");
    expect(v1.requests).toHaveLength(3);
  },
);

traffic(
  "reset-before-request, gateway-error and 5xx cover what never answered",
  {
    legs: DIRECT,
    routes: ["reset-before-request", "gateway-error", "5xx", "connect-failure", "refused-stream"].map((on) => ({
      match: { prefix: `/${on}` },
      route: { cluster: "upstream", ...retrying(on) },
    })),
  },
  async ({ client, application: { v1 } }) => {
    v1.script(() => ({ kind: "reset" }));
    const attempts: Record<string, number> = {};
    for (const on of ["reset-before-request", "gateway-error", "5xx", "connect-failure", "refused-stream"]) {
      const before = v1.requests.length;
      await client.request(`/${on}`);
      attempts[on] = v1.requests.length - before;
    }
    expect(attempts).toEqual({
      "reset-before-request": 1,
      "gateway-error": 2,
      "5xx": 2,
      "connect-failure": 1,
      "refused-stream": 1,
    });
  },
);

traffic(
  "the upstream says when to come again",
  {
    route: retrying("5xx", {
      rate_limited_retry_back_off: { reset_headers: [{ name: "Retry-After", format: "SECONDS" }], max_interval: "5s" },
    }),
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.answers(answers(503, ["retry-after", "1"]), OK);
    let over = false;
    const response = client.request("/").finally(() => {
      over = true;
    });
    await until("the first attempt", () => v1.requests.length === 1, 5_000);
    await Bun.sleep(400); // the ordinary wait is over after 25 ms
    expect([v1.requests.length, over]).toEqual([1, false]);
    expect((await response).text).toBe("ok");
  },
);

const CANARY = { metadata: { filter_metadata: { "envoy.lb": { canary: true, stage: "b" } } } };
const ENDPOINTS = ["v1", { to: "v2", fields: CANARY }] as const;

traffic(
  "a retry avoids canaries, or hosts with given metadata, or those that were tried",
  {
    legs: DIRECT,
    endpoints: ENDPOINTS,
    routes: [
      [
        "/canary",
        extension(
          "envoy.retry_host_predicates.omit_canary_hosts",
          "extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate",
        ),
      ],
      [
        "/metadata",
        extension(
          "envoy.retry_host_predicates.omit_host_metadata",
          "extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig",
          {
            metadata_match: { filter_metadata: { "envoy.lb": { stage: "b" } } },
          },
        ),
      ],
    ].map(([prefix, predicate]) => ({
      match: { prefix: prefix as string },
      route: {
        cluster: "upstream",
        ...retrying("5xx", {
          num_retries: 1,
          retry_host_predicate: [predicate as Message],
          host_selection_retry_max_attempts: 30,
        }),
      },
    })),
  },
  async ({ client, application: { v1, v2 } }) => {
    v1.script(() => answers(503));
    v2.script(() => answers(503));
    for (let i = 0; i < 10; i++) await client.request(i % 2 === 0 ? "/canary" : "/metadata");
    // The first attempt may go anywhere, the second never to v2.
    expect(v2.requests.length).toBeLessThanOrEqual(10);
    expect(v1.requests.length).toBeGreaterThanOrEqual(10);
    expect(v1.requests.length + v2.requests.length).toBe(20);
  },
);

traffic(
  "an attempt that falls silent is given up: per_try_idle_timeout",
  { route: { timeout: "5s", ...retrying("5xx", { per_try_idle_timeout: "0.2s" }) }, legs: DIRECT },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" }, OK);
    expect((await client.request("/")).text).toBe("ok");
    v1.answers({ kind: "hang" });
    expect((await client.request("/")).status).toBe(504);
    expect((await logs(2))[1]).toMatchObject({ code: "504", details: "upstream_per_try_idle_timeout" });
  },
);

traffic(
  "hedging: a slow attempt goes on, and the first good response counts",
  {
    route: {
      timeout: "5s",
      ...retrying("5xx", { per_try_timeout: "0.2s", num_retries: 2 }),
      hedge_policy: { hedge_on_per_try_timeout: true },
    },
    legs: DIRECT,
  },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "respond", body: "slow", delayMs: 600 }, { kind: "hang" });
    const slow = await client.request("/", { method: "POST", body: "the body" });
    expect(slow.text).toBe("slow");
    v1.answers({ kind: "hang" }, OK);
    expect((await client.request("/")).text).toBe("ok");
    expect(v1.requests.filter(({ method }) => method === "POST").map(({ body }) => body.toString())).toEqual(
      Array(3).fill("the body"),
    );
    expect((await logs(2))[1]).toMatchObject({ code: "200", attempts: "2" });
  },
);

traffic(
  "hedging: an error of one attempt is passed over while another is under way",
  {
    route: {
      timeout: "5s",
      ...retrying("5xx", { per_try_timeout: "0.2s", num_retries: 1 }),
      hedge_policy: { hedge_on_per_try_timeout: true },
    },
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "late", delayMs: 500 }, answers(503));
    expect((await client.request("/")).text).toBe("late");
  },
);

const INTERNAL: Message = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};

traffic(
  "a caller inside commands retries and time-outs with headers, which go no further",
  {
    manager: INTERNAL,
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    v1.answers(answers(418), answers(503), OK);
    const response = await client.request("/", {
      headers: {
        "x-envoy-retry-on": "5xx,retriable-status-codes",
        "x-envoy-retriable-status-codes": "418",
        "x-envoy-max-retries": "2",
        "x-envoy-upstream-rq-timeout-ms": "4000",
      },
    });
    expect(response.text).toBe("ok");
    expect(v1.requests).toHaveLength(3);
    const { headers } = v1.requests[0]!;
    expect(headers.filter(([name]) => /retr|upstream-rq/.test(name))).toEqual([]);
    expect(fieldOf(headers, "x-envoy-expected-rq-timeout-ms")).toBe("4000");
    v1.answers({ kind: "hang" });
    expect((await client.request("/", { headers: { "x-envoy-upstream-rq-timeout-ms": "100" } })).status).toBe(504);
  },
);

traffic(
  "a caller outside commands nothing",
  { manager: { use_remote_address: true }, legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers(answers(503), OK);
    const headers = { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "2" };
    expect((await client.request("/", { headers })).status).toBe(503);
    expect(v1.requests).toHaveLength(1);
  },
);

traffic(
  "a policy of the virtual host holds for routes that have none",
  { virtualHost: { retry_policy: { retry_on: "5xx" }, include_request_attempt_count: true }, legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers(answers(503), OK);
    expect((await client.request("/")).text).toBe("ok");
    expect(v1.requests.map(({ headers }) => fieldOf(headers, "x-envoy-attempt-count"))).toEqual(["1", "2"]);
  },
);
