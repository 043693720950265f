// What the admin API wants to know, as interfaces: the command that starts everything hands in who knows it.

import type { TargetStatus } from "../telemetry/scrape.ts";
import type { ScrapeTarget } from "../telemetry/target.ts";
import type { EdgeRecord } from "../telemetry/traffic-store.ts";
import type {
  Acknowledgement,
  ObjectConditions,
  ProxyConfig,
  ProxyConfiguration,
  ProxyCost,
  TypeState,
} from "./api.ts";

export interface MeshInfo {
  readonly name: string;
  readonly trustDomain: string;
  readonly version: string;
  readonly controlPlane: string;
  readonly startedAtMs: number;
  readonly rootExpiresAtMs: number | undefined;
  /** Findings in the configuration that is in force. */
  readonly errors: number;
  readonly warnings: number;
}

/** A proxy that registered, connected or not. */
export interface ProxyInfo {
  /** The same as its scrape target's. */
  readonly id: ScrapeTarget["id"];
  readonly cluster: string;
  readonly namespace: string;
  /** Of the pod. */
  readonly name: string;
  /** As in the metrics' `source_workload` and `destination_workload`. */
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly kind: "heddle" | "envoy";
  /** As the proxy told it last; "unknown" until it has. */
  readonly proxyVersion: string;
  readonly address: string;
  readonly config: ProxyConfig;
  readonly types: Readonly<Record<string, TypeState>>;
  readonly certificate: { readonly spiffeId: string; readonly expiresAtMs: number } | undefined;
  /** Undefined while it is not connected. */
  readonly cost?: ProxyCost | undefined;
}

/** How the configuration divides a service's requests, where it does. */
export interface ConfiguredSplit {
  /** Host of the service that is called, fully qualified. */
  readonly host: string;
  /** The object that says so, as `VirtualService default/golden-signal`. */
  readonly by: string;
  /** `host` fully qualified, `version` the one that the subset's labels choose ("" for all), weights as written. */
  readonly destinations: readonly { readonly host: string; readonly version: string; readonly weight: number }[];
}

export interface ServiceInfo {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
}

export const CONFIGURATION_KINDS = ["cds", "eds", "lds", "rds", "vhds"] as const;
export type ConfigurationKind = (typeof CONFIGURATION_KINDS)[number];

/** Known by the control plane. */
export interface ControlSource {
  mesh(): MeshInfo;
  proxies(): readonly ProxyInfo[];
  services(): readonly ServiceInfo[];
  splits(): readonly ConfiguredSplit[];
  /** Undefined: no proxy of that id registered. */
  acknowledgement(id: ProxyInfo["id"]): Acknowledgement | undefined;
  conditions(): readonly ObjectConditions[];
  /** Undefined: no proxy of that id registered. Of secrets nothing is told. */
  configuration(id: ProxyInfo["id"], kind: ConfigurationKind): ProxyConfiguration | undefined;
}

/** Known by telemetry. */
export interface TelemetrySource {
  records(): readonly EdgeRecord[];
  targets(): readonly TargetStatus[];
  /** The store left something out. */
  readonly truncated: boolean;
  /** Time between two scrapes of a proxy; 1 s when undefined. */
  readonly intervalMs?: number;
}

export interface Sources {
  readonly control: ControlSource;
  readonly telemetry: TelemetrySource;
  readonly now: () => number;
}
