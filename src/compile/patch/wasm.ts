// Plugins of WebAssembly as Envoy's filters: where they stand, and where their modules come from.

import { create } from "@bufbuild/protobuf";
import { type Any, durationFromMs, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Origin } from "../../model/origin.ts";
import type { WasmPlugin, WasmTraffic } from "../../model/wasm-plugin.ts";
import { packAny } from "../../xds/any.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import {
  type AsyncDataSource,
  AsyncDataSourceSchema,
  TransportSocketSchema,
} from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { type FilterChain, FilterSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { RBAC_Action, RBACSchema as RulesSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { WasmSchema } from "../../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import {
  type HttpConnectionManager,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { WasmSchema as NetworkWasmSchema } from "../../xds/gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts";
import { UpstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import {
  FailurePolicy,
  type PluginConfig,
  PluginConfigSchema,
} from "../../xds/gen/envoy/extensions/wasm/v3/wasm_pb.ts";
import { JWT_FILTER } from "../authorization/condition.ts";
import { CORS_FILTER } from "../filter/cors.ts";
import { FAULT_FILTER } from "../filter/fault.ts";
import { type Source, wholeObject } from "../provenance.ts";
import type { Changed } from "./patch.ts";

/** A plugin that some proxy is to run. */
export interface PlacedPlugin {
  readonly plugin: WasmPlugin;
  readonly source: Source;
  /** Undefined: without its module it is left out. */
  readonly config: Any | undefined;
}

/** Which connections a chain takes. */
interface Place {
  readonly context: "inbound" | "outbound" | "gateway";
  readonly port: number | undefined;
}

const RUNTIME = "envoy.wasm.runtime.v8";
const FETCH_TIMEOUT_MS = 30_000;

/** Of what comes before authentication: who the caller says he is, and preflights. */
const BEFORE_AUTHENTICATION: ReadonlySet<string> = new Set(["heddle.peer_metadata", CORS_FILTER]);
/** Of what comes behind authorization. */
const BEHIND_AUTHORIZATION: ReadonlySet<string> = new Set([
  FAULT_FILTER,
  "envoy.filters.http.dynamic_forward_proxy",
  "envoy.filters.http.router",
]);

const FAILURE = {
  refuse: FailurePolicy.FAIL_CLOSED,
  pass: FailurePolicy.FAIL_OPEN,
  reload: FailurePolicy.FAIL_RELOAD,
} as const;

function filterName({ namespace, name }: Origin): string {
  return `extensions.istio.io/wasmplugin/${namespace}.${name}`;
}

/** Highest priority first, as Istio; then the oldest. */
export function placePlugins(plugins: readonly WasmPlugin[]): readonly PlacedPlugin[] {
  return plugins
    .toSorted((a, b) => b.priority - a.priority)
    .map((plugin) => ({ plugin, source: wholeObject(plugin.origin), config: filterConfig(plugin) }));
}

function filterConfig(plugin: WasmPlugin): Any | undefined {
  const config = pluginConfig(plugin);
  if (plugin.layer === "http") {
    if (config) return packAny(WasmSchema, create(WasmSchema, { config }));
    return plugin.onFailure === "pass" ? undefined : packAny(RBACSchema, create(RBACSchema, { rules: nobody() }));
  }
  if (config) return packAny(NetworkWasmSchema, create(NetworkWasmSchema, { config }));
  if (plugin.onFailure === "pass") return undefined;
  return packAny(NetworkRbacSchema, create(NetworkRbacSchema, { statPrefix: "wasm.", rules: nobody() }));
}

/** What refuses everything, in place of a module that cannot be had. */
function nobody() {
  return create(RulesSchema, { action: RBAC_Action.ALLOW });
}

function pluginConfig(plugin: WasmPlugin): PluginConfig | undefined {
  const code = codeOf(plugin);
  if (!code) return undefined;
  const { origin, pluginName, configuration, environment, onFailure } = plugin;
  return create(PluginConfigSchema, {
    name: filterName(origin),
    rootId: pluginName,
    failurePolicy: FAILURE[onFailure],
    ...(configuration === undefined
      ? {}
      : { configuration: packAny(StringValueSchema, create(StringValueSchema, { value: configuration })) }),
    vm: {
      case: "vmConfig",
      value: {
        runtime: RUNTIME,
        code,
        environmentVariables: { hostEnvKeys: [...environment.fromProxy], keyValues: { ...environment.values } },
      },
    },
  });
}

function codeOf({ module }: WasmPlugin): AsyncDataSource | undefined {
  switch (module.kind) {
    case "file":
      return create(AsyncDataSourceSchema, {
        specifier: { case: "local", value: { specifier: { case: "filename", value: module.path } } },
      });
    case "http":
      return create(AsyncDataSourceSchema, {
        specifier: {
          case: "remote",
          value: {
            httpUri: {
              uri: module.url,
              httpUpstreamType: { case: "cluster", value: fetchCluster(new URL(module.url)) },
              timeout: durationFromMs(FETCH_TIMEOUT_MS),
            },
            sha256: module.sha256,
          },
        },
      });
    case "unreachable":
      return undefined;
  }
}

function fetchCluster({ protocol, host }: URL): string {
  return `wasm|${protocol}//${host}`;
}

/** Whom modules are fetched from. What is fetched is known by its digest, so that nobody's certificate is asked for. */
export function fetchClusters(plugins: readonly WasmPlugin[]): readonly (readonly [Cluster, Source])[] {
  const clusters = new Map<string, readonly [Cluster, Source]>();
  for (const { module, origin } of plugins) {
    if (module.kind !== "http") continue;
    const url = new URL(module.url);
    clusters.set(fetchCluster(url), [clusterFor(url), wholeObject(origin)]);
  }
  return [...clusters.values()];
}

function clusterFor(url: URL): Cluster {
  const name = fetchCluster(url);
  const secure = url.protocol === "https:";
  const portValue = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const address = url.hostname.replace(/^\[|\]$/g, "");
  const tls = create(UpstreamTlsContextSchema, { sni: address });
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STRICT_DNS },
    connectTimeout: durationFromMs(FETCH_TIMEOUT_MS),
    ...(secure
      ? {
          transportSocket: create(TransportSocketSchema, {
            name: "envoy.transport_sockets.tls",
            configType: { case: "typedConfig", value: packAny(UpstreamTlsContextSchema, tls) },
          }),
        }
      : {}),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: "endpoint",
                value: {
                  address: {
                    address: {
                      case: "socketAddress",
                      value: { address, portSpecifier: { case: "portValue", value: portValue } },
                    },
                  },
                },
              },
            },
          ],
        },
      ],
    },
  });
}

function takes({ mode, ports }: WasmTraffic, { context, port }: Place): boolean {
  const side = context === "inbound" ? "server" : "client";
  return (mode === "both" || mode === side) && (ports.length === 0 || (port !== undefined && ports.includes(port)));
}

function standsAt({ traffic }: WasmPlugin, place: Place): boolean {
  return traffic.length === 0 || traffic.some((each) => takes(each, place));
}

/** Of one layer, those that are to be put in. */
function standing(
  plugins: readonly PlacedPlugin[],
  layer: WasmPlugin["layer"],
  place: Place,
): readonly (PlacedPlugin & { readonly config: Any })[] {
  return plugins.flatMap((each) =>
    each.config && each.plugin.layer === layer && standsAt(each.plugin, place)
      ? [{ ...each, config: each.config }]
      : [],
  );
}

/** Whether any was put in. */
export function insertPlugins(
  manager: HttpConnectionManager,
  plugins: readonly PlacedPlugin[],
  place: Place,
  changed: Changed,
): boolean {
  const all = standing(plugins, "http", place);
  if (all.length === 0) return false;
  const of = (...phases: readonly WasmPlugin["phase"][]) =>
    phases.flatMap((phase) =>
      all
        .filter(({ plugin }) => plugin.phase === phase)
        .map(({ plugin, config, source }) => {
          changed.by({ source });
          return create(HttpFilterSchema, {
            name: filterName(plugin.origin),
            configType: { case: "typedConfig", value: config },
          });
        }),
    );
  const filters = manager.httpFilters;
  const begin = filters.findIndex(({ name }) => !BEFORE_AUTHENTICATION.has(name));
  const end = filters.findIndex(({ name }) => BEHIND_AUTHORIZATION.has(name));
  const guards = filters.slice(begin, end);
  const authenticated = guards.findLastIndex(({ name }) => name === JWT_FILTER) + 1;
  manager.httpFilters = [
    ...filters.slice(0, begin),
    ...of("authn"),
    ...guards.slice(0, authenticated),
    ...of("authz"),
    ...guards.slice(authenticated),
    ...of("stats", "end"),
    ...filters.slice(end),
  ];
  return true;
}

/** In front of what ends the chain, authentication first. */
export function insertStreamPlugins(
  chain: FilterChain,
  plugins: readonly PlacedPlugin[],
  place: Place,
  changed: Changed,
): void {
  const all = standing(plugins, "network", place);
  if (all.length === 0) return;
  const of = (isFirst: boolean) =>
    all
      .filter(({ plugin }) => (plugin.phase === "authn") === isFirst)
      .map(({ plugin, config, source }) => {
        changed.by({ source });
        return create(FilterSchema, {
          name: filterName(plugin.origin),
          configType: { case: "typedConfig", value: config },
        });
      });
  const guards = chain.filters.slice(0, -1);
  chain.filters = [...of(true), ...guards, ...of(false), ...chain.filters.slice(-1)];
}
