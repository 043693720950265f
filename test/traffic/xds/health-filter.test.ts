// Health checks of the proxy itself.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { refused, traffic } from "./traffic.ts";

const CHECK = "/healthz";
const filter = (fields: Message): Message =>
  extension("envoy.filters.http.health_check", "extensions.filters.http.health_check.v3.HealthCheck", {
    headers: [{ name: ":path", string_match: { exact: CHECK } }],
    ...fields,
  });

traffic(
  "the proxy answers for itself, and nothing else",
  { legs: DIRECT, filters: [filter({ pass_through_mode: false })] },
  async ({ client, application, logs }) => {
    const response = await client.request(CHECK);
    expect([response.status, response.text]).toEqual([200, ""]);
    expect(response.header("x-envoy-upstream-healthchecked-cluster")).toBeDefined();
    expect(application.requests).toEqual([]);
    const other = await client.request("/");
    expect(other.echo.app).toBe("v1");
    expect(other.header("x-envoy-upstream-healthchecked-cluster")).toBeUndefined();
    expect((await logs(2))[0]).toMatchObject({ code: "200", flags: "-", details: "health_check_ok" });
  },
);

traffic(
  "the application answers in pass-through mode, and its answer may be kept",
  { legs: DIRECT, filters: [filter({ pass_through_mode: true, cache_time: "60s" })] },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", status: 200 }, { kind: "respond", status: 500 });
    expect((await client.request(CHECK)).status).toBe(200);
    expect((await client.request(CHECK)).status).toBe(200);
    expect(v1.requests).toHaveLength(1);
  },
);

traffic(
  "clusters must have their share of healthy hosts",
  {
    legs: DIRECT,
    filters: [filter({ pass_through_mode: false, cluster_min_healthy_percentages: { upstream: { value: 60 } } })],
    endpoints: ["v1", { to: "v2", fields: { health_status: "UNHEALTHY" } }],
  },
  async ({ client, logs }) => {
    const response = await client.request(CHECK);
    expect([response.status, response.text]).toEqual([503, ""]);
    expect((await logs(1))[0]).toMatchObject({
      code: "503",
      flags: "LH",
      details: "health_check_failed_cluster_unhealthy",
    });
  },
);

for (const [name, minimum, code, details] of [
  ["upstream", 50, "200", "health_check_ok_cluster_healthy"],
  ["nobody", 0, "503", "health_check_failed_no_cluster_found"],
  ["empty", 0, "200", "health_check_ok_cluster_healthy"],
  ["empty", 1, "503", "health_check_failed_cluster_empty"],
] as const) {
  traffic(
    `${minimum} % of ${name}: ${details}`,
    {
      legs: DIRECT,
      filters: [filter({ pass_through_mode: false, cluster_min_healthy_percentages: { [name]: { value: minimum } } })],
      endpoints: ["v1", { to: "v2", fields: { health_status: "UNHEALTHY" } }],
      clusters: { empty: { endpoints: [] } },
    },
    async ({ client, logs }) => {
      expect(String((await client.request(CHECK)).status)).toBe(code);
      expect((await logs(1))[0]).toMatchObject({ code, details });
    },
  );
}

traffic(
  "a proxy that is told to fail says so to checks, and to everybody else with their answers",
  { legs: DIRECT, filters: [filter({ pass_through_mode: true })] },
  async ({ client, application, logs, process }) => {
    await process.admin("/healthcheck/fail", "POST");
    try {
      await until("it fails", async () => (await client.request(CHECK)).status === 503);
      const other = await client.request("/");
      expect(other.status).toBe(200);
      expect(other.header("x-envoy-immediate-health-check-fail")).toBe("true");
      expect(other.header("connection")).toBe("close");
      expect(application.requests.filter(({ path }) => path === "/")).toHaveLength(1);
    } finally {
      await process.admin("/healthcheck/ok", "POST");
    }
    await until("it passes again", async () => (await client.request(CHECK)).status === 200);
    expect((await logs(1)).find(({ code }) => code === "503")).toMatchObject({
      flags: "LH",
      details: "health_check_failed",
    });
  },
);

refused(
  "what is kept is what the application said",
  { filters: [filter({ pass_through_mode: false, cache_time: "1s" })] },
  (reason) => expect(reason).toMatch(/cache/),
);
