// One plaintext hop whose routes come from a control plane, and beside it a listener that answers by itself.

import {
  bootstrap,
  cluster,
  collector,
  directAnswer,
  httpFilter,
  listener,
  type Message,
  type Program,
  rbacFilter,
} from "./parts.ts";

export interface DiscoveredPorts {
  readonly listen: number;
  readonly probe: number;
  readonly admin: number;
  readonly backend: number;
  readonly discovery: number;
}

/** What every route leads to. */
export const BACKEND_CLUSTER = "outbound|80||golden-signal.default.svc.cluster.local";
export const ROUTES = "80";
const DISCOVERY_CLUSTER = "discovery";

export function discoveredBootstrap(ports: DiscoveredPorts, accessLog: string, program: Program): Message {
  const loopback = { direct_remote_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } };
  const source = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
  const filters = [rbacFilter(loopback)];
  const routed = httpFilter({
    name: "routed",
    program,
    accessLog,
    filters,
    routes: { rds: { route_config_name: ROUTES, config_source: source } },
  });
  const probe = httpFilter({ name: "probe", program, accessLog, filters, routes: directAnswer("probe") });
  const outbound = (name: string, port: number, filter: Message) =>
    listener({ name, port, direction: "OUTBOUND", chain: { filters: [filter] } });
  return bootstrap({
    name: "client",
    adminPort: ports.admin,
    listeners: [outbound("routed", ports.listen, routed), outbound("probe", ports.probe, probe)],
    clusters: [
      cluster({ name: BACKEND_CLUSTER, port: ports.backend, protocol: "http/1.1" }),
      cluster({ name: DISCOVERY_CLUSTER, port: ports.discovery, protocol: "h2" }),
      collector(),
    ],
    settings: {
      dynamic_resources: {
        ads_config: {
          api_type: "DELTA_GRPC",
          transport_api_version: "V3",
          grpc_services: [{ envoy_grpc: { cluster_name: DISCOVERY_CLUSTER } }],
        },
      },
    },
  });
}
