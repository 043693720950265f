// Bytes inside of HTTP: tunnels that a proxy asks for, and those that it ends, at a socket or at a listener within the proxy.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { RawServer } from "../../../src/proxy/raw-peer-fixture.ts";
import { CLIENT, SERVER } from "./certificates.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import {
  downstreamTls,
  extension,
  httpManager,
  httpOptions,
  type Message,
  merge,
  RAW_BUFFER,
  socketAddress,
  tcpProxy,
  upstreamTls,
} from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

const DESTINATION = "10.1.1.1:8080";

/** Merged over the lab's cluster, which speaks HTTP/1.1. */
const HTTP2: Message = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    explicit_http_config: { http_protocol_options: null, http2_protocol_options: {} },
  },
};

function internalAddress(listener: string): Message {
  return { envoy_internal_address: { server_listener_name: listener, endpoint_id: DESTINATION } };
}

/** The endpoint's metadata is what the internal listener takes for the connection's destination. */
function internalCluster(name: string, listener: string, fields: Message = {}): Message {
  const endpoint = {
    endpoint: { address: internalAddress(listener) },
    metadata: { filter_metadata: { "envoy.filters.listener.original_dst": { local: DESTINATION } } },
  };
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    transport_socket: extension(
      "envoy.transport_sockets.internal_upstream",
      "extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
      {
        passthrough_metadata: [{ kind: { host: {} }, name: "envoy.filters.listener.original_dst" }],
        transport_socket: RAW_BUFFER,
      },
    ),
    ...fields,
  };
}

function internalListener(name: string, filter: Message): Message {
  return {
    name,
    internal_listener: {},
    listener_filters: [extension("original_dst", "extensions.filters.listener.original_dst.v3.OriginalDst")],
    filter_chains: [{ filters: [filter] }],
  };
}

/** Takes tunnels to one destination, and leads them to `cluster`. */
function terminator(cluster: string, upgrade: Message = {}): Message {
  const action = { cluster, upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {}, ...upgrade }] };
  const routes = [{ match: { connect_matcher: {} }, route: action }];
  return httpManager({
    http2_protocol_options: { allow_connect: true },
    upgrade_configs: [{ upgrade_type: "CONNECT" }],
    route_config: { name: "hbone", virtual_hosts: [{ name: "hbone", domains: [DESTINATION], routes }] },
  });
}

interface Hbone {
  readonly protocol?: "http1" | "http2";
  readonly tunneling?: Message;
  readonly terminator?: Message;
  readonly inner?: readonly Message[];
}

/** Bytes go to an internal listener, which asks another one for a tunnel to where they were going; that one ends it. */
function throughTunnel({
  protocol = "http2",
  tunneling = {},
  terminator: end = terminator("upstream"),
  inner = [],
}: Hbone) {
  const originate = tcpProxy({
    cluster: "hbone",
    tunneling_config: { hostname: "%DOWNSTREAM_LOCAL_ADDRESS%", ...tunneling },
  });
  const config: CaseConfiguration = {
    endpoints: ["bytes"],
    tcp: { cluster: "originate" },
    resources: {
      cds: [
        internalCluster("originate", "connect_originate"),
        internalCluster("hbone", "connect_terminate", { typed_extension_protocol_options: httpOptions(protocol) }),
      ],
      lds: [internalListener("connect_originate", originate), internalListener("connect_terminate", end), ...inner],
    },
  };
  return config;
}

async function echoes({ client, application }: Traffic): Promise<void> {
  const raw = await client.connect();
  raw.send("hello");
  await raw.hears("hello");
  const [connection] = application.bytes.connections;
  expect(connection!.text).toBe("hello");
  raw.end();
  await raw.isClosed();
  await until("the end", () => connection!.ended);
}

for (const protocol of ["http2", "http1"] as const)
  traffic(
    `bytes travel in a CONNECT of ${protocol}`,
    { legs: DIRECT, ...throughTunnel({ protocol }) },
    async (given) => {
      await echoes(given);
      expect((await given.logs(1))[0]).toMatchObject({ cluster: "originate", flags: "-", received: "5", sent: "5" });
    },
  );

traffic(
  "the server may end first",
  {
    legs: DIRECT,
    ...throughTunnel({}),
    differs: {
      envoy: {
        because: "the end of a tunnel's answer ends its request",
        async expect(given) {
          const raw = await given.client.connect();
          raw.send("hello");
          await raw.hears("hello");
          given.application.bytes.connections[0]!.end();
          await raw.isClosed();
        },
      },
    },
  },
  async ({ client, application }) => {
    const raw = await client.connect();
    raw.send("hello");
    await raw.hears("hello");
    const [connection] = application.bytes.connections;
    connection!.end();
    await raw.isClosed();
    raw.send("more");
    await connection!.hears("hellomore");
  },
);

traffic("what is large arrives whole", { legs: DIRECT, ...throughTunnel({}) }, async ({ client }) => {
  const raw = await client.connect();
  const body = "0123456789abcdef".repeat(64 * 1024);
  raw.send(body);
  for (let before = -1; raw.bytes < body.length && before < raw.bytes; ) {
    before = raw.bytes;
    await raw.hears(raw.text.length < body.length ? body.slice(0, Math.min(body.length, raw.text.length + 1)) : body);
  }
  expect(raw.text).toBe(body);
});

/** Answers a request as soon as its head is there, and does not end the answer. */
const EAGER = new RawServer((peer) => {
  if (peer.text.endsWith("\r\n\r\n")) peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nposted\r\n");
});
const is = (name: string, exact: string): Message => ({ name, string_match: { exact } });
const POST_ROUTES = [
  {
    match: {
      path: "/tunnel",
      headers: [is(":method", "POST"), is(":authority", DESTINATION), is("x-hbone", "yes"), is("x-to", DESTINATION)],
    },
    route: { cluster: "eager", timeout: "0s" },
  },
];

traffic(
  "bytes travel in a POST, with headers of its own",
  {
    legs: DIRECT,
    ...throughTunnel({
      tunneling: {
        use_post: true,
        post_path: "/tunnel",
        headers_to_add: [
          { header: { key: "x-hbone", value: "yes" } },
          { header: { key: "x-to", value: "%DOWNSTREAM_LOCAL_ADDRESS%" } },
        ],
      },
      terminator: httpManager({
        route_config: { name: "post", virtual_hosts: [{ name: "post", domains: ["*"], routes: POST_ROUTES }] },
      }),
    }),
    clusters: { eager: { endpoints: [EAGER.port] } },
  },
  async ({ client }) => {
    const raw = await client.connect();
    await raw.hears("posted");
    raw.send("hello");
    await EAGER.connections.at(-1)!.hears("5\r\nhello\r\n");
  },
);

traffic(
  "a tunnel that is refused ends the connection",
  { legs: DIRECT, ...throughTunnel({ tunneling: { hostname: "10.9.9.9:1" } }) },
  async ({ client, application }) => {
    // The refusal may be faster than the client's own handshake.
    const raw = await client.connect().catch(() => undefined);
    raw?.send("hello");
    await raw?.isClosed();
    expect([raw?.text ?? "", application.bytes.connections.length]).toEqual(["", 0]);
  },
);

const SAYING = httpManager({
  route_config: {
    name: "inner",
    virtual_hosts: [
      {
        name: "inner",
        domains: ["*"],
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "within" } } }],
      },
    ],
  },
});

traffic(
  "a tunnel may lead to a listener that reads requests in it",
  {
    legs: DIRECT,
    ...(() => {
      const base = throughTunnel({ terminator: terminator("inner"), inner: [internalListener("inner", SAYING)] });
      const cds = [...(base.resources?.cds ?? []), internalCluster("inner", "inner")];
      return { ...base, resources: { ...base.resources, cds } };
    })(),
  },
  async ({ client }) => {
    expect((await client.request("/")).text).toBe("within");
    expect((await client.inTurn(2, "/")).map(({ text }) => text)).toEqual(["within", "within"]);
  },
);

/** HBONE as ambient peers speak it: mutual TLS with ALPN h2 and no SNI. */
function overTls(port: number, host: string): CaseConfiguration {
  const tls = merge(upstreamTls(CLIENT, SERVER, ["h2"]), { typed_config: { sni: null } });
  return {
    endpoints: ["bytes"],
    tcp: { cluster: "hbone", tunneling_config: { hostname: DESTINATION } },
    clusters: {
      hbone: {
        endpoints: [port],
        fields: {
          typed_extension_protocol_options: HTTP2,
          transport_socket: tls,
          load_assignment: {
            cluster_name: "hbone",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port, host) } }] }],
          },
        },
      },
    },
    resources: {
      lds: [
        {
          name: "hbone",
          address: socketAddress(0),
          listener_filters: [extension("tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector")],
          filter_chains: [
            {
              name: "hbone",
              filter_chain_match: { application_protocols: ["h2"], transport_protocol: "tls" },
              filters: [terminator("upstream")],
              transport_socket: downstreamTls(SERVER, CLIENT, ["h2"]),
            },
          ],
        },
      ],
    },
  };
}

traffic(
  "tunnels over mutual TLS with ALPN h2 and no SNI",
  { legs: DIRECT, ...overTls(1, "127.0.0.1") },
  async (given) => {
    const { host, port } = await given.process.place("hbone");
    await given.update(overTls(port, host));
    await echoes(given);
    // Several tunnels share a connection.
    const many = await Promise.all(Array.from({ length: 8 }, () => given.client.connect()));
    for (const [i, raw] of many.entries()) raw.send(`tunnel ${i}`);
    for (const [i, raw] of many.entries()) await raw.hears(`tunnel ${i}`);
    expect(await given.process.admin("/clusters")).toMatch(/^hbone::127\.0\.0\.1:\d+::cx_total::1$/m);
  },
);
