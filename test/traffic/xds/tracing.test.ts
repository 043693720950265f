// Spans: whom they are told to, what they say, and which requests have one.

import { afterAll, beforeEach, expect } from "bun:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { until } from "../../../src/base/until-fixture.ts";
import { Collector, type ReceivedSpan } from "./collector.ts";
import { collectorCluster } from "./collector-cluster.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { type Message, merge, typed } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const collector = new Collector();
afterAll(() => collector.stop());
beforeEach(() => collector.restart());

const ZIPKIN = {
  collector_cluster: "by-http",
  collector_endpoint: "/api/v2/spans",
  collector_endpoint_version: "HTTP_JSON",
  collector_hostname: "collector.test",
  shared_span_context: false,
};
const GRPC = { service_name: "me", grpc_service: { envoy_grpc: { cluster_name: "by-grpc" }, timeout: "5s" } };
const HTTP = {
  service_name: "me",
  http_service: { http_uri: { uri: "http://collector.test/v1/traces", cluster: "by-http", timeout: "5s" } },
};

function provider(name: "zipkin" | "opentelemetry", fields: Message): Message {
  const type = name === "zipkin" ? "ZipkinConfig" : "OpenTelemetryConfig";
  return { name: `envoy.tracers.${name}`, typed_config: typed(`config.trace.v3.${type}`, fields) };
}

function traced(tracer: Message, fields: Message = {}, more: CaseConfiguration = {}): CaseConfiguration {
  return {
    ...more,
    manager: { ...more.manager, tracing: { random_sampling: { value: 100 }, provider: tracer, ...fields } },
    clusters: {
      ...more.clusters,
      "by-http": collectorCluster(collector.httpPort, "http1"),
      "by-grpc": collectorCluster(collector.grpcPort, "http2"),
    },
  };
}

const zipkin = (fields: Message = {}, own: Message = {}, more: CaseConfiguration = {}) =>
  traced(provider("zipkin", { ...ZIPKIN, ...own }), fields, more);

const INBOUND: CaseConfiguration = { listener: { traffic_direction: "INBOUND" } };
const OUTBOUND: CaseConfiguration = { listener: { traffic_direction: "OUTBOUND" } };

async function spans(count = 1): Promise<readonly ReceivedSpan[]> {
  await until(`${count} spans`, () => collector.spans.length >= count);
  return [...collector.spans].sort((a, b) => a.startUs - b.startUs);
}

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const CALLER = "a2fb4a1d1a96d312";
const REQUEST_ID = "c1dd9f0a-7d69-9ab6-a5e3-fb0a0ea6f3e5";

const TAGS = {
  node_id: "lab~client",
  zone: "here",
  "guid:x-request-id": REQUEST_ID,
  "http.url": "http://upstream.test/path?query",
  "http.method": "POST",
  downstream_cluster: "-",
  user_agent: "a test",
  "http.protocol": "HTTP/1.1",
  "peer.address": "127.0.0.1",
  request_size: "4",
  component: "proxy",
  upstream_cluster: "upstream",
  "upstream_cluster.name": "upstream",
  "http.status_code": "200",
  response_flags: "-",
  response_size: "5",
};
const ASKED = { method: "POST", body: "body", headers: { "user-agent": "a test", "x-request-id": REQUEST_ID } };

const WAYS: readonly (readonly [string, Message])[] = [
  ["zipkin", provider("zipkin", ZIPKIN)],
  ["OTLP over gRPC", provider("opentelemetry", GRPC)],
  ["OTLP over HTTP", provider("opentelemetry", HTTP)],
];

for (const [way, tracer] of WAYS) {
  const isZipkin = way === "zipkin";
  traffic(`a request has a span: ${way}`, traced(tracer, {}, OUTBOUND), async ({ client, application }) => {
    application.v1.answers({ kind: "respond", body: "hello" });
    const before = Date.now() * 1_000;
    await client.request("/path?query", ASKED);
    const [span] = await spans();
    expect(span!.tags).toEqual(TAGS);
    const name = isZipkin ? "upstream.test" : "egress upstream.test";
    expect([span!.name, span!.kind, span!.parentId]).toEqual([name, "CLIENT", ""]);
    expect(span!.startUs).toBeGreaterThan(before - 1_000_000);
    expect(span!.durationUs).toBeGreaterThan(0);
    const { headers } = application.requests[0]!;
    if (isZipkin) {
      expect(span!.id).toBe(span!.traceId);
      expect(["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"].map((field) => fieldOf(headers, field))).toEqual([
        span!.traceId,
        span!.id,
        "1",
      ]);
    } else expect(fieldOf(headers, "traceparent")).toBe(`00-${span!.traceId}-${span!.id}-01`);
    const [report] = collector.reports;
    if (way !== "OTLP over gRPC") expect(report!.headers.host).toBe("collector.test");
    if (!isZipkin) expect(report!.resource).toMatchObject({ "service.name": "me" });
  });
}

traffic("a B3 trace goes on, its caller the parent", zipkin({}, {}, OUTBOUND), async ({ client, application }) => {
  await client.request("/", { headers: { "x-b3-traceid": TRACE, "x-b3-spanid": CALLER, "x-b3-sampled": "1" } });
  const [span] = await spans();
  expect([span!.traceId, span!.parentId]).toEqual([TRACE, CALLER]);
  const { headers } = application.requests[0]!;
  expect(fieldOf(headers, "x-b3-spanid")).toBe(span!.id);
  expect(fieldOf(headers, "x-b3-parentspanid")).toBe(CALLER);
});

traffic(
  "a B3 trace in one field goes on in one field",
  { ...zipkin({}, {}, OUTBOUND), legs: DIRECT },
  async ({ client, application }) => {
    await client.request("/", { headers: { b3: `${TRACE}-${CALLER}-1` } });
    const [span] = await spans();
    const { headers } = application.requests[0]!;
    expect(fieldOf(headers, "b3")).toBe(`${TRACE}-${span!.id}-1-${CALLER}`);
    expect(fieldOf(headers, "x-b3-traceid")).toBeUndefined();
  },
);

traffic(
  "a server's span may share the id of its client's",
  { ...zipkin({}, { shared_span_context: true }, INBOUND), legs: DIRECT },
  async ({ client }) => {
    await client.request("/", { headers: { "x-b3-traceid": TRACE, "x-b3-spanid": CALLER, "x-b3-sampled": "1" } });
    const [span] = await spans();
    expect([span!.id, span!.parentId, span!.kind, span!.rest.shared]).toEqual([CALLER, "", "SERVER", true]);
  },
);

traffic(
  "a W3C trace goes on with its state, and its caller decides whether it is told",
  { ...traced(provider("opentelemetry", GRPC), {}, OUTBOUND), legs: DIRECT },
  async ({ client, application }) => {
    const ask = (flags: string) =>
      client.request("/", { headers: { traceparent: `00-${TRACE}-${CALLER}-${flags}`, tracestate: "a=b" } });
    await ask("00");
    await ask("01");
    const [span] = await spans();
    expect([span!.traceId, span!.parentId, span!.rest.traceState]).toEqual([TRACE, CALLER, "a=b"]);
    const passed = application.requests.map(({ headers }) => fieldOf(headers, "traceparent"));
    expect(passed[1]).toBe(`00-${TRACE}-${span!.id}-01`);
    expect(passed[0]).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(collector.spans).toHaveLength(1);
  },
);

const FIELDS = [{ header: { key: "X-Token", value: "a=b%%" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }];
const BY_SERVICE = {
  collector_cluster: null,
  collector_endpoint: null,
  collector_hostname: null,
  collector_service: {
    http_uri: { uri: "http://collector.test/spans", cluster: "by-http", timeout: "5s" },
    request_headers_to_add: FIELDS,
  },
};

for (const [way, tracer, path] of [
  ["zipkin", provider("zipkin", merge(ZIPKIN, BY_SERVICE)), "/spans"],
  ["OTLP over HTTP", provider("opentelemetry", merge(HTTP, { http_service: { request_headers_to_add: FIELDS } })), ""],
  [
    "OTLP over gRPC",
    provider("opentelemetry", merge(GRPC, { grpc_service: { initial_metadata: [{ key: "x-token", value: "a=b" }] } })),
    "",
  ],
] as const)
  traffic(
    `reports have fields of their own: ${way}`,
    { ...traced(tracer, {}, OUTBOUND), legs: DIRECT },
    async ({ client }) => {
      await client.request("/");
      await spans();
      const [report] = collector.reports;
      // The values of HTTP are formats, those of gRPC are not.
      expect(report!.headers["x-token"]).toBe(way === "OTLP over gRPC" ? "a=b" : "a=b%");
      if (path !== "") expect([report!.path, report!.headers.host]).toEqual([path, "collector.test"]);
    },
  );

traffic(
  "beside B3, W3C's form is read where B3 says nothing, and both go on",
  { ...zipkin({}, { trace_context_option: "USE_B3_WITH_W3C_PROPAGATION" }, OUTBOUND), legs: DIRECT },
  async ({ client, application }) => {
    await client.request("/", { headers: { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "a=b" } });
    await client.request("/", { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } });
    await client.request("/", { headers: { "x-b3-traceid": CALLER, "x-b3-spanid": CALLER, "x-b3-sampled": "1" } });
    await client.request("/");
    const [first, narrow, root] = await spans(3);
    expect([first!.traceId, first!.parentId]).toEqual([TRACE, CALLER]);
    expect([narrow!.traceId, narrow!.parentId]).toEqual([CALLER, CALLER]);
    const heard = application.requests.map(({ headers }) =>
      ["traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"].map((name) =>
        fieldOf(headers, name),
      ),
    );
    const unsampled = heard[1]![3]!;
    expect(heard).toEqual([
      [`00-${TRACE}-${first!.id}-01`, "a=b", TRACE, first!.id, "1"],
      [`00-${TRACE}-${unsampled}-00`, undefined, TRACE, unsampled, "0"],
      [`00-0000000000000000${CALLER}-${narrow!.id}-01`, undefined, CALLER, narrow!.id, "1"],
      [`00-0000000000000000${root!.traceId}-${root!.id}-01`, undefined, root!.traceId, root!.id, "1"],
    ]);
  },
);

for (const [way, tracer, field] of [
  ["zipkin", provider("zipkin", ZIPKIN), "x-b3-traceid"],
  ["OTLP", provider("opentelemetry", GRPC), "traceparent"],
] as const)
  traffic(
    `a trace may end here, told all the same: ${way}`,
    {
      ...traced(tracer, { no_context_propagation: true, spawn_upstream_span: true }, OUTBOUND),
      legs: DIRECT,
    },
    async ({ client, application }) => {
      await client.request("/");
      await spans(2);
      expect(fieldOf(application.requests[0]!.headers, field)).toBeUndefined();
    },
  );

traffic(
  "the request's id says whether it is traced, and why",
  {
    ...zipkin(
      { random_sampling: { value: 50 }, client_sampling: { value: 100 } },
      {},
      {
        ...OUTBOUND,
        manager: {
          internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
          use_remote_address: true,
        },
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    const id = (start: string, digit: string) => `${start}-7d69-${digit}ab6-a5e3-fb0a0ea6f3e5`;
    // 0x00001387 % 10,000 is 4,999, one below the half.
    const below = "00001387";
    const above = "00001388";
    const asked: readonly (readonly [string, Record<string, string>])[] = [
      [id(below, "4"), {}],
      [id(above, "4"), {}],
      [id(above, "9"), {}],
      [id(above, "4"), { "x-client-trace-id": "theirs" }],
      [id(above, "4"), { "x-envoy-force-trace": "1" }],
      ["short", {}],
    ];
    for (const [requestId, headers] of asked)
      await client.request("/", { headers: { "x-request-id": requestId, ...headers } });
    const heard = application.requests.map(({ headers }) => [
      fieldOf(headers, "x-request-id"),
      fieldOf(headers, "x-b3-sampled"),
    ]);
    expect(heard).toEqual([
      [id(below, "9"), "1"],
      [id(above, "4"), "0"],
      [id(above, "9"), "1"],
      [id(above, "b"), "1"],
      [id(above, "a"), "1"],
      ["short", "0"],
    ]);
    const told = await spans(4);
    expect(told.map(({ tags }) => tags["guid:x-client-trace-id"])).toEqual([undefined, undefined, "theirs", undefined]);
  },
);

traffic(
  "where the id is not to decide, every request is traced and its id left alone",
  {
    ...zipkin(
      { random_sampling: { value: 0 } },
      {},
      {
        manager: {
          request_id_extension: {
            typed_config: typed("extensions.request_id.uuid.v3.UuidRequestIdConfig", {
              use_request_id_for_trace_sampling: false,
            }),
          },
        },
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    const id = "c1dd9f0a-7d69-4ab6-a5e3-fb0a0ea6f3e5";
    await client.request("/", { headers: { "x-request-id": id } });
    await spans();
    expect(fieldOf(application.requests[0]!.headers, "x-request-id")).toBe(id);
  },
);

traffic(
  "attempts have spans of their own",
  {
    ...zipkin(
      { spawn_upstream_span: true, max_path_tag_length: 3 },
      {},
      {
        ...OUTBOUND,
        route: { retry_policy: { retry_on: "5xx", num_retries: 2 } },
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    application.v1.answers({ kind: "respond", status: 503 }, { kind: "respond", status: 200 });
    await client.request("/long/path");
    const [whole, first, second] = await spans(3);
    expect([whole!.kind, whole!.tags["http.url"]]).toEqual(["SERVER", "http://upstream.test/lo"]);
    const address = first!.tags["peer.address"];
    const attempt = {
      component: "proxy",
      upstream_cluster: "upstream",
      "upstream_cluster.name": "upstream",
      "http.protocol": "HTTP/1.1",
      upstream_address: address,
      "peer.address": address,
      response_flags: "-",
    };
    expect(first!.tags).toEqual({ ...attempt, "http.status_code": "503", error: "true" } as never);
    expect(second!.tags).toEqual({ ...attempt, "http.status_code": "200", "retry.count": "1" } as never);
    for (const [i, span] of [first, second].entries()) {
      expect([span!.name, span!.kind, span!.parentId]).toEqual(["router upstream egress", "CLIENT", whole!.id]);
      const { headers } = application.requests[i]!;
      expect(fieldOf(headers, "x-b3-spanid")).toBe(span!.id);
      expect(fieldOf(headers, "x-b3-parentspanid")).toBe(whole!.id);
    }
  },
);

for (const [name, tracer, direction, states] of [
  ["a client's", provider("opentelemetry", GRPC), OUTBOUND, ["ERROR", "ERROR"]],
  ["a server's", provider("opentelemetry", GRPC), INBOUND, ["UNSET", "ERROR"]],
] as const)
  traffic(
    `a failure is told: ${name}`,
    {
      ...traced(
        tracer,
        {},
        {
          ...direction,
          endpoints: ["closed"],
          routes: [
            { match: { path: "/missing" }, direct_response: { status: 404 } },
            { match: { prefix: "/" }, route: { cluster: "upstream" } },
          ],
        },
      ),
      legs: DIRECT,
    },
    async ({ client }) => {
      await client.request("/missing");
      await client.request("/");
      const [missing, failed] = await spans(2);
      expect([missing, failed].map((span) => span!.rest.state)).toEqual([...states]);
      expect(missing!.tags.error).toBeUndefined();
      expect(missing!.tags.upstream_cluster).toBeUndefined();
      expect(failed!.tags).toMatchObject({ error: "true", response_flags: "UF", "http.status_code": "503" });
    },
  );

traffic(
  "a failed attempt says of what",
  {
    ...traced(provider("opentelemetry", GRPC), { spawn_upstream_span: true }, { ...OUTBOUND, endpoints: ["closed"] }),
    legs: DIRECT,
  },
  async ({ client }) => {
    await client.request("/");
    const [whole, attempt] = await spans(2);
    expect([whole!.rest.state, attempt!.rest.state]).toEqual(["ERROR", "UNSET"]);
    expect(attempt!.tags).toMatchObject({
      error: "true",
      "error.reason": "remote connection failure",
      "http.protocol": "-",
      "http.status_code": "0",
      response_flags: "UF",
    });
  },
);

const DECORATED: readonly Message[] = [
  { match: { prefix: "/" }, route: { cluster: "upstream" }, decorator: { operation: "ours" } },
];

traffic(
  "at egress a route's operation names the span and goes on; the server's name for it is better, and goes no further",
  { ...zipkin({}, {}, { ...OUTBOUND, routes: DECORATED }), legs: DIRECT },
  async ({ client, application }) => {
    application.v1.answers(
      { kind: "respond" },
      { kind: "respond", headers: [["x-envoy-decorator-operation", "theirs"]] },
    );
    await client.request("/");
    const response = await client.request("/");
    expect((await spans(2)).map(({ name }) => name)).toEqual(["ours", "theirs"]);
    expect(fieldOf(application.requests[0]!.headers, "x-envoy-decorator-operation")).toBe("ours");
    expect(fieldOf(response.headers, "x-envoy-decorator-operation")).toBeUndefined();
  },
);

traffic(
  "at ingress the caller's name for it is better; else the caller is told ours",
  { ...zipkin({}, {}, { ...INBOUND, routes: DECORATED }), legs: DIRECT },
  async ({ client, application }) => {
    const told = await client.request("/");
    await client.request("/", { headers: { "x-envoy-decorator-operation": "theirs" } });
    expect((await spans(2)).map(({ name }) => name)).toEqual(["ours", "theirs"]);
    expect(fieldOf(told.headers, "x-envoy-decorator-operation")).toBe("ours");
    expect(fieldOf(application.requests[1]!.headers, "x-envoy-decorator-operation")).toBeUndefined();
  },
);

const REFUSING: readonly Message[] = [
  { match: { path: "/direct" }, direct_response: { status: 200 }, decorator: { operation: "direct" } },
  { match: { path: "/moved" }, redirect: { path_redirect: "/" }, decorator: { operation: "moved" } },
  {
    match: { path: "/quiet" },
    direct_response: { status: 200 },
    decorator: { operation: "quiet", propagate: false },
  },
  { match: { path: "/down" }, route: { cluster: "upstream" }, decorator: { operation: "down" } },
];

for (const [direction, told] of [
  [INBOUND, ["direct", "moved", undefined, "down", undefined, undefined]],
  [OUTBOUND, [undefined, undefined, undefined, undefined, undefined, undefined]],
] as const)
  traffic(
    `the proxy's own answers tell the caller the operation as well: ${direction === INBOUND ? "ingress" : "egress"}`,
    { ...zipkin({}, {}, { ...direction, endpoints: ["closed"], routes: REFUSING }), legs: DIRECT },
    async ({ client }) => {
      const heard: (string | undefined)[] = [];
      for (const path of ["/direct", "/moved", "/quiet", "/down", "/missing"])
        heard.push(fieldOf((await client.request(path)).headers, "x-envoy-decorator-operation"));
      const named = await client.request("/direct", { headers: { "x-envoy-decorator-operation": "theirs" } });
      heard.push(fieldOf(named.headers, "x-envoy-decorator-operation"));
      expect(heard).toEqual([...told]);
      // Later ones would be the next case's.
      await spans(heard.length);
    },
  );

const METADATA: JsonValue = { filter_metadata: { own: { part: { list: [1, "a"] } } } };
traffic(
  "tags of the user's own; a route's stand over those of all",
  {
    ...zipkin(
      {
        custom_tags: [
          { tag: "literal", literal: { value: "of all" } },
          { tag: "header", request_header: { name: "x-there", default_value: "unused" } },
          { tag: "missing", request_header: { name: "x-missing", default_value: "instead" } },
          { tag: "nothing", request_header: { name: "x-missing" } },
          { tag: "environment", environment: { name: "HEDDLE_NO_SUCH", default_value: "none" } },
          { tag: "format", value: "%REQ(:METHOD)% %RESPONSE_CODE%" },
          { tag: "metadata", metadata: { kind: { route: {} }, metadata_key: { key: "own", path: [{ key: "part" }] } } },
        ],
      },
      {},
      {
        routes: [
          {
            match: { prefix: "/" },
            route: { cluster: "upstream" },
            metadata: METADATA,
            tracing: { custom_tags: [{ tag: "literal", literal: { value: "the route's" } }] },
          },
        ],
      },
    ),
    legs: DIRECT,
  },
  async ({ client }) => {
    await client.request("/", { headers: { "x-there": "here" } });
    const [{ tags }] = (await spans()) as readonly [ReceivedSpan];
    expect(tags).toMatchObject({
      literal: "the route's",
      header: "here",
      missing: "instead",
      environment: "none",
      format: "GET 200",
      metadata: '{"list":[1,"a"]}',
    });
    expect(tags.nothing).toBeUndefined();
  },
);

traffic(
  "a route may be traced otherwise",
  {
    ...zipkin(
      {},
      {},
      {
        routes: [
          { match: { path: "/never" }, route: { cluster: "upstream" }, tracing: { random_sampling: { numerator: 0 } } },
          { match: { prefix: "/" }, route: { cluster: "upstream" } },
        ],
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.request("/never");
    await client.request("/always");
    const told = await spans();
    expect(told.map(({ tags }) => tags["http.url"])).toEqual(["http://upstream.test/always"]);
    expect(application.requests.map(({ headers }) => fieldOf(headers, "x-b3-sampled"))).toEqual(["0", "1"]);
  },
);

traffic(
  "a gRPC call's span says so",
  { ...zipkin({}, {}, { application: "http2" }), legs: DIRECT },
  async ({ client, application }) => {
    application.v1.answers({
      kind: "respond",
      headers: [
        ["content-type", "application/grpc"],
        ["grpc-status", "5"],
        ["grpc-message", "gone"],
      ],
    });
    const http2 = await client.http2();
    const headers = { "content-type": "application/grpc", te: "trailers", "grpc-timeout": "5S" };
    await http2.request("/service/method", { method: "POST", headers });
    const [span] = await spans();
    expect(span!.tags).toMatchObject({
      "grpc.path": "/service/method",
      "grpc.authority": "upstream.test",
      "grpc.content_type": "application/grpc",
      "grpc.timeout": "5S",
      "grpc.status_code": "5",
      "grpc.message": "gone",
      "http.protocol": "HTTP/2",
    });
  },
);

const CALL = { method: "POST", headers: { "content-type": "application/grpc", te: "trailers" } };
const GRPC_HEAD = [["content-type", "application/grpc"]] as const;

traffic(
  "the spans of a call's attempts say what each came to, and the user's tags",
  {
    ...zipkin(
      {
        spawn_upstream_span: true,
        custom_tags: [
          { tag: "mine", literal: { value: "always" } },
          { tag: "code", value: "%RESPONSE_CODE%" },
        ],
      },
      {},
      {
        ...OUTBOUND,
        application: "http2",
        route: { retry_policy: { retry_on: "unavailable", num_retries: 2 } },
      },
    ),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    application.v1.answers(
      { kind: "respond", headers: [...GRPC_HEAD, ["grpc-status", "14"], ["grpc-message", "not now"]] },
      { kind: "respond", headers: [...GRPC_HEAD], body: "answer", trailers: [["grpc-status", "5"]] },
    );
    const http2 = await client.http2();
    await http2.request("/service/method", CALL);
    const [whole, first, second] = await spans(3);
    expect(first!.tags).toMatchObject({
      "http.status_code": "200",
      "grpc.status_code": "14",
      "grpc.message": "not now",
      error: "true",
      mine: "always",
    });
    expect(first!.tags.code).toBe("0");
    for (const span of [whole, second]) {
      expect(span!.tags).toMatchObject({ "grpc.status_code": "5", mine: "always", code: "200" });
      expect([span!.tags.error, span!.tags["grpc.message"]]).toEqual([undefined, undefined]);
    }
  },
);

traffic(
  "of the statuses of gRPC those are errors that the server is to blame for",
  { ...zipkin({}, {}, { application: "http2" }), legs: DIRECT },
  async ({ client, application }) => {
    const statuses = [...Array.from({ length: 18 }, (_, status) => String(status)), "99", "x"];
    application.v1.answers(
      ...statuses.map((status) => ({
        kind: "respond" as const,
        headers: [...GRPC_HEAD, ["grpc-status", status]] as const,
      })),
    );
    const http2 = await client.http2();
    for (const _ of statuses) await http2.request("/service/method", CALL);
    const failed = (await spans(statuses.length)).filter(({ tags }) => tags.error === "true");
    expect(failed.map(({ tags }) => tags["grpc.status_code"])).toEqual(["2", "4", "8", "12", "13", "14", "15"]);
  },
);

traffic(
  "a collector that does not answer holds nobody up, and is counted",
  {
    ...traced(
      provider("zipkin", { ...ZIPKIN, collector_cluster: "nobody" }),
      {},
      { clusters: { nobody: { endpoints: ["closed"] } } },
    ),
    legs: DIRECT,
  },
  async ({ client, process }) => {
    const failed = async () => {
      const stats = await process.admin("/stats/prometheus");
      return Number(/^envoy_tracing_zipkin_reports_(?:failed|dropped)(?:{[^}]*})? ([1-9]\d*)$/m.exec(stats)?.[1] ?? 0);
    };
    expect((await client.request("/")).status).toBe(200);
    await until("a failed report", async () => (await failed()) > 0);
  },
);
