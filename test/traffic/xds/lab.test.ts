// The laboratory itself: that what a case says is in force on either proxy, on every leg, and that its witnesses tell the truth.

import { afterAll, expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { frameMessage } from "../../../src/grpc/message.ts";
import { DIRECT, TCP_LEGS } from "./configuration.ts";
import { refused, traffic } from "./traffic.ts";

traffic(
  "a request reaches the application and its answer the client",
  {},
  async ({ client, application, logs, leg }) => {
    const response = await client.request("/hello?x=1", { method: "POST", headers: { "X-One": "1" }, body: "body" });
    expect(response.status).toBe(200);
    expect(response.echo).toMatchObject({ app: "v1", method: "POST", path: "/hello?x=1", body: "body" });
    expect(response.header("server")).toBe("envoy");
    expect(application.requests).toHaveLength(1);
    const isDirect = leg === "plaintext" || leg === "mixed";
    if (!isDirect) {
      const certificate = application.v1.requests[0]!.headers.find(([name]) => name === "x-forwarded-client-cert")?.[1];
      expect(certificate).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
    }
    const [line] = await logs(1);
    expect(line).toMatchObject({
      code: "200",
      flags: "-",
      details: "via_upstream",
      route: "default",
      cluster: "upstream",
      attempts: "1",
      protocol: "HTTP/1.1",
      path: "/hello?x=1",
      received: "4",
    });
  },
);

traffic(
  "both endpoints of a cluster are asked, behind the leg or plain",
  { endpoints: ["v1", "v2"] },
  async ({ client, application, serverLog, leg }) => {
    for (let i = 0; i < 8; i++) expect((await client.request("/")).status).toBe(200);
    expect(application.v1.requests.length + application.v2.requests.length).toBe(8);
    expect(application.v1.requests.length).toBeGreaterThan(1);
    expect(application.v2.requests.length).toBeGreaterThan(1);
    // The server's proxy saw what the leg says that it sees, and no more.
    const behind = { h2: 8, h1: 8, plaintext: 0, mixed: application.v1.requests.length, mtls: 0 }[leg];
    expect(await serverLog.atLeast(behind)).toHaveLength(behind);
  },
);

traffic(
  "HTTP/2 from the client to an HTTP/2 application: gRPC with trailers",
  { application: "http2", legs: ["h2", "plaintext", "mixed"] },
  async ({ client, application }) => {
    application.v1.answers({
      kind: "respond",
      headers: [["content-type", "application/grpc"]],
      body: [frameMessage(Buffer.from("pong")).toString("latin1")],
      trailers: [["grpc-status", "0"]],
    });
    const http2 = await client.http2();
    const response = await http2.grpc("/lab.Service/Ping", ["ping"]);
    expect(response.status).toBe(200);
    expect(response.text.slice(5)).toBe("pong");
    expect(response.trailers).toContainEqual(["grpc-status", "0"]);
    expect(application.v1.requests[0]).toMatchObject({ protocol: "HTTP/2", path: "/lab.Service/Ping", method: "POST" });
  },
);

traffic(
  "an application does as it is told",
  { legs: DIRECT, route: { timeout: "0.3s" } },
  async ({ client, application: { v1 } }) => {
    v1.answers(
      { kind: "respond", status: 201, headers: [["x-a", "1"]], body: ["one", "two"], trailers: [["x-sum", "2"]] },
      { kind: "respond", status: 204 },
      { kind: "hang" },
      { kind: "reset" },
      { kind: "close" },
      { kind: "raw", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" },
      { kind: "respond", body: ["half"], ending: "close" },
      { kind: "echo", delayMs: 20 },
    );
    expect(await client.request("/")).toMatchObject({ status: 201, text: "onetwo" });
    expect(await client.request("/")).toMatchObject({ status: 204, text: "" });
    expect((await client.request("/")).status).toBe(504);
    expect((await client.request("/")).status).toBe(503);
    expect((await client.request("/")).status).toBe(503);
    expect((await client.request("/")).text).toBe("ok");
    expect(await client.outcome("/")).toContain("the connection ended");
    expect((await client.request("/")).status).toBe(200);
    expect(v1.requests).toHaveLength(8);
  },
);

traffic(
  "configuration is replaced in the middle of a case",
  { routes: [{ match: { prefix: "/" }, direct_response: { status: 201 } }] },
  async ({ client, update }) => {
    expect((await client.request("/")).status).toBe(201);
    await update({ routes: [{ match: { prefix: "/" }, direct_response: { status: 202 } }] });
    expect((await client.request("/")).status).toBe(202);
  },
);

traffic(
  "endpoints by EDS and routes by RDS are replaced in the middle of a case",
  { rds: true, clusters: { upstream: { eds: true, endpoints: ["v1"] } } },
  async ({ client, update }) => {
    expect((await client.request("/")).echo.app).toBe("v1");
    await update({ rds: true, clusters: { upstream: { eds: true, endpoints: ["v2"] } } });
    expect((await client.request("/")).echo.app).toBe("v2");
    await update({
      rds: true,
      route: { prefix_rewrite: "/new" },
      clusters: { upstream: { eds: true, endpoints: ["v2"] } },
    });
    expect((await client.request("/")).echo.path).toBe("/new");
  },
);

traffic(
  "the server's side has configuration of its own",
  {
    legs: ["h2", "h1"],
    server: { virtualHost: { request_headers_to_add: [{ header: { key: "x-side", value: "server" } }] } },
  },
  async ({ client }) => {
    const { headers } = (await client.request("/")).echo;
    expect(headers).toContainEqual(["x-side", "server"]);
  },
);

traffic(
  "bytes pass both ways",
  { legs: TCP_LEGS, tcp: {}, endpoints: ["bytes"] },
  async ({ client, application, logs }) => {
    const raw = await client.connect();
    raw.send("hello");
    await raw.hears("hello");
    expect(application.bytes.connections).toHaveLength(1);
    expect(application.bytes.connections[0]!.text).toBe("hello");
    raw.end();
    await raw.isClosed();
    expect((await logs(1))[0]).toMatchObject({ cluster: "upstream", received: "5", sent: "5" });
  },
);

traffic("the admin interface tells of the hosts", { endpoints: ["v1", "v2"] }, async ({ client, process }) => {
  for (let i = 0; i < 4; i++) await client.request("/");
  const hosts = [...(await process.hosts("upstream")).values()];
  expect(hosts).toHaveLength(2);
  expect(hosts.reduce((sum, host) => sum + Number(host.get("rq_total")), 0)).toBe(4);
});

traffic("the admin interface tells of the statistics", { legs: DIRECT }, async ({ client, process }) => {
  const count = async () => (await process.stats()).get("cluster.upstream.upstream_rq_total") ?? 0;
  const before = await count();
  await client.request("/");
  await until("the counter", async () => (await count()) === before + 1);
});

const chat = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 })),
  websocket: { message: (socket, message) => void socket.send(`${message} back`) },
});

traffic(
  "a WebSocket passes, to an application of the case's own",
  { endpoints: [chat.port!], manager: { upgrade_configs: [{ upgrade_type: "websocket" }] } },
  async ({ client }) => {
    const { socket, messages } = await client.webSocket("/chat");
    socket.send("there");
    await until("the answer", () => messages.length > 0);
    expect(messages).toEqual(["there back"]);
  },
);

refused(
  "a route that cannot be",
  { routes: [{ match: { safe_regex: { regex: "(" } }, route: { cluster: "upstream" } }] },
  (reason) => {
    expect(reason).toContain("(");
  },
);

afterAll(() => chat.stop(true));
