// The configuration of the three proxies at one moment: what of it is in force is data, and changes are other data.

import type { Resources } from "../traffic/xds/discovery.ts";
import {
  extension,
  fileLog,
  httpManager,
  httpOptions,
  type Message,
  type Place,
  socketAddress,
  tcpProxy,
  type UpstreamHttp,
} from "../traffic/xds/message.ts";
import type { ApplicationName, Ports, Served } from "./load/told.ts";
import { LOG_FORMAT } from "./log-lines.ts";

export type Endpoints = readonly ApplicationName[];

/** What changes while the load runs. */
export interface Moment {
  /** Of 100, for the leg with many streams; the rest goes by HTTP/1.1. */
  readonly weight: number;
  readonly mesh: Endpoints;
  readonly plain: Endpoints;
  /** Written into fields that change nothing but what they stand in: each makes a new table of it. */
  readonly routes: number;
  readonly clusters: number;
  readonly listeners: number;
  readonly serverClusters: number;
  readonly serverListeners: number;
  readonly visitors: boolean;
}

export const AT_FIRST: Moment = {
  weight: 50,
  mesh: ["a", "b"],
  plain: ["a", "b"],
  routes: 0,
  clusters: 0,
  listeners: 0,
  serverClusters: 0,
  serverListeners: 0,
  visitors: true,
};

/** Where the listeners of a server's side take mutual TLS. */
export type MeshPlaces = Readonly<Record<ApplicationName, Readonly<Record<Served, Place>>>>;

export const SERVED: readonly Served[] = ["http", "grpc", "bytes"];

const FROM_ADS: Message = { resource_api_version: "V3", ads: {} };
const FROM_AGENT: Message = {
  resource_api_version: "V3",
  api_config_source: {
    api_type: "DELTA_GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
  },
};
const TLS = "extensions.transport_sockets.tls.v3";
/** An idle connection goes soon, so that what stays open after the load is a leak. */
const IDLE = "2s";
const RETRIES = {
  GET: { retry_on: "connect-failure,refused-stream,reset,gateway-error", num_retries: 3 },
  /** Where no host can have seen it. */
  POST: { retry_on: "connect-failure,refused-stream", num_retries: 3 },
} as const;

function tlsContext(peer: string, alpn: readonly string[]): Message {
  return {
    tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
    alpn_protocols: [...alpn],
    tls_certificate_sds_secret_configs: [{ name: "default", sds_config: FROM_AGENT }],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }] },
      validation_context_sds_secret_config: { name: "ROOTCA", sds_config: FROM_AGENT },
    },
  };
}

const ALPN: Readonly<Record<string, readonly string[]>> = { http2: ["h2"], http1: ["http/1.1"], bytes: [] };

interface Upstream {
  readonly name: string;
  readonly protocol: UpstreamHttp | "bytes";
  /** Undefined: without TLS. */
  readonly peer: string | undefined;
}

function cluster({ name, protocol, peer }: Upstream, generation: number, more: Message): Message {
  const tls: Message = peer
    ? {
        transport_socket: extension("envoy.transport_sockets.tls", `${TLS}.UpstreamTlsContext`, {
          sni: "outbound_.80_._.soak.default.svc.cluster.local",
          common_tls_context: tlsContext(peer, ALPN[protocol] ?? []),
        }),
      }
    : {};
  const options: Message =
    protocol === "bytes" ? {} : { typed_extension_protocol_options: httpOptions(protocol, { idle_timeout: IDLE }) };
  return { name, connect_timeout: `${5 + (generation % 2)}s`, ...tls, ...options, ...more };
}

function assignment(name: string, places: readonly Place[]): Message {
  const lb_endpoints = places.map(({ host, port }) => ({ endpoint: { address: socketAddress(port, host) } }));
  return { cluster_name: name, endpoints: [{ lb_endpoints }] };
}

function retried(name: string, path: string, action: Message): Message[] {
  return (["GET", "POST"] as const).map((method) => ({
    name: `${name}-${method}`,
    match: { prefix: path, headers: [{ name: ":method", string_match: { exact: method } }] },
    route: { timeout: "0s", retry_policy: RETRIES[method], ...action },
  }));
}

function routes({ weight, routes: generation }: Moment): Message {
  const weighted = {
    weighted_clusters: {
      clusters: [
        { name: "many", weight },
        { name: "one", weight: 100 - weight },
      ],
    },
  };
  const all = [
    ...retried(`mesh-${generation}`, "/mesh", weighted),
    ...retried("one", "/one", { cluster: "one" }),
    ...retried("plain", "/plain", { cluster: "plain" }),
    ...retried("grpc", "/soak.Soak/", { cluster: "grpc" }),
  ];
  return { name: "routes", virtual_hosts: [{ name: "soak", domains: ["*"], routes: all }] };
}

function manager(prefix: string, generation: number, log: string, fields: Message): Message {
  return httpManager({
    stat_prefix: prefix,
    stream_idle_timeout: `${300 + (generation % 2)}s`,
    // A client that waits for its next request longer than that is another one.
    common_http_protocol_options: { idle_timeout: "60s" },
    upgrade_configs: [{ upgrade_type: "websocket" }],
    access_log: [fileLog(log, LOG_FORMAT)],
    ...fields,
  });
}

function listener(name: string, direction: string, place: Place, filter: Message, tls: Message): Message {
  return {
    name,
    address: socketAddress(place.port, place.host),
    traffic_direction: direction,
    filter_chains: [{ filters: [filter], ...tls }],
  };
}

const ANY: Place = { host: "127.0.0.1", port: 0 };

export interface ClientSide {
  readonly moment: Moment;
  readonly mesh: MeshPlaces;
  readonly ports: Ports;
  /** Name of the server's side in its certificate. */
  readonly server: string;
  readonly visitors: Place;
  readonly logs: { readonly http: string; readonly visitors: string; readonly bytes: string };
}

export function clientResources({ moment, mesh, ports, server, visitors, logs }: ClientSide): Resources {
  const eds = (name: string): Message => ({
    type: "EDS",
    eds_cluster_config: { eds_config: FROM_ADS, service_name: name },
  });
  const upstreams: readonly (Upstream & { readonly places: readonly Place[] })[] = [
    { name: "many", protocol: "http2", peer: server, places: moment.mesh.map((name) => mesh[name].http) },
    { name: "one", protocol: "http1", peer: server, places: moment.mesh.map((name) => mesh[name].http) },
    { name: "grpc", protocol: "http2", peer: server, places: moment.mesh.map((name) => mesh[name].grpc) },
    { name: "bytes", protocol: "bytes", peer: server, places: moment.mesh.map((name) => mesh[name].bytes) },
    {
      name: "plain",
      protocol: "http1",
      peer: undefined,
      places: moment.plain.map((name) => ({ host: "127.0.0.1", port: ports[name].http })),
    },
  ];
  const rds: Message = { rds: { config_source: FROM_ADS, route_config_name: "routes" } };
  const http = manager("outbound", moment.listeners, logs.http, rds);
  const bytes = tcpProxy({ cluster: "bytes", access_log: [fileLog(logs.bytes, LOG_FORMAT)] });
  return {
    cds: upstreams.map((upstream) => cluster(upstream, moment.clusters, eds(upstream.name))),
    eds: upstreams.map(({ name, places }) => assignment(name, places)),
    lds: [
      listener("http", "OUTBOUND", ANY, http, {}),
      listener("bytes", "OUTBOUND", ANY, bytes, {}),
      ...(moment.visitors
        ? [listener("visitors", "OUTBOUND", visitors, manager("visitors", 0, logs.visitors, rds), {})]
        : []),
    ],
    rds: [routes(moment)],
  };
}

export interface ServerSide {
  readonly moment: Moment;
  readonly ports: Ports[ApplicationName];
  /** Name of the client's side in its certificate. */
  readonly client: string;
  readonly logs: { readonly http: string; readonly bytes: string };
}

export function serverResources({ moment, ports, client, logs }: ServerSide): Resources {
  const tls = (alpn: readonly string[]): Message => ({
    transport_socket: extension("envoy.transport_sockets.tls", `${TLS}.DownstreamTlsContext`, {
      require_client_certificate: true,
      disable_stateless_session_resumption: true,
      common_tls_context: tlsContext(client, alpn),
    }),
  });
  const upstream = (served: Served): Message =>
    cluster(
      { name: served, protocol: served === "grpc" ? "http2" : served === "http" ? "http1" : "bytes", peer: undefined },
      moment.serverClusters,
      { type: "STATIC", load_assignment: assignment(served, [{ host: "127.0.0.1", port: ports[served] }]) },
    );
  const http = (served: Served): Message => {
    const all = [{ name: "inbound", match: { prefix: "/" }, route: { cluster: served, timeout: "0s" } }];
    const route_config = { name: served, virtual_hosts: [{ name: served, domains: ["*"], routes: all }] };
    return manager("inbound", moment.serverListeners, logs.http, { route_config });
  };
  const bytes = tcpProxy({ cluster: "bytes", access_log: [fileLog(logs.bytes, LOG_FORMAT)] });
  return {
    cds: SERVED.map(upstream),
    lds: [
      listener("http", "INBOUND", ANY, http("http"), tls(["h2", "http/1.1"])),
      listener("grpc", "INBOUND", ANY, http("grpc"), tls(["h2"])),
      listener("bytes", "INBOUND", ANY, bytes, tls([])),
    ],
  };
}
