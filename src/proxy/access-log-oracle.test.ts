// One bootstrap, the same requests, Envoy and this proxy: the lines of their access logs are the same.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { TestEnvoy } from "./envoy-fixture.ts";
import { type RunningProxy, startProxy } from "./main.ts";
import { httpFilter, listener, type Message, parse, staticCluster } from "./proxy-fixture.ts";
import { connectRaw, RawServer, until } from "./raw-peer-fixture.ts";

const envoyProgram = findComponent("envoy");
/** Without Envoy a test is skipped by name, but not where it must be there. */
const skipWithoutEnvoy = !envoyProgram && process.env.CI !== "true";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** Answers by path; `/a/slow` never. Quotes, a tab, and bytes that are no UTF-8 in the headers. */
const RESPONSE = [
  "HTTP/1.1 200 OK",
  'x-odd: caf\u00e9 "q" \\\tx',
  "x-utf8: caf\u00c3\u00a9 \u00e2\u0082\u00ac",
  "x-empty:",
  "x-two: one",
  "x-two: two",
  "date: Thu, 01 Jan 2026 00:00:00 GMT",
  "transfer-encoding: chunked",
  "",
  "5\r\nhello\r\n0\r\nx-t: end\r\ngrpc-status: 5\r\n\r\n",
].join("\r\n");

const REQUESTS: readonly (readonly string[])[] = [
  [
    "POST /a/b?a=1&b=2&c=hello%20w&a=3&flag HTTP/1.1",
    "host: shop.example:80",
    "x-q: qv",
    "x-two: one",
    "x-two: two",
    "x-empty:",
    'x-odd: "\u00ff"',
    "user-agent: ua",
    "x-request-id: 7f1c2d3e-0000-4000-8000-000000000001",
    "content-length: 3",
    "",
    "abc",
  ],
  ["GET /a/x HTTP/1.1", "host: shop", "content-type: application/grpc", "te: trailers", "", ""],
  ["GET /nowhere HTTP/1.1", "host: shop", "", ""],
  ["GET /dead HTTP/1.1", "host: shop", "", ""],
];

/** Values that both must have alike, by key. */
const SAME = [
  "%PROTOCOL%",
  "%UPSTREAM_PROTOCOL%",
  "%RESPONSE_CODE%",
  "%RESPONSE_FLAGS%",
  "%RESPONSE_FLAGS_LONG%",
  "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%",
  "%CONNECTION_TERMINATION_DETAILS%",
  "%BYTES_RECEIVED%",
  "%BYTES_SENT%",
  "%RESPONSE_TRAILERS_BYTES%",
  "%UPSTREAM_HOST%",
  "%UPSTREAM_CLUSTER%",
  "%UPSTREAM_CLUSTER_RAW%",
  "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
  "%UPSTREAM_REMOTE_ADDRESS%",
  "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%UPSTREAM_REMOTE_PORT%",
  "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  "%UPSTREAM_PEER_URI_SAN%",
  "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
  "%DOWNSTREAM_PEER_URI_SAN%",
  "%DOWNSTREAM_PEER_SUBJECT%",
  "%DOWNSTREAM_TLS_VERSION%",
  "%REQUESTED_SERVER_NAME%",
  "%REQUESTED_SERVER_NAME(SNI_FIRST)%",
  "%REQUESTED_SERVER_NAME(HOST_FIRST)%",
  "%ROUTE_NAME%",
  "%VIRTUAL_CLUSTER_NAME%",
  "%HOSTNAME%",
  "%ACCESS_LOG_TYPE%",
  "%GRPC_STATUS%",
  "%GRPC_STATUS(SNAKE_STRING)%",
  "%GRPC_STATUS(NUMBER)%",
  "%GRPC_STATUS_NUMBER%",
  "%REQ(X-Q)%",
  "%REQ(X-NONE)%",
  "%REQ(X-NONE?X-Q)%",
  "%REQ(X-EMPTY)%",
  "%REQ(X-TWO)%",
  "%REQ(X-ODD)%",
  "%REQ(:METHOD)%",
  "%REQ(:PATH):3%",
  "%REQUEST_HEADER(:AUTHORITY)%",
  "%RESP(X-ODD)%",
  "%RESP(X-UTF8)%",
  "%RESP(X-EMPTY)%",
  "%RESP(X-TWO)%",
  "%RESPONSE_HEADER(:STATUS)%",
  "%TRAILER(X-T)%",
  "%RESPONSE_TRAILER(X-NONE)%",
  "%PATH%",
  "%PATH(WQ):4%",
  "%PATH(NQ)%",
  "%PATH(WQ:PATH)%",
  "%PATH(NQ:ORIG)%",
  "%QUERY_PARAM(a)%",
  "%QUERY_PARAM(c):2%",
  "%QUERY_PARAM(none)%",
  "%QUERY_PARAM(flag)%",
  "%QUERY_PARAMS%",
  "%METADATA(ROUTE:shop:owner)%",
  "%METADATA(ROUTE:shop)%",
  "%METADATA(ROUTE:shop:size)%",
  "%METADATA(ROUTE:shop:deep:er)%",
  "%METADATA(ROUTE:shop:none)%",
  "%CLUSTER_METADATA(c:k)%",
  "%UPSTREAM_METADATA(h:k)%",
  "%METADATA(UPSTREAM_HOST:h)%",
  "%ENVIRONMENT(HOME)%",
  "%ENVIRONMENT(NOT_SET_ANYWHERE)%",
  "%EMIT_TIME(%Y)%",
  "%START_TIME(%Y-%m %j %Z %z %%)%",
];

/** Numbers of time, which are there or not there alike. */
const PRESENT = [
  "%DURATION%",
  "%REQUEST_DURATION%",
  "%REQUEST_TX_DURATION%",
  "%RESPONSE_DURATION%",
  "%RESPONSE_TX_DURATION%",
  "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
  "%COMMON_DURATION(US_RX_BEG:US_RX_END:ns)%",
  "%COMMON_DURATION(DS_RX_END:DS_TX_BEG:ms)%",
  "%UPSTREAM_LOCAL_PORT%",
  "%DOWNSTREAM_LOCAL_PORT%",
  "%DOWNSTREAM_REMOTE_PORT%",
  "%CONNECTION_ID%",
  "%STREAM_ID%",
  "%UNIQUE_ID%",
  "%START_TIME%",
  "%START_TIME(%s.%3f)%",
];

/** Nested, with everything that is peculiar about types, order, escapes and what is empty. */
const NESTED: Message = {
  b: {
    z: "%PROTOCOL%",
    a: ["%RESPONSE_CODE%", 5, true, null, "%REQ(X-NONE)%", { x: "%BYTES_SENT%", y: "%REQ(X-NONE)%" }, []],
  },
  A: "%REQ(X-NONE)%",
  a: "x%REQ(X-NONE)%y %RESPONSE_CODE%",
  number: 1.5,
  zero: -0,
  big: 1e21,
  exact: 12345678901234567000,
  small: 0.1,
  no: false,
  plain: 'said "q" \u00e9 \u20ac / </script>\n',
  empty: "",
  nothing: null,
  odd: "%RESP(X-ODD)%",
  "odd in text": "[%RESP(X-ODD)%]",
  utf8: "%RESP(X-UTF8)%",
  "utf8 in text": 'x"%RESP(X-UTF8)%',
  metadata: "%METADATA(ROUTE:shop)%",
  "metadata in text": "m%METADATA(ROUTE:shop)%",
  percent: "%%",
  "all empty": { q: "%REQ(X-NONE)%" },
  "list of nothing": ["%REQ(X-NONE)%", { q: "%REQ(X-NONE)%" }],
  twice: "%REQ(X-NONE)%%REQ(X-NONE)%",
  'k"e\u00e9y': "1",
  more: "%RESPONSE_CODE%%%",
  hollow: { e: {} },
  "%REQ(X-Q)%": "a key is no format",
};

const LINES =
  "%PROTOCOL% [%REQ(X-NONE)%] [%REQ(X-EMPTY)%] %METADATA(ROUTE:shop)% %RESP(X-ODD)% %RESPONSE_CODE%\u00e9\n";

type Filter = Message;
const status = (op: string, value: number): Filter => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: "k" } } },
});

/** Each with a log of its own, of which the number of lines counts. */
const FILTERS: Readonly<Record<string, Filter>> = {
  equal: status("EQ", 200),
  atLeast: status("GE", 404),
  atMost: status("LE", 200),
  duration: { duration_filter: { comparison: { op: "GE", value: { default_value: 600_000, runtime_key: "k" } } } },
  health: { not_health_check_filter: {} },
  header: { header_filter: { header: { name: "x-q", string_match: { exact: "qv" } } } },
  absent: { header_filter: { header: { name: "x-q", present_match: true, invert_match: true } } },
  anyFlag: { response_flag_filter: {} },
  flag: { response_flag_filter: { flags: ["NR", "UH"] } },
  grpc: { grpc_status_filter: { statuses: ["NOT_FOUND"] } },
  notGrpc: { grpc_status_filter: { statuses: ["NOT_FOUND"], exclude: true } },
  never: { runtime_filter: { runtime_key: "k", percent_sampled: { numerator: 0, denominator: "HUNDRED" } } },
  always: { runtime_filter: { runtime_key: "k", percent_sampled: { numerator: 10_000, denominator: "TEN_THOUSAND" } } },
  type: { log_type_filter: { types: ["DownstreamEnd"] } },
  notType: { log_type_filter: { types: ["DownstreamEnd"], exclude: true } },
  and: { and_filter: { filters: [status("GE", 400), { response_flag_filter: { flags: ["NR"] } }] } },
  or: { or_filter: { filters: [status("EQ", 503), { response_flag_filter: { flags: ["NR"] } }] } },
};

function asStruct(operators: readonly string[]): Message {
  return Object.fromEntries(operators.map((operator) => [operator.replaceAll("%", "$"), operator]));
}

function log(path: string, format: Message, filter?: Filter): Message {
  return {
    name: "envoy.access_loggers.file",
    typed_config: { "@type": FILE, path, ...format },
    ...(filter ? { filter } : {}),
  };
}

function accessLogs(folder: string): Message[] {
  const path = (name: string) => join(folder, name);
  return [
    log(path("same"), { log_format: { json_format: asStruct(SAME) } }),
    log(path("present"), { log_format: { json_format: asStruct(PRESENT) } }),
    log(path("nested"), { log_format: { json_format: NESTED } }),
    log(path("omit"), { log_format: { json_format: NESTED, omit_empty_values: true } }),
    log(path("text"), { log_format: { text_format_source: { inline_string: LINES } } }),
    log(path("text-omit"), { log_format: { text_format_source: { inline_string: LINES }, omit_empty_values: true } }),
    log(path("sorted"), { log_format: { json_format: NESTED, json_format_options: { sort_properties: true } } }),
    ...Object.entries(FILTERS).map(([name, filter]) =>
      log(path(name), { log_format: { text_format_source: { inline_string: "%RESPONSE_CODE%\n" } } }, filter),
    ),
  ];
}

function resources(folder: string, upstream: number): Message {
  const shop = { owner: "o\u00e9", size: 5, deep: { er: "d", b: true }, a: [1, "x"] };
  const routes = [
    {
      name: "shop-route",
      match: { prefix: "/a" },
      metadata: { filter_metadata: { shop } },
      route: { cluster: "upstream", prefix_rewrite: "/rewritten" },
      request_headers_to_add: [
        { header: { key: "x-protocol", value: "%PROTOCOL%-%REQ(X-Q)%" } },
        { header: { key: "x-absent", value: "%REQ(X-NONE)%" } },
        { header: { key: "x-absent-too", value: "a%REQ(X-NONE)%b" } },
      ],
    },
    { name: "dead", match: { prefix: "/dead" }, route: { cluster: "dead" } },
  ];
  const filter = httpFilter({ name: "http", routes, settings: { access_log: accessLogs(folder) } });
  const upstreamCluster = staticCluster("upstream", [], {
    alt_stat_name: "alternative",
    metadata: { filter_metadata: { c: { k: "cv" } } },
    load_assignment: {
      cluster_name: "upstream",
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: upstream } } },
              metadata: { filter_metadata: { h: { k: "hv", n: 1 } } },
            },
          ],
        },
      ],
    },
  });
  return { listeners: [listener("http", filter)], clusters: [upstreamCluster, staticCluster("dead", [])] };
}

/** The logs of one proxy, after all requests, and what its upstream was sent. */
interface Seen {
  readonly logs: ReadonlyMap<string, readonly string[]>;
  readonly upstream: string;
}

async function drive(port: number): Promise<void> {
  for (const request of REQUESTS) {
    const client = await connectRaw(port);
    client.send(request.join("\r\n"));
    await until(`a response to ${request[0]}`, () =>
      /HTTP\/1\.1 (200[\s\S]*\r\n0\r\n[\s\S]*\r\n\r\n|[45]\d\d [\s\S]*\r\n\r\n)/.test(client.text),
    );
    client.reset();
  }
}

function lines(path: string): string[] {
  return readFileSync(path, "latin1").split("\n").slice(0, -1);
}

const ALL = ["same", "present", "nested", "omit", "text", "text-omit", "sorted"];

/** `like`: what the other proxy wrote. Files are written in the background, each when it is its turn. */
async function collect(folder: string, upstream: RawServer, like?: Seen): Promise<Seen> {
  await until("all lines", () => ALL.every((name) => lines(join(folder, name)).length >= REQUESTS.length));
  const names = [...ALL, ...Object.keys(FILTERS)];
  const wanted = (name: string) => like?.logs.get(name)?.length ?? 0;
  // A filter that lets too little pass is what the tests below say better than this would.
  await until("as many lines", () => names.every((name) => lines(join(folder, name)).length >= wanted(name))).catch(
    () => {},
  );
  return { logs: new Map(names.map((name) => [name, lines(join(folder, name))])), upstream: upstream.text };
}

const root = mkdtempSync(join(tmpdir(), "access-log-oracle-"));
const seen: { envoy?: Seen; heddle?: Seen } = {};

/** One answer for every whole request: a head, and `abc` behind that of a POST. */
function answering(): RawServer {
  const answered = new WeakMap<object, number>();
  return new RawServer((peer) => {
    const from = answered.get(peer) ?? 0;
    if (!/^(GET [\s\S]*\r\n\r\n|POST [\s\S]*\r\n\r\nabc)$/.test(peer.text.slice(from))) return;
    answered.set(peer, peer.text.length);
    peer.send(RESPONSE);
  });
}

async function withEnvoy(): Promise<Seen> {
  const upstream = answering();
  const folder = mkdtempSync(join(root, "envoy-"));
  const envoy = new TestEnvoy(envoyProgram ?? "envoy", resources(folder, upstream.port));
  try {
    await drive(await envoy.port());
    // Envoy writes what is left when it ends.
    await envoy.close();
    return await collect(folder, upstream);
  } finally {
    await envoy.close();
    upstream.close();
  }
}

async function withHeddle(): Promise<Seen> {
  const upstream = answering();
  const folder = mkdtempSync(join(root, "heddle-"));
  const bootstrap = parse(BootstrapSchema, {
    node: { id: "test", cluster: "test" },
    static_resources: resources(folder, upstream.port),
  });
  const proxy: RunningProxy = startProxy({ bootstrap, version: "test", drainMs: 0, reusePort: false });
  try {
    await drive(proxy.configuration.listenerManager.listeners.get("http")!.port);
    await proxy.stop();
    return await collect(folder, upstream, seen.envoy);
  } finally {
    await proxy.stop();
    upstream.close();
  }
}

function logsOf(name: string): { envoy: readonly string[]; heddle: readonly string[] } {
  return { envoy: seen.envoy?.logs.get(name) ?? [], heddle: seen.heddle?.logs.get(name) ?? [] };
}

if (!skipWithoutEnvoy)
  beforeAll(async () => {
    seen.envoy = await withEnvoy();
    seen.heddle = await withHeddle();
  }, 30_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The port of the upstream differs between the two runs. */
function withoutPorts(line: string): Record<string, unknown> {
  return JSON.parse(line.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT").replaceAll(/:\d{4,5},/g, ":0,"));
}

test.skipIf(skipWithoutEnvoy)("operators say what Envoy's say (needs envoy)", () => {
  const { envoy, heddle } = logsOf("same");
  expect(envoy.length).toBe(REQUESTS.length);
  for (const [i, line] of envoy.entries()) expect([i, withoutPorts(heddle[i]!)]).toEqual([i, withoutPorts(line)]);
});

test.skipIf(skipWithoutEnvoy)("times and numbers are there when Envoy's are (needs envoy)", () => {
  const { envoy, heddle } = logsOf("present");
  const kinds = (line: string) =>
    Object.fromEntries(
      Object.entries(JSON.parse(line)).map(([key, value]) => [key, value === null ? null : typeof value]),
    );
  for (const [i, line] of envoy.entries()) expect([i, kinds(heddle[i]!)]).toEqual([i, kinds(line)]);
});

for (const name of ["nested", "omit", "sorted", "text", "text-omit"]) {
  test.skipIf(skipWithoutEnvoy)(`the bytes of the format "${name}" are Envoy's (needs envoy)`, () => {
    const { envoy, heddle } = logsOf(name);
    expect(envoy.length).toBe(REQUESTS.length);
    expect(heddle).toEqual([...envoy]);
  });
}

for (const name of Object.keys(FILTERS)) {
  test.skipIf(skipWithoutEnvoy)(`the filter "${name}" lets pass what Envoy's does (needs envoy)`, () => {
    const { envoy, heddle } = logsOf(name);
    expect(heddle).toEqual([...envoy]);
  });
}

test.skipIf(skipWithoutEnvoy)("header operations use the same values (needs envoy)", () => {
  const added = ({ upstream }: Seen) => upstream.match(/^x-(protocol|absent|absent-too): .*$/gm);
  expect(added(seen.heddle!)).toEqual(added(seen.envoy!));
});
