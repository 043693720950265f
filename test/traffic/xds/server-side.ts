// The server's side of the leg: for each application a listener that takes mutual TLS with either HTTP version, in front of a cluster
// that keeps no connection, so that nothing of one case is left for the next.

import { CLIENT, SERVER } from "./certificates.ts";
import type { ServerConfiguration } from "./configuration.ts";
import type { Resources } from "./discovery.ts";
import {
  downstreamTls,
  fileLog,
  httpManager,
  httpOptions,
  type Message,
  merge,
  socketAddress,
  tcpProxy,
  type UpstreamHttp,
} from "./message.ts";

export interface ServedApplication {
  readonly name: string;
  readonly port: number;
}

export function serverListenerName(prefix: string, application: string, protocol: UpstreamHttp | "tcp"): string {
  return `${prefix}-${application}-${protocol}`;
}

function cluster(name: string, port: number, protocol: UpstreamHttp | "tcp", fields: Message = {}): Message {
  const options =
    protocol === "tcp"
      ? {}
      : { typed_extension_protocol_options: httpOptions(protocol, { max_requests_per_connection: 1 }) };
  return merge(
    {
      name,
      type: "STATIC",
      connect_timeout: "2s",
      ...options,
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
      },
    },
    fields,
  );
}

function listener(
  name: string,
  host: string,
  terminal: Message,
  alpn: readonly string[],
  config: ServerConfiguration,
): Message {
  const chain = {
    filters: [...(config.networkFilters ?? []), terminal],
    transport_socket: downstreamTls(SERVER, CLIENT, alpn),
  };
  const base = { name, address: socketAddress(0, host), traffic_direction: "INBOUND", filter_chains: [chain] };
  return merge(base, config.listener ?? {});
}

function manager(clusterName: string, config: ServerConfiguration, log: Message): Message {
  const action: Message = { cluster: clusterName, timeout: "0s", ...config.route };
  const routes = config.routes ?? [{ name: "inbound", match: { prefix: "/" }, route: action }];
  const virtualHost = merge({ name: "inbound", domains: ["*"], routes: [...routes] }, config.virtualHost ?? {});
  const fields: Message = {
    forward_client_cert_details: "APPEND_FORWARD",
    set_current_client_cert_details: { subject: true, uri: true },
    http2_protocol_options: { allow_connect: true },
    http_protocol_options: { enable_trailers: true },
    upgrade_configs: [{ upgrade_type: "websocket" }],
    access_log: [log],
    route_config: { name: "inbound", validate_clusters: false, virtual_hosts: [virtualHost] },
  };
  return httpManager(merge(fields, config.manager ?? {}), config.filters);
}

/** Listeners `<prefix>-<application>-<protocol>` on an address of their own. */
export function serverResources(
  prefix: string,
  host: string,
  applications: readonly ServedApplication[],
  protocols: readonly (UpstreamHttp | "tcp")[],
  config: ServerConfiguration,
  log: { readonly path: string; readonly format: string },
): Resources {
  const cds: Message[] = [];
  const lds: Message[] = [];
  for (const { name, port } of applications) {
    for (const protocol of protocols) {
      const listenerName = serverListenerName(prefix, name, protocol);
      cds.push(cluster(listenerName, port, protocol, config.cluster));
      const terminal =
        protocol === "tcp"
          ? tcpProxy({ cluster: listenerName })
          : manager(listenerName, config, fileLog(log.path, log.format));
      lds.push(listener(listenerName, host, terminal, protocol === "tcp" ? [] : ["h2", "http/1.1"], config));
    }
  }
  return { cds, lds };
}
