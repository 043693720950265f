// Pod → a workload. Off Kubernetes a registered process is a Pod too, so this is the one way in for workloads.

import { serviceAccountIdentity } from "../../model/identity.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Health, Locality, Workload, WorkloadPort } from "../../model/workload.ts";
import { decodeObject } from "../decode.ts";
import type { SourceObject } from "../object.ts";
import type { Reporter } from "../reporter.ts";
import { type PodValue, SCHEMAS } from "./kinds.ts";
import { readProxy } from "./proxy.ts";
import { canonicalName, canonicalRevision, type Labels, TLS_MODE, WORKLOAD_NAME } from "./workload-names.ts";

/** Undefined for a Pod without an address, or one that has run to its end. */
export function readPod(object: SourceObject, settings: MeshSettings, reporter: Reporter): Workload | undefined {
  const pod = decodeObject(SCHEMAS.Pod, object, reporter);
  if (!pod) return undefined;
  const { origin, labels, annotations } = object;
  const { status } = pod;
  const addresses = [...new Set([status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)])].filter(
    (ip) => ip !== undefined,
  );
  const proxy = readProxy(annotations, origin.namespace, settings, reporter);
  if (addresses.length === 0 || status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  const serviceAccount = pod.spec?.serviceAccountName || "default";
  const workloadName = labels[WORKLOAD_NAME] ?? ownerName(pod, labels) ?? origin.name;
  return {
    namespace: origin.namespace,
    name: origin.name,
    cluster: settings.cluster,
    network: labels["topology.istio.io/network"] ?? "",
    locality: localityOfLabels(labels),
    ...(pod.spec?.nodeName ? { node: pod.spec.nodeName } : {}),
    ...instanceOf(pod),
    weight: 1,
    health: healthOf(pod),
    labels,
    addresses,
    ports: portsOf(pod),
    serviceAccount,
    identity: serviceAccountIdentity(settings.trustDomain, origin.namespace, serviceAccount),
    workloadName,
    canonicalName: canonicalName(labels) ?? workloadName,
    canonicalRevision: canonicalRevision(labels) ?? "latest",
    proxy,
    ...(proxy || labels[TLS_MODE] === undefined ? {} : { takesMutualTls: labels[TLS_MODE] === "istio" }),
    origin,
  };
}

/** By which DNS knows it under a headless Service. */
function instanceOf({ spec }: PodValue): Pick<Workload, "instance"> {
  const { hostname, subdomain } = spec ?? {};
  return hostname && subdomain ? { instance: { hostname, subdomain } } : {};
}

/** Of a Deployment's Pod the Deployment: its ReplicaSet has the Deployment's name and the template's hash. */
function ownerName(pod: PodValue, labels: Labels): string | undefined {
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller);
  if (!owner?.name) return undefined;
  const hash = labels["pod-template-hash"];
  return owner.kind === "ReplicaSet" && hash
    ? owner.name.replace(new RegExp(`-${hash.replace(/\W/g, "")}$`), "")
    : owner.name;
}

/** `istio-locality` (region.zone.subzone) beats the labels of topology. */
export function localityOfLabels(labels: Labels): Locality {
  const [region, zone, subzone] = labels["istio-locality"]?.split(/[./]/) ?? [];
  return {
    region: region ?? labels["topology.kubernetes.io/region"] ?? "",
    zone: zone ?? labels["topology.kubernetes.io/zone"] ?? "",
    subzone: subzone ?? labels["topology.istio.io/subzone"] ?? "",
  };
}

/** A Pod that is being deleted still answers, so it is drained rather than dropped; without a Ready condition nobody vouches for it. */
function healthOf({ metadata, status }: PodValue): Health {
  if (metadata?.deletionTimestamp) return "draining";
  const ready = status?.conditions?.find((condition) => condition.type === "Ready");
  return ready?.status === "True" ? "healthy" : "unhealthy";
}

function portsOf({ spec }: PodValue): readonly WorkloadPort[] {
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.map(({ name = "", containerPort }) => ({ name, number: containerPort }));
}
