// What a proxy runs against what the control plane would have it run: pure, from its dump and the resources that it is to have.

import type { ConfigurationKind } from "../admin/sources.ts";
import { compareText } from "../model/origin.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import type { Address } from "../xds/gen/envoy/config/core/v3/address_pb.ts";
import { decodeResource, type Resource } from "../xds/resource.ts";
import { resourceJson } from "../xds/resource-json.ts";
import { isJson, type Json, type ProxyDump } from "./proxy-dump.ts";
import { runningResources } from "./running-resources.ts";
import { unifiedDiff } from "./unified-diff.ts";

export type Resources = ReadonlyMap<string, Resource>;
export type WantedResources = Readonly<Record<ConfigurationKind, Resources>>;

/** Of one resource, as `diff -u` writes it. */
export interface ResourceDifference {
  readonly name: string;
  /** `missing`: the proxy has none; `extra`: it is to have none. */
  readonly kind: "changed" | "missing" | "extra";
  readonly diff: string;
}

export interface KindDifference {
  readonly title: string;
  /** By name; none: they match. */
  readonly differences: readonly ResourceDifference[];
}

const TITLES = {
  cds: "Clusters",
  lds: "Listeners",
  rds: "Routes",
  vhds: "Virtual hosts",
  eds: "Endpoints",
} as const satisfies Readonly<Record<ConfigurationKind, string>>;

const NONE: Resources = new Map();

export function differencesOf(wanted: WantedResources, dump: ProxyDump): readonly KindDifference[] {
  const running = runningResources(withoutStatic(dump));
  const kinds = Object.keys(TITLES) as ConfigurationKind[];
  return kinds.map((kind) => ({
    title: TITLES[kind],
    differences: differing(kind, wanted[kind], running[kind] ?? NONE),
  }));
}

/** What came with the bootstrap, or in something else, is nobody's to send by itself. */
function withoutStatic(dump: ProxyDump): ProxyDump {
  const written = dump.bootstrap?.static_resources;
  const names = (list: string): ReadonlySet<unknown> => {
    const entries = isJson(written) ? written[list] : undefined;
    return new Set(Array.isArray(entries) ? entries.map((entry: Json) => entry.name) : []);
  };
  const discovered = new Set(dump.clusters.filter(({ type }) => type === "EDS").map(endpointsName));
  const [clusters, listeners] = [names("clusters"), names("listeners")];
  return {
    ...dump,
    clusters: dump.clusters.filter(({ name }) => !clusters.has(name)),
    endpoints: dump.endpoints.filter(({ cluster_name: name }) => discovered.has(name)),
    listeners: dump.listeners.filter(({ name }) => !listeners.has(name)),
    routes: dump.routes.filter((route) => !dump.inlineRoutes.includes(route)),
  };
}

/** What its endpoints come under. Other clusters bring theirs along. */
function endpointsName({ name, eds_cluster_config: eds }: Json): unknown {
  const service = isJson(eds) ? eds.service_name : undefined;
  return service || name;
}

function differing(kind: ConfigurationKind, wanted: Resources, running: Resources): readonly ResourceDifference[] {
  const names = [...new Set([...wanted.keys(), ...running.keys()])].sort(compareText);
  return names.flatMap((name): ResourceDifference[] => {
    const [mine, its] = [wanted.get(name), running.get(name)];
    if (mine && its && mine.version === its.version) return [];
    const diff = unifiedDiff(textOf(kind, mine), textOf(kind, its));
    if (mine && its) return diff === "" ? [] : [{ name, kind: "changed", diff }];
    return [{ name, kind: mine ? "missing" : "extra", diff }];
  });
}

function textOf(kind: ConfigurationKind, resource: Resource | undefined): string {
  if (!resource) return "";
  return kind === "eds" ? endpointsText(resource) : JSON.stringify(resourceJson(resource, envoyRegistry()), null, 2);
}

/** Envoy tells of endpoints as it balances between them, not as they came: addresses, where they are and what they weigh are told alike. */
function endpointsText({ bytes }: Resource): string {
  const lines = decodeResource("eds", bytes).endpoints.flatMap(({ locality, priority, lbEndpoints }) =>
    lbEndpoints.map(({ hostIdentifier, loadBalancingWeight: weight = 1 }) => {
      const { region = "", zone = "", subZone = "" } = locality ?? {};
      const address = hostIdentifier.case === "endpoint" ? addressText(hostIdentifier.value.address) : "";
      return `${address} priority ${priority} weight ${weight} locality ${region}/${zone}/${subZone}`;
    }),
  );
  return lines.sort(compareText).join("\n");
}

function addressText(address: Address | undefined): string {
  const at = address?.address;
  if (at?.case === "pipe") return `unix://${at.value.path}`;
  if (at?.case !== "socketAddress") return "";
  return `${at.value.address}:${at.value.portSpecifier.value ?? 0}`;
}
