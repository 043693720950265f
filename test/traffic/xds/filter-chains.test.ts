// Which filter chain a connection takes, and what TLS that chain ends: chosen by the client's first bytes, before the handshake.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { CLIENT, identityOf, SERVER } from "./certificates.ts";
import { DIRECT } from "./configuration.ts";
import { BYTES } from "./lab.ts";
import { downstreamTls, extension, httpManager, type Message, merge, tcpProxy, typed } from "./message.ts";
import { TlsClient, type TlsOptions } from "./tls-client.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";

const TLS_INSPECTOR = extension("tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector");
const HTTP_INSPECTOR = extension("http_inspector", "extensions.filters.listener.http_inspector.v3.HttpInspector");
const A = identityOf("a");
const B = identityOf("b");

/** Says which chain it is. */
function saying(name: string): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: name } } }];
  return httpManager({ route_config: { name, virtual_hosts: [{ name, domains: ["*"], routes }] } });
}

/** TLS with a certificate and no client certificate. */
function serverTls(
  { chain, key }: typeof A,
  alpn: readonly string[] = ["h2", "http/1.1"],
  parameters?: Message,
): Message {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
      common_tls_context: {
        alpn_protocols: [...alpn],
        ...(parameters && { tls_params: parameters }),
        tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }],
      },
    }),
  };
}

function chain(name: string, match: Message | undefined, more: Message = {}): Message {
  return { name, ...(match && { filter_chain_match: match }), filters: [saying(name)], ...more };
}

async function overTls({ client }: Traffic, options: TlsOptions): Promise<TlsClient> {
  const tls = await TlsClient.connect(client.place, options);
  return tls;
}

async function bodyOver(traffic: Traffic, options: TlsOptions): Promise<readonly [body: string, server: string]> {
  const tls = await overTls(traffic, options);
  try {
    return [await tls.body(), tls.server];
  } finally {
    tls.close();
  }
}

const MESH_ALPN = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

traffic(
  "one port takes mutual TLS of the mesh, TLS of the application and plaintext",
  {
    legs: DIRECT,
    endpoints: ["bytes"],
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [
        chain(
          "mesh",
          { transport_protocol: "tls", application_protocols: MESH_ALPN },
          { transport_socket: downstreamTls(SERVER, CLIENT, ["istio-peer-exchange", "h2", "http/1.1"]) },
        ),
        {
          name: "application",
          filter_chain_match: { transport_protocol: "tls" },
          filters: [tcpProxy({ cluster: "upstream" })],
        },
        chain("plain", { transport_protocol: "raw_buffer" }),
      ],
    },
  },
  async (given) => {
    const { client, application } = given;
    expect((await client.request("/")).text).toBe("plain");
    const mesh = { alpn: ["istio-http/1.1", "istio", "http/1.1"], identity: CLIENT };
    expect(await bodyOver(given, mesh)).toEqual(["mesh", SERVER.uri]);
    // Nothing in common with the server's list: served without ALPN.
    expect(await bodyOver(given, { alpn: ["istio"], identity: CLIENT })).toEqual(["mesh", SERVER.uri]);
    // Without a certificate: in TLS 1.3 the client learns of the refusal when it reads.
    const stranger = await overTls(given, { alpn: ["istio"] }).catch(() => undefined);
    expect((await stranger?.body()) ?? "").toBe("");
    // A hello of anybody else passes as it is: the application gets it.
    overTls(given, { serverName: "app.example.com", alpn: ["http/1.1"] }).catch(() => {});
    const heard = () => application.bytes.connections.map(({ text }) => text).join("");
    await until("the hello at the application", () => heard().includes("app.example.com"));
  },
);

traffic(
  "the server's name chooses chain and certificate, exact before wildcard, longer wildcards first",
  {
    legs: DIRECT,
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [
        chain("any", {}, { transport_socket: serverTls(SERVER) }),
        chain("example", { server_names: ["*.example.com"] }, { transport_socket: serverTls(A) }),
        chain("deep", { server_names: ["*.deep.example.com", "*.other.org"] }, { transport_socket: serverTls(B) }),
        chain("exact", { server_names: ["www.example.com"] }, { transport_socket: serverTls(B) }),
      ],
    },
  },
  async (given) => {
    const chosen = (serverName: string) => bodyOver(given, { serverName });
    expect(await chosen("www.example.com")).toEqual(["exact", B.uri]);
    expect(await chosen("WWW.Example.Com")).toEqual(["exact", B.uri]);
    expect(await chosen("a.example.com")).toEqual(["example", A.uri]);
    expect(await chosen("a.b.example.com")).toEqual(["example", A.uri]);
    expect(await chosen("a.deep.example.com")).toEqual(["deep", B.uri]);
    expect(await chosen("deep.example.com")).toEqual(["example", A.uri]);
    expect(await chosen("example.com")).toEqual(["any", SERVER.uri]);
    expect(await bodyOver(given, {})).toEqual(["any", SERVER.uri]);
    expect(await bodyOver(given, { serverName: "a.example.com", pieces: 3 })).toEqual(["example", A.uri]);
    expect(await bodyOver(given, { serverName: "a.example.com", maxVersion: "TLSv1.2" })).toEqual(["example", A.uri]);
  },
);

traffic(
  "a chain that fits in an earlier criterion hides those that fit in later ones alone",
  {
    legs: DIRECT,
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [
        chain("elsewhere", {
          transport_protocol: "raw_buffer",
          source_prefix_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }],
        }),
        chain("loopback", {
          source_type: "SAME_IP_OR_LOOPBACK",
          source_prefix_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }],
        }),
      ],
      default_filter_chain: chain("default", undefined),
    },
  },
  async ({ client }) => {
    expect((await client.request("/")).text).toBe("default");
  },
);

traffic(
  "source ranges, the longest first, and source ports",
  {
    legs: DIRECT,
    listener: {
      filter_chains: [
        chain("8", { source_prefix_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] }),
        chain("32", { source_prefix_ranges: [{ address_prefix: "127.0.0.1", prefix_len: 32 }], source_ports: [1] }),
        chain("external", { source_type: "EXTERNAL" }),
      ],
      default_filter_chain: chain("default", undefined),
    },
  },
  async ({ client }) => {
    // 127.0.0.1/32 fits better and is for port 1 alone: nothing is left.
    expect((await client.request("/")).text).toBe("default");
  },
);

traffic(
  "a connection for which there is no chain is closed",
  {
    legs: DIRECT,
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [chain("tls", { transport_protocol: "tls" }, { transport_socket: serverTls(A) })],
    },
  },
  async (given) => {
    const raw = await given.client.connect();
    raw.send("GET / HTTP/1.1\r\nhost: lab\r\n\r\n");
    await raw.isClosed();
    expect(raw.text).toBe("");
    expect(await bodyOver(given, {})).toEqual(["tls", A.uri]);
  },
);

traffic(
  "what begins like TLS and is no hello is plaintext",
  {
    legs: DIRECT,
    endpoints: ["bytes"],
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [
        chain("tls", { transport_protocol: "tls" }, { transport_socket: serverTls(A) }),
        { name: "raw", filters: [tcpProxy({ cluster: "upstream" })] },
      ],
    },
  },
  async ({ client }) => {
    for (const bytes of ["\x16\x03\x01\x00\x05\x02hello", "\x16\x05\x01\x00\x05hello", "\x17\x03\x01\x00\x05hello"]) {
      const raw = await client.connect();
      raw.send(bytes);
      await raw.hears(bytes);
    }
  },
);

traffic(
  "what a client speaks in the clear is told from its request line",
  {
    legs: DIRECT,
    endpoints: ["bytes"],
    listener: {
      listener_filters: [TLS_INSPECTOR, HTTP_INSPECTOR],
      filter_chains: [
        chain("http1", { application_protocols: ["http/1.1"], transport_protocol: "raw_buffer" }),
        {
          name: "bytes",
          filter_chain_match: { transport_protocol: "raw_buffer" },
          filters: [tcpProxy({ cluster: "upstream" })],
        },
      ],
    },
  },
  async ({ client }) => {
    const slow = await client.connect();
    // Byte by byte is src/proxy/inspection.test.ts's: Envoy's inspector then sometimes waits for more than there is.
    slow.send("GET / HT");
    await Bun.sleep(20);
    slow.send("TP/1.1\r\nhost: lab\r\n\r\n");
    await slow.hears("http1");
    const bytes = await client.connect();
    bytes.send("HELO mail\r\n");
    await bytes.hears("HELO mail\r\n");
  },
);

function timing(continues: boolean): Message {
  return {
    listener_filters: [TLS_INSPECTOR],
    listener_filters_timeout: "0.3s",
    continue_on_listener_filters_timeout: continues,
    filter_chains: [
      chain("tls", { transport_protocol: "tls" }, { transport_socket: serverTls(A) }),
      { name: "bytes", filters: [tcpProxy({ cluster: "upstream" })] },
    ],
  };
}

traffic(
  "a client that waits for the server to speak is served after the time-out, if it may go on",
  { legs: DIRECT, endpoints: ["bytes"], listener: timing(true) },
  async ({ client, application }) => {
    const raw = await client.connect();
    await until("a connection to the server", () => application.bytes.connections.length === 1);
    application.bytes.connections[0]!.send("220 ready\r\n");
    await raw.hears("220 ready\r\n");
    raw.send("HELO\r\n");
    await raw.hears("HELO\r\n");
  },
);

traffic(
  "a client that says nothing is closed after the time-out otherwise",
  { legs: DIRECT, endpoints: ["bytes"], listener: timing(false) },
  async ({ client, application }) => {
    const raw = await client.connect();
    await raw.isClosed();
    expect(application.bytes.connections).toHaveLength(0);
  },
);

const STRANGER = identityOf("stranger");

function oneChain(context: Message): Message {
  const transport_socket = merge(downstreamTls(SERVER, CLIENT, ["http/1.1"]), { typed_config: context });
  return { listener_filters: [TLS_INSPECTOR], filter_chains: [chain("named", undefined, { transport_socket })] };
}

/** "" when the client is not served. */
async function bodyOrNothing(given: Traffic, options: TlsOptions): Promise<string> {
  const tls = await overTls(given, options).catch(() => undefined);
  return (await tls?.body()) ?? "";
}

traffic(
  "a client whose certificate has another name is not served",
  { legs: DIRECT, listener: oneChain({}) },
  async (given) => {
    expect(await bodyOrNothing(given, { identity: CLIENT })).toBe("named");
    expect(await bodyOrNothing(given, { identity: STRANGER })).toBe("");
  },
);

traffic(
  "a client without SNI is not served where one is required",
  {
    legs: DIRECT,
    listener: oneChain({ require_sni: true }),
    differs: {
      envoy: {
        because: "require_sni is not implemented there",
        expect: async (given) => expect(await bodyOrNothing(given, { identity: CLIENT })).toBe("named"),
      },
    },
  },
  async (given) => {
    expect(await bodyOrNothing(given, { identity: CLIENT, serverName: "a.example.com" })).toBe("named");
    expect(await bodyOrNothing(given, { identity: CLIENT })).toBe("");
  },
);

traffic(
  "a client of other curves than the listener's is not served",
  {
    legs: DIRECT,
    listener: {
      filter_chains: [
        chain("curved", undefined, { transport_socket: serverTls(A, [], { ecdh_curves: ["P-384", "P-521"] }) }),
      ],
    },
  },
  async (given) => {
    expect(await bodyOrNothing(given, { curve: "P-521" })).toBe("curved");
    expect(await bodyOrNothing(given, { curve: "P-384" })).toBe("curved");
    expect(await bodyOrNothing(given, { curve: "P-256" })).toBe("");
  },
);

refused(
  "a curve that there is not",
  {
    listener: {
      filter_chains: [chain("curved", undefined, { transport_socket: serverTls(A, [], { ecdh_curves: ["P-385"] }) })],
    },
  },
  (reason) => expect(reason).toContain("curve"),
);

refused(
  "two chains for the same connections",
  {
    listener: {
      filter_chains: [
        chain("one", { server_names: ["a.example.com", "b.example.com"] }),
        chain("two", { server_names: ["b.example.com"] }),
      ],
    },
  },
  (reason) => expect(reason).toContain("overlapping matching rules"),
);

refused(
  "a wildcard within a name",
  { listener: { filter_chains: [chain("one", { server_names: ["a.*.example.com"] })] } },
  (reason) => expect(reason).not.toBe(""),
);

const DNS_CACHE = { name: "by-sni", dns_lookup_family: "V4_ONLY" };

traffic(
  "the host that the client's SNI names is looked up, and is called under the filter's port; without SNI there is none",
  {
    legs: DIRECT,
    endpoints: ["bytes"],
    clusters: {
      upstream: {
        fields: {
          type: null,
          load_assignment: null,
          lb_policy: "CLUSTER_PROVIDED",
          cluster_type: extension(
            "envoy.clusters.dynamic_forward_proxy",
            "extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
            { dns_cache_config: DNS_CACHE, allow_insecure_cluster_options: true },
          ),
        },
      },
    },
    listener: {
      listener_filters: [TLS_INSPECTOR],
      filter_chains: [
        {
          filters: [
            extension("by_sni", "extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig", {
              dns_cache_config: DNS_CACHE,
              port_value: BYTES.port,
            }),
            tcpProxy({ cluster: "upstream" }),
          ],
        },
      ],
    },
  },
  async (given) => {
    const heard = () => given.application.bytes.connections.map(({ text }) => text).join("");
    overTls(given, { serverName: "localhost" }).catch(() => {});
    await until("the hello at the application", () => heard().includes("localhost"));
    for (const serverName of [undefined, "nobody.invalid"]) {
      const before = given.application.bytes.connections.length;
      expect(
        await overTls(given, serverName === undefined ? {} : { serverName }).then(
          () => "served",
          () => "closed",
        ),
      ).toBe("closed");
      expect(given.application.bytes.connections.length).toBe(before);
    }
  },
);
