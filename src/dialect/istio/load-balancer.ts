// DestinationRule `loadBalancer`.

import type {
  BackendUtilization,
  EndpointChoice,
  HashKey,
  HashTable,
  LoadBalancing,
  Warmup,
} from "../../model/client-policy.ts";
import type { LocalityPreference } from "../../model/locality-preference.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { BackendUtilizationSpec, ConsistentHashSpec, LoadBalancerSpec } from "./destination-rule-schema.ts";
import * as diagnostics from "./diagnostics.ts";
import { MIN_CLUSTER_SIZE, readLocality, readZones } from "./locality.ts";
import * as traffic from "./traffic-diagnostics.ts";

/** Istio's, where it is not said. */
const RING_SIZE = 1_024;
const WARMUP_MINIMUM_PERCENT = 10;

/** Undefined: refused. */
export function readLoadBalancer(spec: LoadBalancerSpec, path: string, reporter: Reporter): LoadBalancing | undefined {
  const choice = readChoice(spec, path, reporter);
  const locality = readPreference(spec, path, reporter);
  return choice && locality ? { ...choice, locality } : choice;
}

/** Of two that are on, zones count. */
function readPreference(spec: LoadBalancerSpec, path: string, reporter: Reporter): LocalityPreference | undefined {
  const { localityLbSetting, zoneAwareLbSetting, consistentHash, simple } = spec;
  const localities =
    localityLbSetting && readLocality(localityLbSetting, joinPath(path, "localityLbSetting"), reporter);
  const at = joinPath(path, "zoneAwareLbSetting");
  const zones = zoneAwareLbSetting && readZones(zoneAwareLbSetting, at, reporter);
  if (zones && localities && localities.kind !== "none") reporter.report(at, traffic.zonesBesideLocalities());
  const policy = consistentHash ? "consistentHash" : simple;
  if (zones && (policy === "consistentHash" || policy === "PASSTHROUGH"))
    reporter.report(at, traffic.zonesElsewhere(policy));
  if (zones?.kind === "zones" && spec.backendUtilization && zones.minClusterSize !== MIN_CLUSTER_SIZE)
    reporter.report(joinPath(at, "minClusterSize"), traffic.zonesBesideUtilization(zones.minClusterSize));
  return zones ?? localities;
}

function readChoice(spec: LoadBalancerSpec, path: string, reporter: Reporter): EndpointChoice | undefined {
  const warmup = readWarmup(spec);
  if (spec.consistentHash) {
    if (warmup) reporter.report(path, diagnostics.warmupElsewhere("consistentHash"));
    return readConsistentHash(spec.consistentHash, joinPath(path, "consistentHash"), reporter);
  }
  if (spec.backendUtilization)
    return { kind: "backend-utilization", ...readUtilization(spec.backendUtilization), warmup };
  switch (spec.simple) {
    case undefined:
    case "UNSPECIFIED":
    case "LEAST_CONN": // its old name
    case "LEAST_REQUEST":
      return { kind: "least-request", warmup };
    case "ROUND_ROBIN":
      return { kind: "round-robin", warmup };
    case "RANDOM":
    case "PASSTHROUGH":
      if (warmup) reporter.report(path, diagnostics.warmupElsewhere(spec.simple));
      return { kind: spec.simple === "RANDOM" ? "random" : "original-destination" };
  }
}

function readUtilization(spec: BackendUtilizationSpec): BackendUtilization {
  return {
    blackoutMs: spec.blackoutPeriod,
    expirationMs: spec.weightExpirationPeriod,
    updateMs: spec.weightUpdatePeriod,
    errorPenalty: spec.errorUtilizationPenalty,
    metrics: spec.metricNamesForComputingUtilization ?? [],
  };
}

function readWarmup({ warmup, warmupDurationSecs }: LoadBalancerSpec): Warmup | undefined {
  const durationMs = warmup?.duration ?? warmupDurationSecs;
  if (durationMs === undefined) return undefined;
  const { minimumPercent = WARMUP_MINIMUM_PERCENT, aggression = 1 } = warmup ?? {};
  return { durationMs, minimumPercent, aggression };
}

function readConsistentHash(spec: ConsistentHashSpec, path: string, reporter: Reporter): EndpointChoice | undefined {
  const key = hashKey(spec);
  if (!key) reporter.report(path, diagnostics.hashOfNothing());
  const table = hashTable(spec);
  if (table.kind === "maglev" && !isPrime(table.size))
    reporter.report(joinPath(path, "maglev.tableSize"), diagnostics.noPrime(table.size));
  // Envoy hashes nothing to a random number.
  return key ? { kind: "consistent-hash", key, table } : { kind: "random" };
}

function hashKey({
  httpHeaderName,
  httpCookie,
  useSourceIp,
  httpQueryParameterName,
}: ConsistentHashSpec): HashKey | undefined {
  if (httpHeaderName !== undefined) return { kind: "header", name: httpHeaderName.toLowerCase() };
  if (httpQueryParameterName !== undefined) return { kind: "query", name: httpQueryParameterName };
  if (useSourceIp) return { kind: "source-address" };
  if (!httpCookie) return undefined;
  const { name, path, ttl, attributes = [] } = httpCookie;
  return {
    kind: "cookie",
    name,
    path,
    ttlMs: ttl,
    attributes: attributes.map((attribute) => ({ name: attribute.name, value: attribute.value ?? "" })),
  };
}

function hashTable({ ringHash, maglev, minimumRingSize }: ConsistentHashSpec): HashTable {
  if (maglev) return { kind: "maglev", size: maglev.tableSize };
  return { kind: "ring", minSize: ringHash?.minimumRingSize || minimumRingSize || RING_SIZE };
}

function isPrime(size: number): boolean {
  for (let divisor = 2; divisor * divisor <= size; divisor++) if (size % divisor === 0) return false;
  return size > 1;
}
