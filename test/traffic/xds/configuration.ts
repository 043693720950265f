// From what a case says to the resources of the client's side, for one leg.

import { CLIENT, SERVER } from "./certificates.ts";
import type { Resources } from "./discovery.ts";
import {
  fileLog,
  httpManager,
  httpOptions,
  type Message,
  merge,
  type Place,
  RAW_BUFFER,
  socketAddress,
  tcpProxy,
  type UpstreamHttp,
  upstreamTls,
} from "./message.ts";

/**
 * - `h2`, `h1`: client's proxy → mutual TLS with HTTP/2 or HTTP/1.1 → server's proxy → application
 * - `plaintext`: client's proxy → application
 * - `mixed`: endpoints behind the server's proxy and plain ones in turn, told apart by transport_socket_matches; one endpoint alone is there twice
 * - `mtls`: as `h2`, for bytes
 */
export type Leg = "h2" | "h1" | "plaintext" | "mixed" | "mtls";

export const ALL_LEGS: readonly Leg[] = ["h2", "h1", "plaintext", "mixed"];
/** Where the application itself is what the client's proxy talks to: its resets and connections are seen as they are. */
export const DIRECT: readonly Leg[] = ["plaintext"];
export const TCP_LEGS: readonly Leg[] = ["mtls", "plaintext", "mixed"];

/** `v1`, `v2`, `v3`: the applications. `bytes`: echoes what it hears. `closed`: nobody listens there. A number: a port of the case's own. */
export type EndpointName = "v1" | "v2" | "v3" | "bytes" | "closed" | number;
/** An endpoint with fields of an LbEndpoint beside its address. */
export type EndpointParts = EndpointName | { readonly to: EndpointName; readonly fields: Message };

export interface LocalityParts {
  /** Of LocalityLbEndpoints: locality, priority, load_balancing_weight. */
  readonly fields?: Message;
  readonly endpoints: readonly EndpointParts[];
}

export interface ClusterParts {
  /** `["v1"]` unless told otherwise. */
  readonly endpoints?: readonly EndpointParts[];
  readonly localities?: readonly LocalityParts[];
  /** Merged into the cluster; `null` takes a field out. */
  readonly fields?: Message;
  /** Endpoints come by EDS, so that they change without the cluster. */
  readonly eds?: boolean;
}

export interface CaseConfiguration {
  /** Fields of the RouteAction of the one route, which leads to cluster `upstream`. */
  readonly route?: Message;
  /** Whole routes instead. */
  readonly routes?: readonly Message[];
  /** Merged into the virtual host `lab`, which has all domains. */
  readonly virtualHost?: Message;
  /** Whole virtual hosts instead. */
  readonly virtualHosts?: readonly Message[];
  /** Merged into the RouteConfiguration `routes`. */
  readonly routeConfiguration?: Message;
  /** Routes come by RDS. */
  readonly rds?: boolean;
  /** HTTP filters before the router. */
  readonly filters?: readonly Message[];
  /** Merged into the HttpConnectionManager. */
  readonly manager?: Message;
  /** Merged into the listener. */
  readonly listener?: Message;
  /** Filters of the chain before its terminal one. */
  readonly filtersBefore?: readonly Message[];
  /** A TcpProxy in place of the HttpConnectionManager: `{}` leads to `upstream`. */
  readonly tcp?: Message;
  /** Endpoints of the cluster `upstream`. */
  readonly endpoints?: readonly EndpointParts[];
  /** Merged into the cluster `upstream`. */
  readonly cluster?: Message;
  /** More about `upstream`, and other clusters. */
  readonly clusters?: Readonly<Record<string, ClusterParts>>;
  /** What the application speaks: gRPC needs `http2`, which leg `h1` cannot carry. */
  readonly application?: UpstreamHttp;
  /** Whole resources beside them. */
  readonly resources?: Resources;
  /** Operators that the log line has beside LOG_FIELDS, by the name under which the case reads them. */
  readonly log?: Readonly<Record<string, string>>;
  /** Which requests the log has; undefined: all of them. */
  readonly logFilter?: Message;
  /** The server's side, where the case is about it. */
  readonly server?: ServerConfiguration;
}

export interface ServerConfiguration {
  readonly route?: Message;
  readonly routes?: readonly Message[];
  readonly virtualHost?: Message;
  readonly filters?: readonly Message[];
  /** Filters of the chain before the HttpConnectionManager. */
  readonly networkFilters?: readonly Message[];
  readonly manager?: Message;
  readonly listener?: Message;
  readonly cluster?: Message;
}

/** Where an endpoint is, on either way. */
export interface Places {
  plain(name: EndpointName): Place;
  /** Where the server's proxy takes what is for it. */
  mesh(name: EndpointName): Place;
}

const MATCH = { tlsMode: "istio" };
const FROM_ADS: Message = { resource_api_version: "V3", ads: {} };

function lbEndpoint(parts: EndpointParts, places: Places, isMesh: boolean, isMixed: boolean): Message {
  const name = typeof parts === "object" ? parts.to : parts;
  const { host, port } = isMesh ? places.mesh(name) : places.plain(name);
  const address = socketAddress(port, host);
  const metadata =
    isMixed && isMesh ? { metadata: { filter_metadata: { "envoy.transport_socket_match": MATCH } } } : {};
  return merge({ endpoint: { address }, ...metadata }, typeof parts === "object" ? parts.fields : {});
}

function lbEndpoints(parts: readonly EndpointParts[], leg: Leg, places: Places): Message[] {
  if (leg !== "mixed") return parts.map((part) => lbEndpoint(part, places, leg !== "plaintext", false));
  const doubled = parts.length === 1 ? [parts[0]!, parts[0]!] : parts;
  return doubled.map((part, i) => lbEndpoint(part, places, i % 2 === 0, true));
}

function assignment(name: string, { endpoints = ["v1"], localities }: ClusterParts, leg: Leg, places: Places): Message {
  const groups = localities ?? [{ endpoints }];
  return {
    cluster_name: name,
    endpoints: groups.map((group) => ({ ...group.fields, lb_endpoints: lbEndpoints(group.endpoints, leg, places) })),
  };
}

function sockets(leg: Leg, protocol: UpstreamHttp): Message {
  const alpn = leg === "mtls" ? [] : [protocol === "http2" ? "h2" : "http/1.1"];
  const mesh = upstreamTls(CLIENT, SERVER, alpn);
  switch (leg) {
    case "plaintext":
      return {};
    case "mixed":
      return {
        transport_socket_matches: [
          { name: "mesh", match: MATCH, transport_socket: mesh },
          { name: "plaintext", match: {}, transport_socket: RAW_BUFFER },
        ],
      };
    default:
      return { transport_socket: mesh };
  }
}

function upstreamProtocol(leg: Leg, application: UpstreamHttp): UpstreamHttp {
  if (leg === "h2") return "http2";
  return leg === "h1" ? "http1" : application;
}

function cluster(name: string, parts: ClusterParts, leg: Leg, application: UpstreamHttp, places: Places): Message {
  const protocol = upstreamProtocol(leg, application);
  const discovery: Message = parts.eds
    ? { type: "EDS", eds_cluster_config: { eds_config: FROM_ADS, service_name: name } }
    : { type: "STATIC", load_assignment: assignment(name, parts, leg, places) };
  return merge(
    {
      name,
      connect_timeout: "2s",
      ...discovery,
      ...sockets(leg, protocol),
      typed_extension_protocol_options: httpOptions(protocol),
    },
    parts.fields ?? {},
  );
}

function virtualHosts({
  route,
  routes,
  virtualHost,
  virtualHosts,
}: Omit<CaseConfiguration, "server">): readonly Message[] {
  const action: Message = { cluster: "upstream", ...route };
  const own = routes ?? [{ name: "default", match: { prefix: "/" }, route: action }];
  return virtualHosts ?? [merge({ name: "lab", domains: ["*"], routes: [...own] }, virtualHost ?? {})];
}

/** Where a case's listener is, and what its log is like. `name` and `host` are new for every case: what is told of it is of no other. */
export interface CaseSettings {
  readonly leg: Leg;
  readonly name: string;
  readonly host: string;
  readonly logPath: string;
  readonly logFormat: string;
  readonly places: Places;
}

function terminalFilter(config: CaseConfiguration, routes: Message, { logPath, logFormat }: CaseSettings): Message {
  const access_log = [fileLog(logPath, logFormat, config.logFilter)];
  if (config.tcp) return tcpProxy({ cluster: "upstream", access_log, ...config.tcp });
  const source: Message = config.rds
    ? { rds: { config_source: FROM_ADS, route_config_name: "routes" } }
    : { route_config: { validate_clusters: false, ...routes } };
  return httpManager(merge({ access_log, ...source }, config.manager ?? {}), config.filters);
}

export function clientResources(config: CaseConfiguration, settings: CaseSettings): Resources {
  const { leg, name, host, places } = settings;
  const { application = "http1", clusters = {} } = config;
  const upstream: ClusterParts = {
    ...clusters.upstream,
    ...(config.endpoints && { endpoints: config.endpoints }),
    fields: merge(clusters.upstream?.fields ?? {}, config.cluster ?? {}),
  };
  const all = Object.entries({ ...clusters, upstream });
  const routes = merge({ name: "routes", virtual_hosts: [...virtualHosts(config)] }, config.routeConfiguration ?? {});
  const listener: Message = {
    name,
    address: socketAddress(0, host),
    traffic_direction: "OUTBOUND",
    filter_chains: [{ filters: [...(config.filtersBefore ?? []), terminalFilter(config, routes, settings)] }],
  };
  const own: Resources = {
    cds: all.map(([clusterName, parts]) => cluster(clusterName, parts, leg, application, places)),
    eds: all.flatMap(([clusterName, parts]) => (parts.eds ? [assignment(clusterName, parts, leg, places)] : [])),
    lds: [merge(listener, config.listener ?? {})],
    rds: config.rds ? [routes] : [],
  };
  return addResources(own, config.resources ?? {});
}

export function addResources(some: Resources, more: Resources): Resources {
  const kinds = [...new Set([...Object.keys(some), ...Object.keys(more)])] as (keyof Resources)[];
  return Object.fromEntries(kinds.map((kind) => [kind, [...(some[kind] ?? []), ...(more[kind] ?? [])]]));
}
