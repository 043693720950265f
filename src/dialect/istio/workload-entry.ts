// WorkloadEntry → a workload that Kubernetes does not run. Selected by services, policies and routes as a Pod is.

import { serviceAccountIdentity } from "../../model/identity.ts";
import type { Health, Locality, Workload } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import { readProxy } from "../kubernetes/proxy.ts";
import { canonicalName, canonicalRevision, WORKLOAD_NAME } from "../kubernetes/workload-names.ts";
import type { Reading } from "./reading.ts";
import { checkWorkloadAddress, localityOf, takesMutualTls } from "./workload-address.ts";
import * as diagnostics from "./workload-diagnostics.ts";
import { WORKLOAD_ENTRY, type WorkloadEntryValue } from "./workload-entry-schema.ts";

/** Of an entry that was registered by a group: the group's name. */
export const AUTO_REGISTRATION_GROUP = "istio.io/autoRegistrationGroup";
/** `"true"`: somebody looks after its health, and says in its status what he found. */
export const HEALTH_CHECKS = "proxy.istio.io/health-checks-enabled";
/** The condition that says it. */
export const HEALTHY = "Healthy";

/** An entry without an account runs as this one, as a Pod does. */
const DEFAULT_ACCOUNT = "default";

export function readWorkloadEntry(reading: Reading): Workload | undefined {
  const { object, origin, namespace, settings, reporter } = reading;
  const entry = decodeObject(WORKLOAD_ENTRY, object, reporter);
  if (!entry) return undefined;
  const { address = "", ports, network = "", locality, weight, serviceAccount } = entry.spec;
  checkAddress(address, entry.spec, reading);
  // Istio merges the object's own labels over those of its spec.
  const labels = { ...entry.spec.labels, ...object.labels };
  const proxy = readProxy(object.annotations, namespace, settings, reporter);
  const workloadName = labels[WORKLOAD_NAME] ?? object.annotations[AUTO_REGISTRATION_GROUP] ?? origin.name;
  const account = serviceAccount || DEFAULT_ACCOUNT;
  return {
    namespace,
    name: origin.name,
    cluster: settings.cluster,
    network: network || (labels["topology.istio.io/network"] ?? ""),
    locality: localityOfEntry(locality, labels),
    weight: weight || 1,
    health: healthOf(object.annotations, entry),
    labels,
    addresses: address === "" ? [] : [address],
    ports: [],
    servicePorts: ports,
    serviceAccount: account,
    identity: serviceAccountIdentity(settings.trustDomain, namespace, account),
    workloadName,
    canonicalName: canonicalName(labels) ?? workloadName,
    canonicalRevision: canonicalRevision(labels) ?? "latest",
    proxy,
    takesMutualTls: proxy ? undefined : takesMutualTls(labels, serviceAccount, "spec.labels", reporter),
    origin,
  };
}

function checkAddress(address: string, { ports, network }: WorkloadEntryValue["spec"], { reporter }: Reading): void {
  if (address !== "") checkWorkloadAddress(address, ports, "spec.address", reporter);
  else if (network) reporter.report("spec.network", diagnostics.networkAlone(network));
  else reporter.report("spec.address", diagnostics.addressMissing());
}

export function localityOfEntry(written: string | undefined, labels: Readonly<Record<string, string>>): Locality {
  // Kubernetes takes no slashes in the value of a label.
  return localityOf(written || (labels["istio-locality"]?.replaceAll(".", "/") ?? ""));
}

/** Whoever is not looked after is taken for healthy; whoever is, is not until it is said (Istio's health checks of auto-registration). */
function healthOf(annotations: Readonly<Record<string, string>>, { status }: WorkloadEntryValue): Health {
  if (annotations[HEALTH_CHECKS] !== "true") return "healthy";
  const healthy = status?.conditions?.find((condition) => condition.type === HEALTHY);
  return healthy?.status === "True" ? "healthy" : "unhealthy";
}
