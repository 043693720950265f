// A whole proxy inside the test's process: one HTTP listener, one cluster, an access log of the fields that tests ask about.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { complete } from "../base/steps.ts";
import { type Accepted, checkCluster, checkListener, checkRouteConfiguration } from "../table/accept/resource.ts";
import { jsonRegistry } from "../xds/any.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { ClusterSchema } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import type { Configuration } from "./configuration.ts";
import { type RunningProxy, startProxy } from "./main.ts";
import { connectRaw, type RawPeer, until } from "./raw-peer-fixture.ts";

/** A message in protobuf's JSON form. */
export type Message = { readonly [field: string]: JsonValue };

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const LINE = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n";

export function parse<Desc extends DescMessage>(schema: Desc, message: Message): MessageShape<Desc> {
  return fromJson(schema, message, { registry: jsonRegistry() });
}

function accepted<T>(result: Accepted<T>): T {
  if (result.kind === "accepted") return result.table;
  throw new Error(JSON.stringify(result.rejections));
}

export function setCluster(configuration: Configuration, message: Message): void {
  configuration.clusterManager.setCluster(accepted(checkCluster(parse(ClusterSchema, message))).value);
}

export function setListener(configuration: Configuration, message: Message): void {
  configuration.listenerManager.setListener(accepted(checkListener(parse(ListenerSchema, message))).value);
}

export function setRoutes(configuration: Configuration, message: Message): void {
  const routes = accepted(checkRouteConfiguration(parse(RouteConfigurationSchema, message)));
  complete(configuration.routeManager.setRoutes(routes));
}

export function socketAddress(port: number): Message {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

export function staticCluster(name: string, ports: readonly number[], changes: Message = {}): Message {
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port) } })) }],
    },
    ...changes,
  };
}

export function routeTo(cluster: string, action: Message = {}): Message {
  return { name: "r", match: { prefix: "/" }, route: { cluster, timeout: "0s", ...action } };
}

export interface HttpParts {
  readonly name: string;
  readonly routes?: readonly Message[];
  readonly settings?: Message;
  /** Before the router. */
  readonly filters?: readonly Message[];
  readonly log?: string;
}

export function httpFilter({ name, routes = [], settings = {}, filters = [], log }: HttpParts): Message {
  const router = { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` };
  const file = {
    "@type": `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`,
    path: log ?? "",
    log_format: { text_format_source: { inline_string: LINE } },
  };
  const virtualHost = { name, domains: ["*"], routes: [...routes] };
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: name,
      codec_type: "AUTO",
      stream_idle_timeout: "0s",
      http_protocol_options: { enable_trailers: true },
      upgrade_configs: [{ upgrade_type: "websocket" }],
      ...(log ? { access_log: [{ name: "envoy.access_loggers.file", typed_config: file }] } : {}),
      ...(settings.rds ? {} : { route_config: { name, validate_clusters: false, virtual_hosts: [virtualHost] } }),
      ...settings,
      http_filters: [...filters, { name: "envoy.filters.http.router", typed_config: router }],
    },
  };
}

export function listener(name: string, filter: Message, changes: Message = {}): Message {
  return { name, address: socketAddress(0), filter_chains: [{ filters: [filter] }], ...changes };
}

export interface ProxyParts {
  /** Ports of the cluster `upstream`'s endpoints. */
  readonly ports?: readonly number[];
  readonly cluster?: Message;
  /** Fields of the route's action. */
  readonly route?: Message;
  readonly routes?: readonly Message[];
  readonly settings?: Message;
  readonly listenerDrainMs?: number;
  /** With an admin interface. */
  readonly admin?: boolean;
  readonly filters?: readonly Message[];
  /** Fields of the bootstrap. */
  readonly bootstrap?: Message;
  /** Of the listener's chain. */
  readonly transportSocket?: Message;
}

export interface Held {
  /** Downstream. */
  readonly connections: number;
  readonly streams: number;
  /** In the codecs of the downstream connections. */
  readonly bytes: number;
  /** Of the cluster `upstream`. */
  readonly requests: number;
  readonly pending: number;
  readonly upstreams: number;
}

export class TestProxy {
  readonly proxy: RunningProxy;
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-proxy-test-"));
  readonly #clients: RawPeer[] = [];

  constructor(parts: ProxyParts) {
    const { ports = [], cluster, route, routes = [routeTo("upstream", route)], settings, filters = [] } = parts;
    const { admin = false, bootstrap: own = {}, transportSocket: socket, listenerDrainMs = 10_000 } = parts;
    const log = this.#logPath;
    const filter = httpFilter({ name: "http", routes, filters, log, ...(settings ? { settings } : {}) });
    const chain = { filters: [filter], ...(socket ? { transport_socket: socket } : {}) };
    const listeners = [listener("http", filter, { filter_chains: [chain] })];
    const resources = { listeners, clusters: [staticCluster("upstream", ports, cluster)] };
    const bootstrap = parse(BootstrapSchema, {
      node: { id: "test", cluster: "test" },
      ...(admin ? { admin: { address: socketAddress(0) } } : {}),
      static_resources: resources,
      ...own,
    });
    this.proxy = startProxy({ bootstrap, version: "test", drainMs: 0, listenerDrainMs, reusePort: false });
  }

  get #logPath(): string {
    return join(this.#folder, "access.log");
  }

  get port(): number {
    return this.proxy.configuration.listenerManager.listeners.get("http")!.port;
  }

  client(): Promise<RawPeer> {
    return this.connect(this.port);
  }

  /** To a port of a listener that came later. */
  async connect(port: number): Promise<RawPeer> {
    const client = await connectRaw(port);
    this.#clients.push(client);
    return client;
  }

  /** A client that has sent `bytes`. */
  async sends(bytes: string): Promise<RawPeer> {
    const client = await this.client();
    client.send(bytes);
    return client;
  }

  /** What the proxy holds for its clients and of its upstreams, counted. */
  get held(): Held {
    const { configuration } = this.proxy;
    const { streams, bytes } = configuration.listenerManager.listeners.get("http")!.held;
    const { breakers, hosts } = configuration.clusters.get("upstream")!;
    return {
      connections: configuration.connections,
      streams,
      bytes,
      requests: breakers.requests,
      pending: breakers.pending,
      upstreams: hosts.reduce((sum, host) => sum + host.stats.activeConnections, 0),
    };
  }

  /** Resolves once no client's request is under way and none has its connection any more. */
  async isRelieved(): Promise<void> {
    await until("nothing is held for clients", () => {
      const { connections, streams, bytes, requests, pending } = this.held;
      return connections + streams + bytes + requests + pending === 0;
    });
  }

  /** Ends the proxy, and returns its access log once it has `count` lines. */
  async log(count: number): Promise<readonly string[]> {
    const lines = () => readFileSync(this.#logPath, "utf8").split("\n").slice(0, -1);
    await this.proxy.stop();
    await until(`${count} lines in the access log`, () => lines().length >= count);
    return lines();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.reset();
    await this.proxy.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
