// What ProxyConfig says of a proxy that stands in its bootstrap: which statistics it tells, its runtime, how many clients it takes.

import type { ProxyStart, StatisticsChoice } from "../../model/proxy-start.ts";
import type { Standing } from "../standing.ts";
import { metricsSink, statsdSink } from "./metrics-sink.ts";

/** Statistics that Istio's sidecars always tell: whether proxies live, have their configuration and drain, and who was refused. */
const ALWAYS: StatisticsChoice = {
  prefixes: ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"],
  suffixes: ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied", "downstream_cx_active"],
  regexes: [],
};

/** Patches of an envoy.config.bootstrap.v3.Bootstrap, for either proxy. */
export function saidInBootstrap(
  { statistics, runtime = {}, maxConnections, metricsService, statsd }: ProxyStart,
  { object }: Standing,
) {
  const { namespace, name } = object.metadata;
  const origin = { kind: object.kind, namespace, name };
  const values = [
    ...(statistics ? [{ stats_config: { stats_matcher: matcher(statistics) } }] : []),
    ...(maxConnections === undefined
      ? []
      : [{ overload_manager: { resource_monitors: [connectionLimit(maxConnections)] } }]),
    ...(metricsService ? [metricsSink(metricsService)] : []),
    ...(statsd ? [statsdSink(statsd)] : []),
    ...(Object.keys(runtime).length > 0 ? [{ layered_runtime: layers(runtime) }] : []),
  ];
  return values.map((value) => ({ origin, value, replacesLists: false }));
}

function connectionLimit(max: number) {
  return {
    name: "envoy.resource_monitors.global_downstream_max_connections",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
      max_active_downstream_connections: max,
    },
  };
}

function matcher({ prefixes, suffixes, regexes }: StatisticsChoice) {
  const patterns = [
    ...[...ALWAYS.prefixes, ...prefixes].map((prefix) => ({ prefix })),
    ...[...ALWAYS.suffixes, ...suffixes].map((suffix) => ({ suffix })),
    ...regexes.map((regex) => ({ safe_regex: { regex } })),
  ];
  return { inclusion_list: { patterns } };
}

/** The last is what the admin interface changes; Envoy has it by itself only where no layers are said. */
function layers(runtime: Readonly<Record<string, string>>) {
  const said = Object.entries(runtime).filter(([, value]) => value !== "");
  const values = Object.fromEntries(said.map(([key, value]) => [key, runtimeValue(value)]));
  return {
    layers: [
      { name: "mesh", static_layer: values },
      { name: "admin", admin_layer: {} },
    ],
  };
}

/** Texts are all that ProxyConfig can say, and Envoy takes none for a number or a flag. */
function runtimeValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}
