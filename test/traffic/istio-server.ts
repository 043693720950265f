// A server of another mesh: Envoy with the chains that istiod gives a sidecar (pilot's filterchain_options.go), one port of the machine for each
// of the application's, in place of the redirection that a captured workload has.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { eventually, untilListening } from "./mesh.ts";
import type { Identity } from "./xds/certificates.ts";
import { extension, fileLog, httpManager, type Message, socketAddress, tcpProxy } from "./xds/message.ts";

export type ServerMode = "permissive" | "strict";
/** What istiod takes the port for. */
type Declared = "http" | "http2" | "tcp" | "undeclared";

export interface ServedPort {
  readonly name: string;
  readonly port: number;
  readonly application: number;
  readonly declared: Declared;
  readonly mode: ServerMode;
  readonly maxVersion?: "TLSv1_2" | undefined;
}

/** One connection of bytes, or one request. */
export interface ServerLine {
  /** Of the port, and behind it what kind of chain took the connection: `http` or `tcp`, `mtls` or `plain` or `tls` that is passed on. */
  readonly chain: string;
  readonly protocol: string;
  readonly sni: string;
  readonly version: string;
  readonly peer: string;
}

const HTTP_ALPN = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
const BYTES_ALPN = ["istio-peer-exchange", "istio"];
const ALL_ALPN = ["istio", "istio-peer-exchange", ...HTTP_ALPN];
const PLAIN_HTTP = ["http/1.1", "h2c"];

type Match = Readonly<{ transport_protocol?: string; application_protocols?: string[] }>;

interface ChainKind {
  readonly takes: "http" | "tcp";
  readonly over: "mtls" | "plain" | "tls";
  readonly match: Match;
}

const CHAINS: Readonly<Record<ServerMode, Readonly<Record<Exclude<Declared, "http2">, readonly ChainKind[]>>>> = {
  permissive: {
    http: [
      { takes: "http", over: "mtls", match: { transport_protocol: "tls", application_protocols: ALL_ALPN } },
      { takes: "http", over: "plain", match: { transport_protocol: "raw_buffer" } },
    ],
    tcp: [
      { takes: "tcp", over: "mtls", match: { transport_protocol: "tls", application_protocols: ALL_ALPN } },
      { takes: "tcp", over: "plain", match: { transport_protocol: "raw_buffer" } },
      { takes: "tcp", over: "tls", match: { transport_protocol: "tls" } },
    ],
    undeclared: [
      { takes: "http", over: "mtls", match: { transport_protocol: "tls", application_protocols: HTTP_ALPN } },
      { takes: "http", over: "plain", match: { transport_protocol: "raw_buffer", application_protocols: PLAIN_HTTP } },
      { takes: "tcp", over: "mtls", match: { transport_protocol: "tls", application_protocols: BYTES_ALPN } },
      { takes: "tcp", over: "plain", match: { transport_protocol: "raw_buffer" } },
      { takes: "tcp", over: "tls", match: { transport_protocol: "tls" } },
    ],
  },
  strict: {
    http: [{ takes: "http", over: "mtls", match: { transport_protocol: "tls" } }],
    tcp: [{ takes: "tcp", over: "mtls", match: { transport_protocol: "tls" } }],
    undeclared: [
      { takes: "http", over: "mtls", match: { transport_protocol: "tls", application_protocols: HTTP_ALPN } },
      { takes: "tcp", over: "mtls", match: { transport_protocol: "tls" } },
    ],
  },
};

type Own = Identity & { readonly roots: string };

function mutualTls(own: Own, takes: "http" | "tcp", maxVersion: string): Message {
  return extension("envoy.transport_sockets.tls", "extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    require_client_certificate: true,
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: maxVersion },
      alpn_protocols: takes === "http" ? ["h2", "http/1.1"] : ["istio-peer-exchange", "h2", "http/1.1"],
      tls_certificates: [{ certificate_chain: { inline_string: own.chain }, private_key: { inline_string: own.key } }],
      validation_context: { trusted_ca: { inline_string: own.roots } },
    },
  });
}

/** What is not declared is spoken to as the client spoke. */
const UPSTREAM: Readonly<Record<Declared, Message>> = {
  http: { explicit_http_config: { http_protocol_options: {} } },
  http2: { explicit_http_config: { http2_protocol_options: {} } },
  tcp: { explicit_http_config: { http_protocol_options: {} } },
  undeclared: { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } },
};

function clusterOf({ name, application, declared }: ServedPort): Message {
  return {
    name,
    type: "STATIC",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(application) } }] }],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        ...UPSTREAM[declared],
      },
    },
  };
}

const FIELDS = ["PROTOCOL", "REQUESTED_SERVER_NAME", "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_PEER_URI_SAN"];

function chainOf(served: ServedPort, { takes, over, match }: ChainKind, own: Own, log: string): Message {
  const { name } = served;
  const format = `${[`${name} ${takes} ${over}`, ...FIELDS.map((field) => `%${field}%`)].join("\t")}\n`;
  const access_log = [fileLog(log, format)];
  const route_config = {
    name,
    virtual_hosts: [
      { name, domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: name, timeout: "0s" } }] },
    ],
  };
  const certificates = {
    forward_client_cert_details: "APPEND_FORWARD",
    set_current_client_cert_details: { uri: true },
  };
  const filter =
    takes === "http"
      ? httpManager({ route_config, access_log, upgrade_configs: [{ upgrade_type: "websocket" }], ...certificates })
      : tcpProxy({ cluster: name, access_log });
  return {
    name: `${name} ${takes} ${over}`,
    filter_chain_match: match,
    filters: [filter],
    ...(over === "mtls" && { transport_socket: mutualTls(own, takes, served.maxVersion ?? "TLSv1_3") }),
  };
}

function listenerOf(served: ServedPort, own: Own, log: string): Message {
  const inspectors = { tls: "TlsInspector", http: "HttpInspector" };
  return {
    name: served.name,
    address: socketAddress(served.port),
    listener_filters: Object.entries(inspectors).map(([name, type]) =>
      extension(`envoy.filters.listener.${name}_inspector`, `extensions.filters.listener.${name}_inspector.v3.${type}`),
    ),
    filter_chains: CHAINS[served.mode][served.declared === "http2" ? "http" : served.declared].map((kind) =>
      chainOf(served, kind, own, log),
    ),
  };
}

export class IstioServer {
  readonly #process: Bun.Subprocess;
  readonly #log: string;
  #seen = 0;

  private constructor(process: Bun.Subprocess, log: string) {
    this.#process = process;
    this.#log = log;
  }

  /** Listens on every port when it resolves. `folder` is the server's alone. */
  static async start(folder: string, own: Own, ports: readonly ServedPort[]): Promise<IstioServer> {
    const log = join(folder, "istio-server.log");
    writeFileSync(log, "");
    const config = {
      node: { id: "istio-server", cluster: "istio-server" },
      static_resources: {
        listeners: ports.map((served) => listenerOf(served, own, log)),
        clusters: ports.map(clusterOf),
      },
    };
    const path = join(folder, "istio-server.json");
    writeFileSync(path, JSON.stringify(config));
    const told = process.env.TEST_LOG === "debug" ? "inherit" : "ignore";
    const options = ["--concurrency", "1", "--use-dynamic-base-id", "--file-flush-interval-msec", "10"];
    const child = Bun.spawn([findComponent("envoy")!, ...options, "-l", "warning", "-c", path], {
      stdout: told,
      stderr: told,
    });
    await Promise.all(ports.map(({ port }) => untilListening(port)));
    return new IstioServer(child, log);
  }

  /** What was told so far is nobody's matter any more. */
  forget(): void {
    this.#seen = readFileSync(this.#log).length;
  }

  /** All chains of a port that told something since, each once. */
  chainsOf(port: string): readonly string[] {
    const names = this.#lines().flatMap(({ chain }) => (chain.startsWith(`${port} `) ? [chain] : []));
    return [...new Set(names)];
  }

  /** The last line of a chain, if it is written yet. */
  last(chain: string): ServerLine | undefined {
    return this.#lines().findLast((line) => line.chain === chain);
  }

  /** The same; waits until there is one. */
  told(chain: string): Promise<ServerLine | undefined> {
    return eventually(
      async () => this.last(chain),
      (line) => line !== undefined,
    );
  }

  #lines(): readonly ServerLine[] {
    const text = readFileSync(this.#log).subarray(this.#seen).toString();
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .slice(0, -1)
      .map((line): ServerLine => {
        const [chain = "", protocol = "", sni = "", version = "", peer = ""] = line.split("\t");
        return { chain, protocol, sni, version, peer };
      });
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}
