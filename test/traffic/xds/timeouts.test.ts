// Every time that an exchange may take.

import { expect } from "bun:test";
import { frameMessage } from "../../../src/grpc/message.ts";
import { ALL_LEGS, DIRECT, type Leg } from "./configuration.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const GRPC_LEGS: readonly Leg[] = ["h2", "plaintext", "mixed"];

traffic(
  "a request that takes longer than its route allows is 504 UT",
  { route: { timeout: "0.1s" } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" });
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([504, "upstream request timeout"]);
    expect(response.header("content-type")).toBe("text/plain");
    expect((await logs(1))[0]).toMatchObject({ code: "504", flags: "UT", attempts: "1" });
  },
);

traffic(
  "a time-out that ends a request is called response_timeout, also when the response had begun",
  {
    legs: DIRECT,
    route: { timeout: "0.1s" },
  },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" }, { kind: "respond", body: ["begun", "never"], partDelayMs: 3_000 });
    await client.request("/");
    await client.outcome("/");
    expect((await logs(2)).map(({ details }) => details)).toEqual(["response_timeout", "response_timeout"]);
  },
);

traffic(
  "the application is told how long it may take",
  {
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/try" },
        route: { cluster: "upstream", timeout: "2s", retry_policy: { retry_on: "5xx", per_try_timeout: "1s" } },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream", timeout: "2s" } },
    ],
  },
  async ({ client }) => {
    const told = async (path: string) =>
      fieldOf((await client.request(path)).echo.headers, "x-envoy-expected-rq-timeout-ms");
    expect([await told("/"), await told("/try")]).toEqual(["2000", "1000"]);
  },
);

traffic("a route may wait for ever", { route: { timeout: "0s" } }, async ({ client, application: { v1 } }) => {
  v1.answers({ kind: "echo", delayMs: 30 });
  const response = await client.request("/");
  expect(response.status).toBe(200);
  expect(fieldOf(response.echo.headers, "x-envoy-expected-rq-timeout-ms")).toBeUndefined();
});

traffic(
  "a response that does not end in time is cut off",
  { legs: ["h2", "plaintext"], route: { timeout: "0.2s" } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "respond", body: ["begun", "never"], partDelayMs: 3_000 });
    expect(await client.outcome("/")).toContain("the connection ended");
    expect((await logs(1))[0]).toMatchObject({ code: "200", flags: "UT" });
  },
);

traffic(
  "a caller that is not known to be internal has no say in time-outs",
  {
    legs: DIRECT,
  },
  async ({ client }) => {
    const response = await client.request("/", {
      headers: { "x-forwarded-for": "10.0.0.1", "x-envoy-upstream-rq-timeout-ms": "100" },
    });
    const { headers } = response.echo;
    expect(fieldOf(headers, "x-envoy-expected-rq-timeout-ms")).toBe("15000");
    expect(fieldOf(headers, "x-envoy-upstream-rq-timeout-ms")).toBeUndefined();
  },
);

traffic(
  "a try that takes too long is made again",
  { legs: ALL_LEGS, route: { retry_policy: { retry_on: "5xx", num_retries: 2, per_try_timeout: "0.1s" } } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" }, { kind: "echo" });
    const response = await client.request("/");
    expect(response.status).toBe(200);
    expect(v1.requests).toHaveLength(2);
    expect((await logs(1))[0]).toMatchObject({ code: "200", flags: "-", attempts: "2", details: "via_upstream" });
  },
);

traffic(
  "tries that all take too long end in 504 UT",
  { legs: ALL_LEGS, route: { retry_policy: { retry_on: "5xx", num_retries: 1, per_try_timeout: "0.3s" } } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" }); // a try's time has to hold a handshake on a busy machine
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([504, "upstream request timeout"]);
    expect(v1.requests).toHaveLength(2);
    expect((await logs(1))[0]).toMatchObject({
      code: "504",
      flags: "URX,UT",
      attempts: "2",
      details: "upstream_per_try_timeout",
    });
  },
);

traffic(
  "a try's time-out is counted without retries, too",
  { legs: DIRECT, route: { retry_policy: { retry_on: "connect-failure", per_try_timeout: "0.05s" } } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" });
    expect((await client.request("/")).status).toBe(504);
    expect(v1.requests).toHaveLength(1);
    expect((await logs(1))[0]).toMatchObject({ flags: "UT", attempts: "1", details: "upstream_per_try_timeout" });
  },
);

traffic(
  "the route's time-out is over all tries",
  {
    legs: DIRECT,
    route: { timeout: "0.25s", retry_policy: { retry_on: "5xx", num_retries: 50, per_try_timeout: "0.05s" } },
  },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" });
    expect((await client.request("/")).status).toBe(504);
    expect(v1.requests.length).toBeLessThan(8);
    expect((await logs(1))[0]).toMatchObject({ flags: "UT" });
  },
);

traffic(
  "a stream on which nothing moves is ended: 504 SI while the answer is waited for",
  { legs: ALL_LEGS, route: { timeout: "0s", idle_timeout: "0.1s" } },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" });
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([504, "stream timeout"]);
    expect((await logs(1))[0]).toMatchObject({ code: "504", flags: "SI", details: "stream_idle_timeout" });
  },
);

traffic(
  "a stream on which nothing moves is ended: 408 SI while the request is waited for",
  { legs: DIRECT, manager: { stream_idle_timeout: "0.1s" } },
  async ({ client, logs }) => {
    const connection = await client.http1();
    connection.raw.send("POST / HTTP/1.1\r\nhost: upstream.test\r\ncontent-length: 10\r\n\r\nhalf");
    const response = await connection.response("POST");
    expect([response.status, response.text]).toEqual([408, "stream timeout"]);
    expect((await logs(1))[0]).toMatchObject({ code: "408", flags: "SI", details: "stream_idle_timeout" });
  },
);

traffic(
  "a stream on which something moves is not idle",
  { legs: ["h2", "plaintext"], route: { timeout: "0s", idle_timeout: "0.3s" } },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: ["a", "b", "c", "d", "e"], partDelayMs: 100 });
    expect((await client.request("/")).text).toBe("abcde");
  },
);

traffic(
  "grpc-timeout ends a call with DEADLINE_EXCEEDED",
  {
    legs: GRPC_LEGS,
    application: "http2",
    route: { max_stream_duration: { grpc_timeout_header_max: "0s" } },
  },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "hang" });
    const http2 = await client.http2();
    const response = await http2.grpc("/lab.Service/Call", ["x"], { "grpc-timeout": "100m" });
    expect([response.status, response.header("grpc-status")]).toEqual([200, "4"]);
    const [line] = await logs(1);
    expect([line?.flags, line?.details]).toEqual(["-", "max_duration_timeout"]);
  },
);

traffic(
  "grpc-timeout is shortened to what the route allows, for the application, too",
  {
    legs: GRPC_LEGS,
    application: "http2",
    route: { max_stream_duration: { grpc_timeout_header_max: "0.1s" } },
  },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "hang" });
    const http2 = await client.http2();
    const response = await http2.grpc("/lab.Service/Call", ["x"], { "grpc-timeout": "100S" });
    expect([response.status, response.header("grpc-status")]).toEqual([200, "4"]);
    expect(fieldOf(v1.requests[0]!.headers, "grpc-timeout")).toBe("100m");
  },
);

traffic(
  "a call without grpc-timeout may take as long as it likes",
  {
    legs: GRPC_LEGS,
    application: "http2",
    route: { max_stream_duration: { grpc_timeout_header_max: "0.05s" } },
  },
  async ({ client, application: { v1 } }) => {
    v1.answers({
      kind: "respond",
      headers: [["content-type", "application/grpc"]],
      body: [frameMessage(Buffer.from("late")).toString("latin1")],
      trailers: [["grpc-status", "0"]],
      delayMs: 150,
    });
    const response = await (await client.http2()).grpc("/lab.Service/Call", ["x"]);
    expect(response.trailers).toContainEqual(["grpc-status", "0"]);
  },
);
