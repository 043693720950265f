// What is done when there is too much of everything. Pressure is a number in a file.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension } from "./message.ts";
import { type Body, type CaseOptions, traffic } from "./traffic.ts";

const HEALTH = extension("envoy.filters.http.health_check", "extensions.filters.http.health_check.v3.HealthCheck", {
  pass_through_mode: false,
  headers: [{ name: ":path", string_match: { exact: "/healthz" } }],
});

type Action = Parameters<Parameters<Body>[0]["process"]["overload"]>[0];

/** The pressure ends with the case. */
function overloaded(action: Action, name: string, options: CaseOptions, body: Body): void {
  traffic(name, { legs: DIRECT, ...options }, async (lab) => {
    try {
      await body(lab);
    } finally {
      lab.process.overload(action, 0);
      await until("everything is as it was", async () => {
        const response = await lab.client.outcome("/");
        return typeof response !== "string" && response.status === 200 && response.header("connection") !== "close";
      });
    }
  });
}

overloaded(
  "stop_accepting_requests",
  "requests are refused, 503 OM, until it is over",
  {},
  async ({ client, process, application, log, proxy }) => {
    process.overload("stop_accepting_requests", 1);
    await until("requests are refused", async () => (await client.request("/")).status === 503);
    const before = application.requests.length;
    const response = await client.request("/refused");
    expect([response.status, response.text]).toEqual([503, "envoy overloaded"]);
    expect(application.requests).toHaveLength(before);
    await until("it is logged", () => log.lines.some(({ path }) => path === "/refused"));
    expect(log.lines.find(({ path }) => path === "/refused")).toMatchObject({
      // Envoy sets its flag only where it resets streams.
      flags: proxy === "heddle" ? "OM" : "-",
      details: "overload",
    });
    process.overload("stop_accepting_requests", 0.4);
    await until("requests are taken again", async () => (await client.request("/")).status === 200);
  },
);

overloaded(
  "stop_accepting_requests",
  "health checks are answered all the same",
  {
    filters: [HEALTH],
    differs: {
      envoy: {
        because: "it refuses before it looks for filters",
        expect: async ({ client, process }) => {
          process.overload("stop_accepting_requests", 1);
          await until("checks are refused", async () => (await client.request("/healthz")).status === 503);
        },
      },
    },
  },
  async ({ client, process }) => {
    process.overload("stop_accepting_requests", 1);
    await until("requests are refused", async () => (await client.request("/")).status === 503);
    expect((await client.request("/healthz")).status).toBe(200);
  },
);

overloaded("stop_accepting_requests", "between its thresholds it hits a share", {}, async ({ client, process }) => {
  process.overload("stop_accepting_requests", 0.7);
  const seen = new Set<number>();
  await until("some are refused and some are not", async () => {
    seen.add((await client.request("/")).status);
    return seen.size === 2;
  });
  expect([...seen].toSorted()).toEqual([200, 503]);
});

overloaded("disable_http_keepalive", "connections are closed after their request", {}, async ({ client, process }) => {
  process.overload("disable_http_keepalive", 1);
  await until("it is closed", async () => (await client.request("/")).header("connection") === "close");
  expect((await client.request("/")).status).toBe(200);
});

overloaded(
  "reject_incoming_connections",
  "connections are closed as they come, and those that are there go on",
  {},
  async ({ client, process }) => {
    const old = await client.http1();
    expect((await old.request("/")).status).toBe(200);
    process.overload("reject_incoming_connections", 1);
    await until("a new one is refused", async () => typeof (await client.outcome("/")) === "string");
    expect((await old.request("/")).status).toBe(200);
    old.close();
  },
);

overloaded(
  "stop_accepting_connections",
  "connections wait until they are accepted, and those that are there go on",
  {},
  async ({ client, process }) => {
    const old = await client.http1();
    expect((await old.request("/")).status).toBe(200);
    process.overload("stop_accepting_connections", 1);
    let waiting: Promise<unknown> | undefined;
    await until("one waits", async () => {
      waiting = client.request("/");
      return (await Promise.race([waiting.then(() => "answered"), Bun.sleep(100).then(() => "waits")])) === "waits";
    });
    expect((await old.request("/")).status).toBe(200);
    process.overload("stop_accepting_connections", 0);
    expect(await waiting).toMatchObject({ status: 200 });
    old.close();
  },
);

overloaded(
  "reduce_timeouts",
  "connections without a request go sooner",
  { manager: { common_http_protocol_options: { idle_timeout: "600s" } } },
  async ({ client, process }) => {
    const idle = await client.connect();
    process.overload("reduce_timeouts", 1);
    await idle.isClosed();
  },
);
