// Which route takes a request, beyond its path and headers.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { traffic } from "./traffic.ts";

const answers = (status: number, match: Message): Message => ({ match, direct_response: { status } });

traffic(
  "a route may take gRPC requests alone",
  { legs: DIRECT, routes: [answers(201, { prefix: "/", grpc: {} }), answers(202, { prefix: "/" })] },
  async ({ client }) => {
    const ask = async (type: string) => (await client.request("/", { headers: [["content-type", type]] })).status;
    expect([await ask("application/json"), await ask("application/grpc-web")]).toEqual([202, 202]);
  },
);

traffic(
  "a share of all requests, and of none",
  {
    legs: DIRECT,
    routes: [
      answers(201, { prefix: "/", runtime_fraction: { default_value: { numerator: 0, denominator: "HUNDRED" } } }),
      answers(202, {
        prefix: "/",
        runtime_fraction: { default_value: { numerator: 1_000_000, denominator: "MILLION" } },
      }),
    ],
  },
  async ({ client }) => {
    const responses = await client.inTurn(10, "/");
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([202]));
  },
);

traffic(
  "a client without a certificate has presented none",
  {
    legs: DIRECT,
    routes: [
      answers(201, { prefix: "/", tls_context: { presented: true } }),
      answers(202, { prefix: "/", tls_context: { presented: false } }),
      answers(203, { prefix: "/" }),
    ],
  },
  async ({ client }) => {
    // In the clear there is no TLS to speak of, and Envoy's condition does not hold either way.
    expect([202, 203]).toContain((await client.request("/")).status);
  },
);

traffic(
  "the cluster that a header names",
  {
    route: { cluster: null, cluster_header: "x-cluster" } as unknown as Message,
    clusters: { other: { endpoints: ["v2"] } },
  },
  async ({ client, application: { v1, v2 } }) => {
    await client.request("/", { headers: [["x-cluster", "upstream"]] });
    await client.request("/", { headers: [["x-cluster", "other"]] });
    expect([v1.requests.length, v2.requests.length]).toEqual([1, 1]);
    expect((await client.request("/", { headers: [["x-cluster", "none"]] })).status).toBe(503);
    expect((await client.request("/")).status).toBe(503);
  },
);

traffic(
  "a header's number chooses among weighted clusters",
  {
    legs: DIRECT,
    route: {
      cluster: null,
      weighted_clusters: {
        header_name: "x-random",
        clusters: [
          { name: "upstream", weight: 30 },
          { name: "other", weight: 70 },
        ],
      },
    } as unknown as Message,
    clusters: { other: { endpoints: ["v2"] } },
  },
  async ({ client, application: { v1, v2 } }) => {
    for (const random of ["0", "29", "30", "99", "100", "229"])
      await client.request(`/${random}`, { headers: [["x-random", random]] });
    expect(v1.requests.map(({ path }) => path)).toEqual(["/0", "/29", "/100", "/229"]);
    expect(v2.requests.map(({ path }) => path)).toEqual(["/30", "/99"]);
  },
);
