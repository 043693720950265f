// What is done when there is too much of everything. Pressure is a number in a file.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { data, frame, headers, settingsOf, windowUpdate } from "../../../src/http/h2/raw-peer.ts";
import { CLIENT, SERVER } from "./certificates.ts";
import { DIRECT } from "./configuration.ts";
import { downstreamTls, extension, httpManager } from "./message.ts";
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

overloaded(
  "reduce_timeouts",
  "connections end sooner for their age",
  {
    manager: {
      drain_timeout: "0.05s",
      common_http_protocol_options: { idle_timeout: "0s", max_connection_duration: "600s" },
    },
  },
  async ({ client, process }) => {
    const old = await client.http1();
    expect((await old.request("/")).status).toBe(200);
    process.overload("reduce_timeouts", 1);
    await old.raw.isClosed();
  },
);

for (const [whose, options] of [
  ["the connection manager's", { route: { timeout: "0s" }, manager: { stream_idle_timeout: "600s" } }],
  ["the route's", { route: { timeout: "0s", idle_timeout: "600s" } }],
] as const)
  overloaded(
    "reduce_timeouts",
    `streams on which nothing moves end sooner, those that are there and those that come: by ${whose} time`,
    options,
    async ({ client, process, application: { v1 }, logs }) => {
      v1.script((_, n) => ({ kind: n < 2 ? "hang" : "echo" }));
      const waiting = client.request("/");
      await until("it has come", () => v1.requests.length === 1);
      process.overload("reduce_timeouts", 1);
      expect((await waiting).status).toBe(504);
      expect((await client.request("/")).status).toBe(504);
      for (const line of await logs(2)) expect(line).toMatchObject({ flags: "SI", details: "stream_idle_timeout" });
    },
  );

overloaded(
  "reduce_timeouts",
  "who begins no handshake goes sooner",
  { legs: DIRECT },
  async ({ update, process, client }) => {
    const filters = [httpManager({ route_config: { virtual_hosts: [] } })];
    const transport_socket = downstreamTls(SERVER, CLIENT, ["http/1.1"]);
    await update({
      listener: { filter_chains: [{ filters, transport_socket, transport_socket_connect_timeout: "600s" }] },
    });
    const silent = await client.connect();
    process.overload("reduce_timeouts", 1);
    await silent.isClosed();
    await update({});
  },
);

overloaded(
  "reduce_timeouts",
  "who makes no room for a complete answer has it reset sooner",
  {},
  async ({ client, process, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "x".repeat(1_000) });
    process.overload("reduce_timeouts", 1);
    await until("pressure is felt", async () => {
      const idle = await client.connect();
      return Promise.race([idle.isClosed().then(() => true), Bun.sleep(300).then(() => false)]);
    });
    const raw = await client.connect();
    const get = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test"];
    raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    raw.send(Buffer.concat([settingsOf([4, 0]), frame(4, 1, 0), headers(1, get, true)]));
    await until("the stream is reset", () => raw.text.includes(String.fromCharCode(0, 0, 4, 3, 0, 0, 0, 0, 1)));
    v1.answers({ kind: "echo" });
  },
);

overloaded(
  "reset_high_memory_stream",
  "streams that hold much are reset, and the others of their connection go on",
  {},
  async ({ client, process, application: { v1 }, log }) => {
    v1.script(({ path }) => (path === "/much" ? { kind: "respond", body: "x".repeat(4_000_000) } : { kind: "echo" }));
    const raw = await client.connect();
    const to = (method: string, path: string) => [
      ...[":method", method, ":scheme", "http"],
      ...[":path", path, ":authority", "a.test"],
    ];
    raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    raw.send(Buffer.concat([settingsOf([4, 0]), frame(4, 1, 0), headers(1, to("POST", "/little"))]));
    raw.send(headers(3, to("GET", "/much"), true));
    await until("it was asked", () => v1.requests.some(({ path }) => path === "/much"));
    process.overload("reset_high_memory_stream", 1);
    await until("the one is reset", () => raw.text.includes(String.fromCharCode(0, 0, 4, 3, 0, 0, 0, 0, 3)));
    process.overload("reset_high_memory_stream", 0);
    await until("it is logged", () => log.lines.some(({ path }) => path === "/much"));
    expect(log.lines.find(({ path }) => path === "/much")).toMatchObject({ flags: "OM", details: "overload" });
    raw.send(Buffer.concat([data(1, "the rest", true), windowUpdate(1, 10_000)]));
    await raw.hears("the rest");
    v1.answers({ kind: "echo" });
  },
);
