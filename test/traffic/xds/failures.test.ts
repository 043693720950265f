// What a client and the log are told when something does not work: Envoy's response flags and details.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT, type Leg } from "./configuration.ts";
import { traffic } from "./traffic.ts";

traffic("no host is 503 UH", { endpoints: [], legs: DIRECT }, async ({ client, logs }) => {
  const response = await client.request("/");
  expect([response.status, response.text]).toEqual([503, "no healthy upstream"]);
  expect((await logs(1))[0]).toMatchObject({
    code: "503",
    flags: "UH",
    details: "no_healthy_upstream",
    cluster: "upstream",
    host: "-",
  });
});

traffic("a host that cannot be reached is 503 UF", { endpoints: ["closed"] }, async ({ client, logs }) => {
  expect((await client.request("/")).status).toBe(503);
  const [line] = await logs(1);
  expect(line).toMatchObject({ code: "503", flags: "UF", host: "127.0.0.1:1", attempts: "1" });
  expect(line?.details).toStartWith("upstream_reset_before_response_started{remote_connection_failure|");
  expect(line?.failure).not.toBe("-");
});

traffic(
  "the client is not told why a host cannot be reached",
  {
    legs: DIRECT,
    endpoints: ["closed"],
  },
  async ({ client }) => {
    expect((await client.request("/")).text).toBe(
      "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
    );
  },
);

for (const kind of ["close", "reset"] as const) {
  traffic(
    `a connection that the application ${kind === "close" ? "closes" : "resets"} before it answers is 503 UC`,
    { legs: DIRECT },
    async ({ client, application: { v1 }, logs }) => {
      v1.answers({ kind });
      const response = await client.request("/");
      expect([response.status, response.text]).toEqual([
        503,
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
      ]);
      expect((await logs(1))[0]).toMatchObject({
        code: "503",
        flags: "UC",
        details: "upstream_reset_before_response_started{connection_termination}",
      });
    },
  );
}

traffic(
  "behind the leg, it is the server's proxy that says so",
  { legs: ["h2", "h1"] },
  async ({ client, application: { v1 }, logs, serverLog }) => {
    v1.answers({ kind: "close" });
    expect((await client.request("/")).status).toBe(503);
    expect((await logs(1))[0]).toMatchObject({ code: "503", flags: "-", details: "via_upstream" });
    expect((await serverLog.atLeast(1))[0]).toMatchObject({ code: "503", flags: "UC" });
  },
);

traffic(
  "a stream that the application resets is 503 UR",
  { legs: DIRECT, application: "http2" },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "reset" });
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([
      503,
      "upstream connect error or disconnect/reset before headers. reset reason: remote reset",
    ]);
    expect((await logs(1))[0]).toMatchObject({
      code: "503",
      flags: "UR",
      details: "upstream_reset_before_response_started{remote_reset}",
    });
  },
);

traffic(
  "a response that breaks off is cut off for the client, too: UPE",
  { legs: DIRECT },
  async ({ client, application: { v1 }, logs }) => {
    v1.answers({ kind: "respond", body: ["half"], ending: "close" });
    expect(await client.outcome("/")).toContain("the connection ended");
    expect((await logs(1))[0]).toMatchObject({
      code: "200",
      flags: "UPE",
      details: "upstream_reset_after_response_started{protocol_error}",
    });
  },
);

traffic("bytes that are no response are 502 UPE", { legs: DIRECT }, async ({ client, application: { v1 }, logs }) => {
  v1.answers({ kind: "raw", bytes: "this is not HTTP\r\n\r\n", close: true });
  const response = await client.request("/");
  expect([response.status, response.text]).toEqual([
    502,
    "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
  ]);
  expect((await logs(1))[0]).toMatchObject({
    code: "502",
    flags: "UPE",
    details: "upstream_reset_before_response_started{protocol_error}",
  });
});

traffic("a client that goes away is DC", {}, async ({ client, application: { v1 }, logs }) => {
  v1.answers({ kind: "hang" });
  const connection = await client.http1();
  connection.send("/");
  await until("the request arrives", () => v1.requests.length === 1);
  connection.close();
  expect((await logs(1))[0]).toMatchObject({ code: "0", flags: "DC", details: "downstream_remote_disconnect" });
  await until("the application hears of it", () => v1.concurrent === 0);
});

traffic("what is no request is 400", { legs: DIRECT }, async ({ client }) => {
  const raw = await client.connect();
  raw.send("this is not HTTP\r\n\r\n");
  await raw.hears("HTTP/1.1 400 Bad Request\r\n");
  await raw.isClosed();
});

const GRPC_LEGS: readonly Leg[] = ["plaintext"];

traffic(
  "a gRPC client is told by a gRPC status",
  {
    legs: GRPC_LEGS,
    application: "http2",
    clusters: { empty: { endpoints: [] } },
    routes: [
      { match: { prefix: "/empty" }, route: { cluster: "empty" } },
      { match: { prefix: "/nowhere" }, route: { cluster: "nowhere" } },
      { match: { prefix: "/forbidden" }, direct_response: { status: 403, body: { inline_string: "not you" } } },
    ],
  },
  async ({ client }) => {
    const http2 = await client.http2();
    const told = async (path: string) => {
      const response = await http2.grpc(path, ["x"]);
      expect([response.status, response.header("content-type")]).toEqual([200, "application/grpc"]);
      return [response.header("grpc-status"), response.header("grpc-message")];
    };
    expect(await told("/empty/Call")).toEqual(["14", "no healthy upstream"]);
    expect(await told("/nowhere/Call")).toEqual(["14", undefined]);
    expect(await told("/unknown/Call")).toEqual(["12", undefined]);
    expect(await told("/forbidden/Call")).toEqual(["7", "not you"]);
  },
);

traffic("an answer to HEAD has no body, whoever gives it", { legs: DIRECT, endpoints: [] }, async ({ client }) => {
  const response = await client.request("/", { method: "HEAD" });
  expect([response.status, response.text, response.header("content-length")]).toEqual([503, "", "19"]);
});
