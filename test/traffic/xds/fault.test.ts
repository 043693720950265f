// Faults on purpose.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const FAULT = "envoy.filters.http.fault";
const TYPE = "extensions.filters.http.fault.v3.HTTPFault";
const ALWAYS = { numerator: 100, denominator: "HUNDRED" };
const fault = (fields: Message = {}) => extension(FAULT, TYPE, fields);
const ofRoute = (fields: Message): Message => ({ typed_per_filter_config: { [FAULT]: typed(TYPE, fields) } });

traffic(
  "an abort answers in place of the application: FI",
  { filters: [fault({ abort: { http_status: 418, percentage: ALWAYS } })] },
  async ({ client, application, logs }) => {
    const { status, text } = await client.request("/");
    expect([status, text]).toEqual([418, "fault filter abort"]);
    expect(application.requests).toEqual([]);
    expect((await logs(1))[0]).toMatchObject({ code: "418", flags: "FI", details: "fault_filter_abort" });
  },
);

traffic(
  "a delay comes before the application: DI; an abort after it",
  {
    filters: [fault()],
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/both" },
        route: { cluster: "upstream" },
        ...ofRoute({
          delay: { fixed_delay: "0.1s", percentage: ALWAYS },
          abort: { http_status: 503, percentage: ALWAYS },
        }),
      },
      {
        match: { prefix: "/" },
        route: { cluster: "upstream" },
        ...ofRoute({ delay: { fixed_delay: "0.1s", percentage: ALWAYS } }),
      },
    ],
  },
  async ({ client, application, logs }) => {
    const response = await client.request("/", { method: "POST", body: "kept meanwhile" });
    expect(response.echo.body).toBe("kept meanwhile");
    expect((await client.request("/both")).status).toBe(503);
    expect(application.requests).toHaveLength(1);
    expect((await logs(2)).map(({ flags }) => flags)).toEqual(["DI", "DI,FI"]);
  },
);

traffic(
  "a share of none hits nobody, and headers and cluster narrow it down",
  {
    legs: DIRECT,
    filters: [
      fault({ abort: { http_status: 500, percentage: { numerator: 0, denominator: "HUNDRED" } } }),
      extension("narrow", TYPE, {
        abort: { http_status: 501, percentage: ALWAYS },
        headers: [{ name: "x-fault", string_match: { exact: "yes" } }],
      }),
      extension("elsewhere", TYPE, { abort: { http_status: 502, percentage: ALWAYS }, upstream_cluster: "other" }),
    ],
  },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(200);
    expect((await client.request("/", { headers: { "x-fault": "yes" } })).status).toBe(501);
  },
);

traffic(
  "a request may ask for its faults where the configuration lets it",
  {
    legs: DIRECT,
    filters: [
      fault({
        abort: { header_abort: {}, percentage: ALWAYS },
        delay: { header_delay: {}, percentage: ALWAYS },
      }),
    ],
  },
  async ({ client, logs }) => {
    const ask = async (headers: Record<string, string>) => (await client.request("/", { headers })).status;
    expect(await ask({})).toBe(200);
    expect(await ask({ "x-envoy-fault-abort-request": "429" })).toBe(429);
    expect(await ask({ "x-envoy-fault-abort-request": "429", "x-envoy-fault-abort-request-percentage": "0" })).toBe(
      200,
    );
    expect(await ask({ "x-envoy-fault-delay-request": "50" })).toBe(200);
    expect((await logs(4)).map(({ flags }) => flags)).toEqual(["-", "FI", "-", "DI"]);
  },
);

traffic(
  "an abort with a gRPC status",
  { legs: DIRECT, filters: [fault({ abort: { grpc_status: 8, percentage: ALWAYS } })], application: "http2" },
  async ({ client }) => {
    const http2 = await client.http2();
    const { status, headers } = await http2.request("/s/m", {
      method: "POST",
      headers: { "content-type": "application/grpc", te: "trailers" },
    });
    expect([status, fieldOf(headers, "grpc-status"), fieldOf(headers, "grpc-message")]).toEqual([
      200,
      "8",
      "fault filter abort",
    ]);
  },
);

traffic(
  "a response's body is slowed down and arrives whole",
  {
    legs: DIRECT,
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 200 }, percentage: ALWAYS } })],
  },
  async ({ client, application: { v1 } }) => {
    const body = Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
    v1.answers({ kind: "respond", body });
    expect((await client.request("/")).text).toBe(body);
  },
);

traffic(
  "no more faults at once than are allowed",
  {
    legs: DIRECT,
    filters: [fault({ delay: { fixed_delay: "0.3s", percentage: ALWAYS }, max_active_faults: 1 })],
  },
  async ({ client, logs }) => {
    await client.many(3, "/");
    expect((await logs(3)).map(({ flags }) => flags).sort()).toEqual(["-", "-", "DI"]);
  },
);

traffic(
  "an abort in front of a cluster that is not there has no cluster's name",
  {
    filters: [fault({ abort: { http_status: 418, percentage: ALWAYS } })],
    legs: DIRECT,
    routes: [
      { match: { prefix: "/absent" }, route: { cluster: "absent" } },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
    routeConfiguration: { validate_clusters: false },
    log: { asked: "%UPSTREAM_CLUSTER_RAW%" },
  },
  async ({ client, logs }) => {
    await client.request("/");
    await client.request("/absent");
    expect((await logs(2)).map(({ asked }) => asked)).toEqual(["upstream", "-"]);
  },
);
