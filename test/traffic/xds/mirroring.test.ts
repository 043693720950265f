// Copies of requests that go to another cluster, which nobody waits for.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import type { Application } from "./application.ts";
import type { Received } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const SHADOW = { shadow: { endpoints: ["v2"] } } as const;
const mirror = (fields: Record<string, string | boolean | number> = {}) => ({
  request_mirror_policies: [{ cluster: "shadow", ...fields }],
});

async function first({ requests }: Application): Promise<Received> {
  return until("a request arrives", () => requests[0], 5_000);
}

traffic(
  "a request is copied with its body, to the host with -shadow",
  { route: mirror(), clusters: SHADOW },
  async ({ client, application: { v1, v2 } }) => {
    const body = "x".repeat(10_000);
    const { status } = await client.request("/a?b", { method: "POST", body, headers: [["x-own", "1"]] });
    expect(status).toBe(200);
    const copy = await first(v2);
    expect([copy.method, copy.path, copy.authority]).toEqual(["POST", "/a?b", "upstream.test-shadow"]);
    expect(copy.body.toString()).toBe(body);
    expect(fieldOf(copy.headers, "x-own")).toBe("1");
    expect(v1.requests[0]!.authority).toBe("upstream.test");
    expect(v1.requests[0]!.body.toString()).toBe(body);
  },
);

traffic(
  "the suffix comes before the port, and can be left out",
  {
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/plain" },
        route: { cluster: "upstream", ...mirror({ disable_shadow_host_suffix_append: true }) },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream", ...mirror() } },
    ],
    clusters: SHADOW,
  },
  async ({ client, application: { v2 } }) => {
    await client.request("/", { authority: "a.test:8080" });
    await until("the copy", () => v2.requests[0], 5_000);
    await client.request("/plain", { authority: "a.test:8080" });
    await until("the copy", () => v2.requests[1], 5_000);
    expect(v2.requests.map(({ authority }) => authority)).toEqual(["a.test-shadow:8080", "a.test:8080"]);
  },
);

traffic(
  "a copy that fails, hangs or is answered with an error is nobody's concern",
  { route: mirror(), clusters: SHADOW, legs: DIRECT },
  async ({ client, application: { v2 } }) => {
    for (const behaviour of [
      { kind: "respond", status: 500 },
      { kind: "reset" },
      { kind: "close" },
      { kind: "hang" },
    ] as const) {
      v2.answers(behaviour);
      expect((await client.request("/")).status).toBe(200);
    }
    await until("all copies", () => v2.requests.length === 4, 5_000);
  },
);

traffic(
  "a share of none copies nothing, a cluster may be named by a header, and a missing one is no failure",
  {
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/none" },
        route: {
          cluster: "upstream",
          request_mirror_policies: [
            { cluster: "shadow", runtime_fraction: { default_value: { numerator: 0, denominator: "HUNDRED" } } },
          ],
        },
      },
      {
        match: { prefix: "/header" },
        route: { cluster: "upstream", request_mirror_policies: [{ cluster_header: "x-shadow" }] },
      },
    ],
    clusters: SHADOW,
  },
  async ({ client, application: { v1, v2 } }) => {
    await client.request("/none");
    await client.request("/header");
    await client.request("/header", { headers: [["x-shadow", "nobody"]] });
    await client.request("/header", { headers: [["x-shadow", "shadow"]] });
    await first(v2);
    expect(v2.requests.map(({ path }) => path)).toEqual(["/header"]);
    expect(v1.requests).toHaveLength(4);
  },
);

traffic(
  "policies of the virtual host hold for routes that have none",
  { virtualHost: mirror(), clusters: SHADOW, legs: DIRECT },
  async ({ client, application: { v2 } }) => {
    await client.request("/");
    expect((await first(v2)).authority).toBe("upstream.test-shadow");
  },
);
