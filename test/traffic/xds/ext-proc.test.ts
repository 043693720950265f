// An external server that looks at requests and responses and changes them.

import { afterAll, expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { CommonResponse_ResponseStatus } from "../../../src/xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { extension, type Message, socketAddress, typed } from "./message.ts";
import { type Answer, type Case, Processor, type Told } from "./processor.ts";
import { refused, traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const NAME = "envoy.filters.http.ext_proc";
const TYPE = "extensions.filters.http.ext_proc.v3.ExternalProcessor";
const PER_ROUTE = "extensions.filters.http.ext_proc.v3.ExtProcPerRoute";

const processor = new Processor();
afterAll(() => processor.stop());

/** Over what the leg gives every cluster. */
const HTTP2: Message = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http_protocol_options: null, http2_protocol_options: {} },
  },
};
const SERVICE: Message = { envoy_grpc: { cluster_name: "processor" } };
const filter = (fields: Message = {}) =>
  extension(NAME, TYPE, { grpc_service: SERVICE, message_timeout: "5s", ...fields });

function withProcessor(fields: Message, more: CaseConfiguration = {}): CaseConfiguration {
  return {
    filters: [filter(fields)],
    ...more,
    clusters: {
      ...more.clusters,
      processor: {
        endpoints: [{ to: processor.port, fields: { endpoint: { address: socketAddress(processor.port) } } }],
        fields: {
          typed_extension_protocol_options: HTTP2,
          transport_socket: null,
          transport_socket_matches: null,
        },
      },
    },
  };
}

const bytes = (text: string) => Buffer.from(text, "latin1");
const setHeader = (key: string, value: string, more: object = {}) => ({
  header: { key, rawValue: bytes(value) },
  ...more,
});
const headers = (kind: Case, response: object): Answer => ({ response: { case: kind, value: { response } } }) as Answer;

traffic("headers of both directions are told and changed", withProcessor({}), async ({ client, application }) => {
  processor.does(({ kind }) => {
    if (kind === "requestHeaders")
      return headers(kind, {
        headerMutation: {
          setHeaders: [
            setHeader("x-new", "1"),
            setHeader("x-two", "b"),
            setHeader("x-over", "b", { append: false }),
            setHeader("x-more", "b", { append: true }),
            setHeader("x-absent", "b", { appendAction: 1 }),
            setHeader("host", "elsewhere"),
            setHeader("x-envoy-max-retries", "9"),
            setHeader(":path", "/other?way"),
          ],
          removeHeaders: ["x-gone", ":method"],
        },
      });
    return headers(kind, {
      headerMutation: { setHeaders: [setHeader("x-answer", "yes"), setHeader(":status", "202")] },
    });
  });
  const response = await client.request("/path?q", {
    headers: { "x-gone": "1", "x-two": "a", "x-over": "a", "x-more": "a", "x-absent": "a" },
  });
  const [request] = application.requests;
  expect(application.requests).toHaveLength(1);
  expect([response.status, response.header("x-answer")]).toEqual([202, "yes"]);
  const { echo } = response;
  const seen = (name: string) => echo.headers.filter(([key]) => key === name).map(([, value]) => value);
  expect([seen("x-new"), seen("x-gone"), seen("x-over"), seen("x-more")]).toEqual([["1"], [], ["b"], ["a", "b"]]);
  expect(seen("x-absent")).toEqual(["b"]);
  expect(seen("x-two")).toEqual(["b"]);
  expect(seen("x-envoy-max-retries")).toEqual([]);
  expect([echo.path, fieldOf(echo.headers, "host") ?? echo.authority]).toEqual(["/other?way", "upstream.test"]);
  expect(request).toBeDefined();
  expect(processor.kinds).toEqual(["requestHeaders", "responseHeaders"]);
  const [told, answer] = processor.told;
  expect(told!.fields).toMatchObject({
    ":method": "GET",
    ":path": "/path?q",
    ":authority": "upstream.test",
    ":scheme": "http",
    "x-two": "a",
  });
  expect([told!.end, answer!.end, answer!.fields[":status"]]).toEqual([true, false, "200"]);
});

const BODIES = { request_body_mode: "BUFFERED", response_body_mode: "BUFFERED" };

traffic(
  "buffered bodies are told whole, and replaced with their lengths",
  withProcessor({ processing_mode: BODIES }),
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "from the application" });
    processor.does(({ kind, body }) =>
      kind.endsWith("Body")
        ? headers(kind, {
            headerMutation: {
              setHeaders: [
                setHeader("x-length", String(body.length)),
                // Envoy takes another length than the one that was announced for a fault of the server.
                ...(kind === "responseBody" ? [setHeader("content-length", String(body.length + 9))] : []),
              ],
            },
            bodyMutation: { mutation: { case: "body", value: bytes(`${body}, changed`) } },
          })
        : undefined,
    );
    const http1 = await client.http1();
    http1.raw.send("POST / HTTP/1.1\r\nhost: upstream.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    http1.raw.send("6\r\n world\r\n0\r\n\r\n");
    const response = await http1.response("POST");
    expect([response.status, response.text]).toEqual([200, "from the application, changed"]);
    expect([response.header("content-length"), response.header("x-length")]).toEqual(["29", "20"]);
    expect(processor.told.map(({ kind, body, end }) => [kind, body, end])).toEqual([
      ["requestHeaders", "", false],
      ["requestBody", "hello world", true],
      ["responseHeaders", "", false],
      ["responseBody", "from the application", true],
    ]);
    const [received] = v1.requests;
    expect([received!.body.toString(), fieldOf(received!.headers, "x-length")]).toEqual(["hello world, changed", "11"]);
  },
);

traffic(
  "streamed bodies are told as they come, and go on as they are answered",
  withProcessor({ processing_mode: { request_body_mode: "STREAMED", response_body_mode: "STREAMED" } }),
  async ({ client, application: { v1 } }) => {
    const large = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
    v1.answers({ kind: "respond", body: large });
    processor.does(({ kind, body }) =>
      kind.endsWith("Body")
        ? headers(kind, { bodyMutation: { mutation: { case: "body", value: bytes(body.toUpperCase()) } } })
        : undefined,
    );
    const response = await client.request("/", { method: "POST", body: large });
    expect(response.text).toBe(large.toUpperCase());
    expect(v1.requests[0]!.body.toString("latin1")).toBe(large.toUpperCase());
    const parts = (kind: Case) => processor.told.filter((told) => told.kind === kind);
    for (const kind of ["requestBody", "responseBody"] as const) {
      expect(
        parts(kind)
          .map(({ body }) => body)
          .join(""),
      ).toBe(large);
      expect(
        parts(kind)
          .map(({ end }) => end)
          .filter(Boolean),
      ).toHaveLength(1);
    }
  },
);

traffic(
  "trailers are told where that is wanted",
  withProcessor(
    { processing_mode: { request_trailer_mode: "SEND", response_trailer_mode: "SEND" } },
    { application: "http2" },
  ),
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "x", trailers: [["x-sum", "1"]] });
    processor.does(({ kind }) =>
      kind.endsWith("Trailers")
        ? ({
            response: { case: kind, value: { headerMutation: { setHeaders: [setHeader("x-trailer", "new")] } } },
          } as Answer)
        : undefined,
    );
    const http2 = await client.http2();
    const response = await http2.request("/", { method: "POST", body: "b", trailers: { "x-in": "1" } } as never);
    expect(fieldOf(response.trailers, "x-sum")).toBe("1");
    expect(fieldOf(response.trailers, "x-trailer")).toBe("new");
    expect(processor.kinds.filter((kind) => kind === "responseTrailers")).toHaveLength(1);
  },
);

traffic(
  "an immediate response is the answer",
  { ...withProcessor({}), legs: DIRECT },
  async ({ client, application, logs }) => {
    processor.does(() => ({
      response: {
        case: "immediateResponse",
        value: {
          status: { code: 401 },
          body: bytes("who are you"),
          details: "no token",
          headers: { setHeaders: [setHeader("www-authenticate", "Bearer")] },
        },
      },
    }));
    const response = await client.request("/");
    expect([response.status, response.text, response.header("www-authenticate")]).toEqual([
      401,
      "who are you",
      "Bearer",
    ]);
    expect(application.requests).toEqual([]);
    expect((await logs(1))[0]).toMatchObject({ code: "401", details: "no_token" });
    expect(processor.kinds).toEqual(["requestHeaders"]);
  },
);

traffic(
  "an immediate response in place of a response that is there",
  { ...withProcessor({}), legs: DIRECT },
  async ({ client, application }) => {
    processor.does(({ kind }) =>
      kind === "responseHeaders"
        ? { response: { case: "immediateResponse", value: { status: { code: 403 }, body: bytes("not this") } } }
        : undefined,
    );
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([403, "not this"]);
    expect(application.requests).toHaveLength(1);
  },
);

traffic(
  "an answer to the head may put a body in place of the one that comes",
  { ...withProcessor({ processing_mode: BODIES }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "from the application" });
    processor.does(({ kind }) =>
      headers(kind, {
        status: CommonResponse_ResponseStatus.CONTINUE_AND_REPLACE,
        headerMutation: { setHeaders: [setHeader(":method", "POST")] },
        bodyMutation: { mutation: { case: "body", value: bytes(`put by ${kind}`) } },
      }),
    );
    for (const request of [{}, { method: "POST", body: "from the client" }]) {
      const response = await client.request("/", request);
      expect(response.text).toBe("put by responseHeaders");
    }
    expect(v1.requests.map(({ body }) => body.toString())).toEqual(["put by requestHeaders", "put by requestHeaders"]);
    expect(processor.kinds).toEqual(["requestHeaders", "responseHeaders", "requestHeaders", "responseHeaders"]);
  },
);

traffic(
  "the route may be chosen again",
  withProcessor(
    {},
    {
      routes: [
        {
          name: "other",
          match: { prefix: "/", headers: [{ name: "x-to", string_match: { exact: "v2" } }] },
          route: { cluster: "second" },
        },
        { name: "default", match: { prefix: "/" }, route: { cluster: "upstream" } },
      ],
      clusters: { second: { endpoints: ["v2"] } },
    },
  ),
  async ({ client, application, logs }) => {
    for (const clearRouteCache of [false, true]) {
      processor.does(({ kind }) =>
        kind === "requestHeaders"
          ? headers(kind, { clearRouteCache, headerMutation: { setHeaders: [setHeader("x-to", "v2")] } })
          : undefined,
      );
      await client.request("/");
    }
    expect([application.v1.requests.length, application.v2.requests.length]).toEqual([1, 1]);
    expect((await logs(2)).map(({ route }) => route)).toEqual(["default", "other"]);
  },
);

traffic(
  "the server may say what it wants to be told",
  { ...withProcessor({ allow_mode_override: true }), legs: DIRECT },
  async ({ client }) => {
    processor.does(({ kind }) =>
      kind === "requestHeaders"
        ? ({ ...headers(kind, {}), modeOverride: { requestBodyMode: 2, responseHeaderMode: 2 } } as Answer)
        : undefined,
    );
    const response = await client.request("/", { method: "POST", body: "told" });
    expect(response.echo.body).toBe("told");
    expect(processor.told.map(({ kind, body }) => [kind, body])).toEqual([
      ["requestHeaders", ""],
      ["requestBody", "told"],
    ]);
  },
);

traffic(
  "only some headers are told, and a route may turn it off or have it otherwise",
  withProcessor(
    {
      forward_rules: {
        allowed_headers: { patterns: [{ prefix: "x-" }] },
        disallowed_headers: { patterns: [{ exact: "x-secret" }] },
      },
    },
    {
      routes: [
        {
          match: { prefix: "/off" },
          route: { cluster: "upstream" },
          typed_per_filter_config: { [NAME]: typed(PER_ROUTE, { disabled: true }) },
        },
        {
          match: { prefix: "/other" },
          route: { cluster: "upstream" },
          typed_per_filter_config: {
            [NAME]: typed(PER_ROUTE, {
              overrides: {
                processing_mode: {
                  request_header_mode: "SKIP",
                  request_body_mode: "BUFFERED",
                  response_header_mode: "SKIP",
                },
                grpc_initial_metadata: [{ key: "x-tenant", value: "blue" }],
              },
            }),
          },
        },
        { match: { prefix: "/" }, route: { cluster: "upstream" } },
      ],
    },
  ),
  async ({ client }) => {
    processor.does();
    await client.request("/", { headers: { "x-open": "1", "x-secret": "2", authorization: "3" } });
    const names = Object.keys(processor.told[0]!.fields).filter((name) => !/^x-(forwarded|request|envoy)/.test(name));
    expect(names).toEqual(["x-open"]);
    processor.does();
    await client.request("/off");
    expect(processor.told).toEqual([]);
    await client.request("/other", { method: "POST", body: "told" });
    expect(processor.told.map(({ kind, body }) => [kind, body])).toEqual([["requestBody", "told"]]);
    expect(processor.metadata[0]).toContain("blue");
  },
);

const FAILURES: Readonly<Record<string, (told: Told) => ReturnType<Processor["script"]>>> = {
  "is silent": () => "nothing",
  fails: () => "fail",
  "answers what nobody asked": () => headers("responseBody", {}),
};

for (const [name, script] of Object.entries(FAILURES))
  for (const phase of ["requestHeaders", "responseHeaders", "requestBody"] as const)
    traffic(
      `a server that ${name} at ${phase}`,
      {
        ...withProcessor(
          { message_timeout: "0.2s", processing_mode: { request_body_mode: "BUFFERED" } },
          {
            routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }],
          },
        ),
        legs: DIRECT,
      },
      async ({ client, logs }) => {
        processor.does((told) => (told.kind === phase ? script(told) : undefined));
        const response = await client.request("/", { method: "POST", body: "body" });
        const [line] = await logs(1);
        const details = {
          "is silent": "ext_proc_error_per-message_timeout_exceeded",
          fails: "ext_proc_error_gRPC_error_13{on_purpose",
          "answers what nobody asked": "spurious_message",
        };
        expect(line!.details).toStartWith(details[name as keyof typeof details]);
        expect([line!.flags, response.text]).toEqual(["-", ""]);
        expect(response.status).toBe(name === "is silent" ? 504 : 500);
      },
    );

for (const [name, script] of Object.entries(FAILURES))
  traffic(
    `a server that ${name} is done without, where that is allowed`,
    {
      ...withProcessor({ message_timeout: "0.1s", failure_mode_allow: true, processing_mode: BODIES }),
      legs: DIRECT,
    },
    async ({ client, application: { v1 } }) => {
      v1.answers({ kind: "respond", body: "answer" });
      for (const phase of ["requestHeaders", "requestBody", "responseHeaders", "responseBody"]) {
        processor.does((told) => (told.kind === phase ? script(told) : undefined));
        const response = await client.request(`/${phase}`, { method: "POST", body: "body" });
        expect([phase, response.status, response.text]).toEqual([phase, 200, "answer"]);
      }
      expect(v1.requests.map(({ body }) => body.toString())).toEqual(["body", "body", "body", "body"]);
    },
  );

traffic(
  "a server that is not there",
  {
    ...withProcessor({}),
    clusters: {
      processor: { endpoints: ["closed"], fields: { typed_extension_protocol_options: HTTP2 } },
    },
    legs: DIRECT,
  },
  async ({ client, application, logs }) => {
    const response = await client.request("/");
    expect(response.status).toBe(500);
    expect(application.requests).toEqual([]);
    expect((await logs(1))[0]!.details).toStartWith("ext_proc_error_gRPC_error_14{");
  },
);

traffic(
  "a server that is done early hears no more",
  { ...withProcessor({ processing_mode: BODIES }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "answer" });
    processor.does(() => "done");
    const response = await client.request("/", { method: "POST", body: "body" });
    expect([response.status, response.text]).toEqual([200, "answer"]);
    expect(processor.kinds).toEqual(["requestHeaders"]);
  },
);

traffic(
  "a server may ask for more time, as much as is allowed",
  { ...withProcessor({ message_timeout: "0.1s", max_message_timeout: "2s" }), legs: DIRECT },
  async ({ client }) => {
    let asked = false;
    processor.does(({ kind }) => {
      if (kind !== "requestHeaders") return undefined;
      asked = true;
      return { overrideMessageTimeout: { seconds: 1n, nanos: 0 } };
    });
    const pending = client.request("/");
    await until("the question", () => asked);
    expect((await pending).status).toBe(504);
  },
);

traffic(
  "a client that leaves takes the call with it",
  { ...withProcessor({}), legs: DIRECT },
  async ({ client, log }) => {
    processor.does(() => "nothing");
    const raw = await client.connect();
    raw.send("GET / HTTP/1.1\r\nhost: upstream.test\r\n\r\n");
    await until("the call", () => processor.told.length === 1);
    raw.reset();
    await until("its end", () => processor.ended === 1);
    await until("the log", () => log.lines.length === 1);
    expect(log.lines[0]).toMatchObject({ flags: "DC" });
  },
);

traffic(
  "dynamic metadata is told and taken as far as that is allowed",
  withProcessor(
    {
      metadata_options: {
        forwarding_namespaces: { untyped: ["tags"] },
        receiving_namespaces: { untyped: ["verdict"] },
      },
    },
    {
      log: { verdict: "%DYNAMIC_METADATA(verdict:score)%", other: "%DYNAMIC_METADATA(other:score)%" },
      filters: [
        extension("tag", "extensions.filters.http.header_to_metadata.v3.Config", {
          request_rules: [{ header: "x-tier", on_header_present: { metadata_namespace: "tags", key: "tier" } }],
        }),
        filter({
          metadata_options: {
            forwarding_namespaces: { untyped: ["tags"] },
            receiving_namespaces: { untyped: ["verdict"] },
          },
        }),
      ],
    },
  ),
  async ({ client, logs }) => {
    processor.does(
      ({ kind }) =>
        ({ ...headers(kind, {}), dynamicMetadata: { verdict: { score: 7 }, other: { score: 8 } } }) as Answer,
    );
    await client.request("/", { headers: { "x-tier": "gold" } });
    expect(processor.told[0]!.message.metadataContext?.filterMetadata).toEqual({ tags: { tier: "gold" } });
    expect((await logs(1))[0]).toMatchObject({ verdict: "7", other: "-" });
  },
);

traffic(
  "what an earlier filter has answered is processed too",
  {
    ...withProcessor(
      {},
      {
        filters: [
          extension("envoy.filters.http.fault", "extensions.filters.http.fault.v3.HTTPFault", {
            abort: { http_status: 418, percentage: { numerator: 100, denominator: "HUNDRED" } },
          }),
          filter(),
        ],
      },
    ),
    legs: DIRECT,
  },
  async ({ client }) => {
    processor.does(({ kind }) => headers(kind, { headerMutation: { setHeaders: [setHeader("x-seen", "1")] } }));
    const response = await client.request("/");
    expect([response.status, response.text, response.header("x-seen")]).toEqual([418, "fault filter abort", "1"]);
    expect(processor.kinds).toEqual(["responseHeaders"]);
  },
);

traffic(
  "a body that is larger than may be held",
  { ...withProcessor({ processing_mode: BODIES }), legs: DIRECT },
  async ({ client, application: { v1 }, logs }) => {
    processor.does();
    const large = "x".repeat(2_000_000);
    const response = await client.request("/", { method: "POST", body: large });
    expect([response.status, response.text]).toEqual([413, "Payload Too Large"]);
    v1.answers({ kind: "respond", body: large });
    expect((await client.request("/")).status).toBe(500);
    expect((await logs(2)).map(({ details }) => details)).toEqual([
      "request_payload_too_large",
      "response_payload_too_large",
    ]);
  },
);

traffic(
  "as much of a body as may be held is told, and the rest goes on",
  { ...withProcessor({ processing_mode: { request_body_mode: "BUFFERED_PARTIAL" } }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    processor.does(({ kind, body }) =>
      kind === "requestBody"
        ? headers(kind, { bodyMutation: { mutation: { case: "body", value: bytes(body.toUpperCase()) } } })
        : undefined,
    );
    const large = "x".repeat(3_000_000);
    const http1 = await client.http1();
    http1.send("/", { method: "POST", body: large });
    expect((await http1.response("POST")).status).toBe(200);
    const [, told] = processor.told;
    expect(told!.end).toBe(false);
    expect(told!.body.length).toBeGreaterThan(0);
    const [received] = v1.requests;
    expect(received!.body.length).toBe(large.length);
    expect(received!.body.toString()).toBe(
      "X".repeat(told!.body.length) + "x".repeat(large.length - told!.body.length),
    );
  },
);

traffic(
  "bodies larger than any buffer go through the server and arrive whole",
  {
    ...withProcessor({ processing_mode: { request_body_mode: "STREAMED", response_body_mode: "STREAMED" } }),
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    processor.does();
    const large = "y".repeat(3_000_000);
    v1.answers({ kind: "respond", body: large });
    const response = await client.request("/", { method: "POST", body: large });
    expect([response.status, response.body.length]).toEqual([200, large.length]);
    expect(v1.requests[0]!.body.length).toBe(large.length);
  },
);

traffic(
  "a time-out's answer is processed too, and a response that comes meanwhile is too late",
  { ...withProcessor({}, { route: { timeout: "0.1s" } }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "echo", delayMs: 200 });
    processor.does(async ({ kind }) => {
      if (kind === "responseHeaders") await Bun.sleep(300);
      return undefined;
    });
    const response = await client.request("/");
    expect([response.status, response.text]).toEqual([504, "upstream request timeout"]);
    expect(processor.kinds).toEqual(["requestHeaders", "responseHeaders"]);
  },
);

traffic(
  "two processors, one after the other, there and back",
  {
    ...withProcessor(
      {},
      {
        filters: [
          filter({ processing_mode: BODIES }),
          extension("second", TYPE, { grpc_service: SERVICE, message_timeout: "5s", processing_mode: BODIES }),
        ],
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application: { v1 } }) => {
    let count = 0;
    v1.answers({ kind: "respond", body: "r", headers: [["x-none", "1"]] });
    processor.does(({ kind, body }) => {
      if (!kind.endsWith("Body")) return undefined;
      count++;
      const changed = `${body}${count}`;
      return headers(kind, {
        headerMutation: { setHeaders: [setHeader("content-length", String(changed.length))] },
        bodyMutation: { mutation: { case: "body", value: bytes(changed) } },
      });
    });
    const response = await client.request("/", { method: "POST", body: "q" });
    expect(v1.requests[0]!.body.toString()).toBe("q12");
    expect(response.text).toBe("r34");
  },
);

const DUPLEX: Message = {
  request_body_mode: "FULL_DUPLEX_STREAMED",
  request_trailer_mode: "SEND",
  response_body_mode: "FULL_DUPLEX_STREAMED",
  response_trailer_mode: "SEND",
};
const streamed = (kind: Case, body: string, endOfStream: boolean): Answer =>
  headers(kind, {
    bodyMutation: { mutation: { case: "streamedResponse", value: { body: bytes(body), endOfStream } } },
  });
const CHUNKED = "POST / HTTP/1.1\r\nhost: upstream.test\r\ntransfer-encoding: chunked\r\n\r\n";

for (const [name, mode] of [
  ["", DUPLEX],
  [", heads not told", { ...DUPLEX, request_header_mode: "SKIP", response_header_mode: "SKIP" }],
] as const)
  traffic(
    `bodies that go both ways at once are what the server makes of them, whenever it likes${name}`,
    withProcessor({ processing_mode: mode, message_timeout: "0.05s" }),
    async ({ client, application: { v1 } }) => {
      v1.answers({ kind: "respond", body: "from the application" });
      // The head is answered when the body is whole, and the body comes in other pieces than it went.
      processor.does(async ({ kind, end }) => {
        if (!kind.endsWith("Body") || !end) return "nothing";
        await Bun.sleep(150);
        const head = kind === "requestBody" ? "requestHeaders" : "responseHeaders";
        const answered =
          mode === DUPLEX ? [headers(head, { headerMutation: { setHeaders: [setHeader("x-p", "1")] } })] : [];
        return [...answered, streamed(kind, "one ", false), streamed(kind, "", false), streamed(kind, "two", true)];
      });
      const http1 = await client.http1();
      http1.raw.send(`${CHUNKED}5\r\nhello\r\n`);
      await until("the first chunk is told", () => processor.told.some(({ body }) => body === "hello"));
      http1.raw.send("6\r\n world\r\n0\r\n\r\n");
      const response = await http1.response("POST");
      expect([response.status, response.text, response.header("content-length")]).toEqual([200, "one two", undefined]);
      const [received] = v1.requests;
      expect(received!.body.toString()).toBe("one two");
      if (mode === DUPLEX) expect([response.header("x-p"), fieldOf(received!.headers, "x-p")]).toEqual(["1", "1"]);
      const ends = processor.told.filter(({ kind, end }) => kind.endsWith("Body") && end);
      expect(ends.map(({ kind, body }) => [kind, body])).toEqual([
        ["requestBody", ""],
        ["responseBody", ""],
      ]);
      const whole = (of: Case) => processor.told.flatMap(({ kind, body }) => (kind === of ? [body] : [])).join("");
      expect([whole("requestBody"), whole("responseBody")]).toEqual(["hello world", "from the application"]);
    },
  );

traffic(
  "trailers are the end of a body that goes both ways at once",
  { ...withProcessor({ processing_mode: DUPLEX }, { application: "http2" }), legs: ["h2", "plaintext"] },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", body: "answer", trailers: [["x-trailer", "theirs"]] });
    processor.does(({ kind, body, end }) => {
      if (kind.endsWith("Body")) return end ? "nothing" : streamed(kind, body.toUpperCase(), false);
      if (!kind.endsWith("Trailers")) return undefined;
      const mutation = { headerMutation: { setHeaders: [setHeader("x-added", kind)] } };
      return { response: { case: kind, value: mutation } } as Answer;
    });
    const http2 = await client.http2();
    const call = http2.begin("/", { method: "POST", body: "request", open: true });
    call.stream.end(["x-trailer", "mine"]);
    const response = await call.response();
    expect([response.text, ...response.trailers]).toEqual([
      "ANSWER",
      ["x-trailer", "theirs"],
      ["x-added", "responseTrailers"],
    ]);
    const [received] = v1.requests;
    expect(received!.body.toString()).toBe("REQUEST");
    expect(received!.trailers).toEqual([
      ["x-trailer", "mine"],
      ["x-added", "requestTrailers"],
    ]);
  },
);

traffic(
  "a request without a body has its head told alone",
  { ...withProcessor({ processing_mode: DUPLEX }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", status: 204 });
    processor.does();
    expect((await client.request("/")).status).toBe(204);
    expect(processor.told.map(({ kind, end }) => [kind, end])).toEqual([
      ["requestHeaders", true],
      ["responseHeaders", true],
    ]);
  },
);

const LARGE = 8_000_000;
traffic(
  "a large body goes both ways at once as it is",
  { ...withProcessor({ processing_mode: DUPLEX }), legs: ["h2", "plaintext"] },
  async ({ client, application: { v1 } }) => {
    processor.does(({ kind, body, end }) => (kind.endsWith("Body") ? streamed(kind, body, end) : undefined));
    v1.answers({ kind: "respond", body: "y".repeat(LARGE) });
    const response = await client.request("/", { method: "POST", body: "x".repeat(LARGE) });
    expect([response.status, response.text.length]).toEqual([200, LARGE]);
    const [received] = v1.requests;
    expect([received!.body.length, received!.body.every((byte) => byte === 0x78)]).toEqual([LARGE, true]);
  },
);

traffic(
  "a server that sends much at once is told the rest of the body all the same",
  { ...withProcessor({ processing_mode: DUPLEX }), legs: ["h2", "plaintext"] },
  async ({ client, application: { v1 } }) => {
    let told = 0;
    processor.does(({ kind, body, end }) => {
      if (kind === "responseBody") return streamed(kind, body, end);
      if (kind !== "requestBody") return undefined;
      const isFirst = told === 0;
      told += body.length;
      if (isFirst || end) return streamed(kind, isFirst ? "z".repeat(LARGE / 4) : "", end);
      return "nothing";
    });
    expect((await client.request("/", { method: "POST", body: "x".repeat(LARGE) })).status).toBe(200);
    expect([told, v1.requests[0]!.body.length]).toEqual([LARGE, LARGE / 4]);
  },
);

/** What the server does to the body that it may not, or before its time. */
const SPURIOUS: Readonly<Record<string, (told: Told) => Answer | undefined>> = {
  "a body in place of pieces": ({ kind }) =>
    kind === "requestBody"
      ? headers(kind, { bodyMutation: { mutation: { case: "body", value: bytes("x") } } })
      : undefined,
  "nothing said of the body": () => undefined,
  "the body before the head": ({ kind }) =>
    kind === "requestHeaders" ? streamed("requestBody", "x", true) : undefined,
};
for (const [name, script] of Object.entries(SPURIOUS))
  traffic(
    `both ways at once, ${name}: 500`,
    { ...withProcessor({ processing_mode: DUPLEX }), legs: DIRECT },
    async ({ client, logs }) => {
      processor.does(script);
      expect((await client.request("/", { method: "POST", body: "hello" })).status).toBe(500);
      expect((await logs(1))[0]!.details).toStartWith("spurious_message");
    },
  );

traffic(
  "both ways at once, a server that fails is a failure, and one that is done lets go what it was not told",
  { ...withProcessor({ processing_mode: DUPLEX }), legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    processor.does(({ kind }) => (kind === "requestBody" ? "fail" : undefined));
    expect((await client.request("/", { method: "POST", body: "hello" })).status).toBe(500);
    processor.does(({ kind }) => (kind === "requestBody" ? "done" : undefined));
    expect((await client.request("/", { method: "POST", body: "hello" })).status).toBe(200);
    expect(v1.requests.map(({ body }) => body.toString())).toEqual([""]);
  },
);

for (const direction of ["request", "response"])
  refused(
    `a ${direction} body both ways at once without its trailers`,
    withProcessor({ processing_mode: { [`${direction}_body_mode`]: "FULL_DUPLEX_STREAMED" } }),
    (reason) => expect(reason).toContain(`${direction}_trailer_mode`),
  );
