// Filters in WebAssembly as Envoy's, and where their modules come from.

import { create } from "@bufbuild/protobuf";
import { type Any, durationFromMs, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { TrafficExtension, WasmFilter } from "../../model/traffic-extension.ts";
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
import { RBAC_Action, RBACSchema as RulesSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { WasmSchema } from "../../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { WasmSchema as NetworkWasmSchema } from "../../xds/gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts";
import { UpstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import {
  FailurePolicy,
  type PluginConfig,
  PluginConfigSchema,
} from "../../xds/gen/envoy/extensions/wasm/v3/wasm_pb.ts";
import { type Source, wholeObject } from "../provenance.ts";

const RUNTIME = "envoy.wasm.runtime.v8";
const FETCH_TIMEOUT_MS = 30_000;

const FAILURE = {
  refuse: FailurePolicy.FAIL_CLOSED,
  pass: FailurePolicy.FAIL_OPEN,
  reload: FailurePolicy.FAIL_RELOAD,
} as const;

/** `name`: of the filter. Undefined: its module cannot be had, and nobody is to miss it. */
export function wasmConfig(name: string, filter: WasmFilter): Any | undefined {
  const config = pluginConfig(name, filter);
  if (filter.layer === "http") {
    if (config) return packAny(WasmSchema, create(WasmSchema, { config }));
    return filter.onFailure === "pass" ? undefined : packAny(RBACSchema, create(RBACSchema, { rules: nobody() }));
  }
  if (config) return packAny(NetworkWasmSchema, create(NetworkWasmSchema, { config }));
  if (filter.onFailure === "pass") return undefined;
  return packAny(NetworkRbacSchema, create(NetworkRbacSchema, { statPrefix: "wasm.", rules: nobody() }));
}

/** What refuses everything, in place of a module that cannot be had. */
function nobody() {
  return create(RulesSchema, { action: RBAC_Action.ALLOW });
}

function pluginConfig(name: string, filter: WasmFilter): PluginConfig | undefined {
  const code = codeOf(filter);
  if (!code) return undefined;
  const { pluginName, configuration, environment, onFailure } = filter;
  return create(PluginConfigSchema, {
    name,
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

function codeOf({ module }: WasmFilter): AsyncDataSource | undefined {
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
export function fetchClusters(extensions: readonly TrafficExtension[]): readonly (readonly [Cluster, Source])[] {
  const clusters = new Map<string, readonly [Cluster, Source]>();
  for (const { filter, origin } of extensions) {
    if (filter.kind !== "wasm" || filter.module.kind !== "http") continue;
    const url = new URL(filter.module.url);
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
