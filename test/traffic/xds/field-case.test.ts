// Names of HTTP/1.1's fields in the letters that they came in (preserve_case): who reads a message decides, and they go where it goes.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import type { Field } from "./wire.ts";

const FORMATTER = extension(
  "preserve_case",
  "extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
);
const HTTP1: Message = { enable_trailers: true, header_key_format: { stateful_formatter: FORMATTER } };
const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

const REQUESTS = { manager: { http_protocol_options: HTTP1 } };
const RESPONSES = {
  cluster: {
    typed_extension_protocol_options: { [OPTIONS]: { explicit_http_config: { http_protocol_options: HTTP1 } } },
  },
};

/** Fields that the proxies write themselves, and where, is not of interest here. */
const OWN = /^(x-envoy-.*|x-forwarded-proto|x-request-id|date)$/;
const written = (fields: readonly Field[]) =>
  fields.flatMap(([name, value]) => (OWN.test(name) ? [] : [`${name}: ${value}`])).sort();

const ASKED: readonly Field[] = [
  ["X-Custom", "1"],
  ["x-custom", "2"],
  ["X-CUSTOM", "3"],
  ["lower", "4"],
  ["ACCEPT", "5"],
  ["Cookie", "a=b"],
];

traffic("names of requests are kept where the listener says so", { ...REQUESTS, legs: DIRECT }, async (on) => {
  const { v1 } = on.application;
  await on.client.request("/", { method: "POST", headers: [["Content-LENGTH", "1"], ...ASKED], body: "b" });
  expect(written(v1.requests[0]!.headers)).toEqual(
    [
      "ACCEPT: 5",
      "Content-LENGTH: 1",
      "Cookie: a=b",
      "X-Custom: 1",
      "X-Custom: 2",
      "X-Custom: 3",
      "host: upstream.test",
      "lower: 4",
    ].sort(),
  );
});

traffic(
  "the host's and the coding's names are kept, those of trailers are not",
  { ...REQUESTS, legs: DIRECT },
  async (on) => {
    const { v1 } = on.application;
    const raw = await on.client.connect();
    raw.send(
      "POST / HTTP/1.1\r\nHOST: upstream.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    await raw.hears("200 OK");
    expect(written(v1.requests[0]!.headers)).toEqual(["HOST: upstream.test", "Transfer-Encoding: chunked"]);
  },
);

traffic("names of what proxies add are in lower case", { ...REQUESTS, legs: DIRECT }, async (on) => {
  const { v1 } = on.application;
  await on.client.request("/", { headers: [["X-Custom", "1"]] });
  await on.client.request("/", { headers: [["X-Request-ID", "mine"]] });
  const names = (n: number) => v1.requests[n]!.headers.map(([name]) => name);
  expect(names(0)).toContain("x-request-id");
  expect(names(0)).toContain("x-forwarded-proto");
  expect(names(1)).toContain("X-Request-ID");
});

const ANSWER: readonly Field[] = [
  ["X-Answer", "1"],
  ["Content-Type", "text/plain"],
  ["SERVER", "its own"],
  ["x-low", "2"],
  ["X-LOW", "3"],
];

traffic("names of responses are kept where the cluster says so", { ...RESPONSES, legs: DIRECT }, async (on) => {
  const { v1 } = on.application;
  v1.answers({ kind: "respond", headers: ANSWER, body: ["a", "b"], trailers: [["X-Sum", "1"]] });
  const response = await on.client.request("/", { headers: [["X-Custom", "1"]] });
  expect(written(response.headers)).toEqual(
    [
      "Content-Type: text/plain",
      "SERVER: envoy",
      "X-Answer: 1",
      "transfer-encoding: chunked",
      "x-low: 2",
      "x-low: 3",
    ].sort(),
  );
  expect(written(v1.requests[0]!.headers)).toContain("x-custom: 1");
});

traffic("neither goes for the other", { ...REQUESTS, legs: DIRECT }, async (on) => {
  on.application.v1.answers({ kind: "respond", headers: ANSWER, body: "a" });
  const response = await on.client.request("/");
  expect(written(response.headers)).toEqual(
    ["content-length: 1", "content-type: text/plain", "server: envoy", "x-answer: 1", "x-low: 2", "x-low: 3"].sort(),
  );
});

traffic("on HTTP/2 there are no capitals", { ...REQUESTS, legs: ["h2"] }, async (on) => {
  const response = await on.client.request("/", { headers: [["X-Custom", "1"]] });
  expect(response.status).toBe(200);
  expect(written(response.echo.headers)).toContain("x-custom: 1");
});

traffic(
  "names of a request that is tried again are kept",
  { ...REQUESTS, route: { retry_policy: { retry_on: "5xx", num_retries: 1 } }, legs: DIRECT },
  async (on) => {
    const { v1 } = on.application;
    v1.answers({ kind: "respond", status: 503 }, { kind: "echo" });
    await on.client.request("/", { headers: [["X-Custom", "1"]] });
    for (const { headers } of v1.requests) expect(written(headers)).toContain("X-Custom: 1");
    expect(v1.requests).toHaveLength(2);
  },
);

traffic(
  "names of an upgrade are kept both ways",
  { manager: { ...REQUESTS.manager, upgrade_configs: [{ upgrade_type: "websocket" }] }, ...RESPONSES, legs: DIRECT },
  async (on) => {
    const { v1 } = on.application;
    v1.script(() => ({
      kind: "raw",
      bytes: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Answer: 1\r\n\r\n",
    }));
    const raw = await on.client.connect();
    raw.send(
      "GET / HTTP/1.1\r\nHost: upstream.test\r\nUPGRADE: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n",
    );
    await raw.hears("\r\n\r\n");
    expect(raw.text).toContain("\r\nX-Answer: 1\r\n");
    expect(raw.text).toContain("\r\nUpgrade: websocket\r\n");
    const names = v1.requests[0]!.headers.map(([name]) => name);
    for (const name of ["Host", "UPGRADE", "Connection", "Sec-WebSocket-Key"]) expect(names).toContain(name);
  },
);
