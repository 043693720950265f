// Requests that are sent on when they are whole.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const BUFFER = "envoy.filters.http.buffer";
const TYPE = "extensions.filters.http.buffer.v3.Buffer";
const PER_ROUTE = "extensions.filters.http.buffer.v3.BufferPerRoute";
const buffer = (max: number): Message => extension(BUFFER, TYPE, { max_request_bytes: max });

traffic(
  "a request goes on with its length when it is whole",
  { filters: [buffer(1_000_000)] },
  async ({ client, application }) => {
    const http1 = await client.http1();
    http1.raw.send("POST / HTTP/1.1\r\nhost: upstream.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await Bun.sleep(50);
    expect(application.requests).toEqual([]);
    http1.raw.send("6\r\n world\r\n0\r\n\r\n");
    const response = await http1.response("POST");
    expect([response.status, response.echo.body]).toEqual([200, "hello world"]);
    expect(fieldOf(response.echo.headers, "content-length")).toBe("11");
  },
);

traffic(
  "one that is too long is refused: 413",
  {
    legs: DIRECT,
    filters: [buffer(10)],
    routes: [
      {
        match: { prefix: "/more" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [BUFFER]: typed(PER_ROUTE, { buffer: { max_request_bytes: 400_000 } }) },
      },
      {
        match: { prefix: "/off" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [BUFFER]: typed(PER_ROUTE, { disabled: true }) },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client, application, logs }) => {
    expect((await client.request("/", { method: "POST", body: "0123456789" })).status).toBe(200);
    const refusal = await client.request("/", { method: "POST", body: "0123456789a" });
    expect([refusal.status, refusal.text]).toEqual([413, "Payload Too Large"]);
    const body = "x".repeat(300_000);
    expect((await client.request("/more", { method: "POST", body })).echo.body).toBe(body);
    expect((await client.request("/off", { method: "POST", body: "0123456789a" })).status).toBe(200);
    expect(application.requests).toHaveLength(3);
    expect((await logs(4))[1]).toMatchObject({ code: "413", details: "request_payload_too_large" });
  },
);

traffic(
  "a client that leaves before its request is whole leaves nothing behind",
  { legs: DIRECT, filters: [buffer(100)] },
  async ({ client, application, log, process }) => {
    const begun = async () => (await process.stats()).get("http.lab.downstream_rq_total") ?? 0;
    const before = await begun();
    const raw = await client.connect();
    raw.send("POST / HTTP/1.1\r\nhost: upstream.test\r\ncontent-length: 10\r\n\r\nhalf");
    await until("the request", async () => (await begun()) > before);
    raw.reset();
    await until("the log", () => log.lines.length === 1);
    expect(log.lines[0]).toMatchObject({ flags: "DC" });
    expect(application.requests).toEqual([]);
  },
);
