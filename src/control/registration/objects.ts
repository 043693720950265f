// The objects that stand for a registered workload. Its Pod's annotations say where its sidecar listens: the compiler reads them there,
// and nowhere else.

import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../kube/json.ts";
import type { KubeObject } from "../../kube/object.ts";
import { resource } from "../../kube/resources.ts";
import { gatewayLabels, workloadLabels } from "../../xds/registration.ts";
import { accountOf, conditionIs, isRegistered, REGISTERED_BY, readinessCondition, type Standing } from "../standing.ts";
import type { InstanceProof, Readiness, RegisteredWorkload } from "./workload.ts";

/** SHA-256 of the instance's key: who reads the object learns nothing with which to change it. */
export const INSTANCE = "heddle.dev/instance";
/** Of a Service that was made for a registration: other identities may not serve under its name. */
const SERVICE_ACCOUNT = "heddle.dev/service-account";
const REGISTRAR = "heddle run";

export function podOf(workload: RegisteredWorkload, proof: InstanceProof): KubeObject {
  const { name, namespace, app, application, serviceAccount } = workload;
  const ports = application && { ports: [{ name: application.protocol, containerPort: application.port }] };
  const annotations = { ...annotationsOf(workload), [INSTANCE]: digestOf(proof) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: labelsOf(workload), annotations },
    spec: { serviceAccountName: serviceAccount, containers: [{ name: app, ...ports }] },
  };
}

function labelsOf(workload: RegisteredWorkload): Readonly<Record<string, string>> {
  return workload.gateway ? gatewayLabels(workload) : workloadLabels(workload);
}

export function annotationsOf(workload: RegisteredWorkload): Readonly<Record<string, string>> {
  const { proxy, upstreams, address } = workload;
  return {
    [REGISTERED_BY]: REGISTRAR,
    "heddle.dev/proxy": proxy.kind,
    "heddle.dev/bind-address": address,
    "heddle.dev/mesh-port": String(proxy.meshPort),
    ...(workload.gateway ? { "heddle.dev/gateway": "true" } : wayIn(workload)),
    ...(upstreams.length > 0 && {
      "heddle.dev/upstreams": upstreams
        .map(({ port, host, servicePort }) => `${port}=${host}:${servicePort}`)
        .join(","),
    }),
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(proxy.statusPort),
    "prometheus.io/path": "/stats/prometheus",
  };
}

function wayIn({ proxy, application }: RegisteredWorkload): Readonly<Record<string, string>> {
  const { wayIn: way } = proxy;
  if (way.kind === "capture") {
    return {
      "heddle.dev/capture": "true",
      "heddle.dev/outbound-port": String(way.outbound),
      "heddle.dev/inbound-port": String(way.inbound),
      ...(way.machineAddress !== undefined && { "heddle.dev/machine-address": way.machineAddress }),
    };
  }
  return {
    "heddle.dev/forward-proxy-port": String(way.forwardProxy),
    ...(application && { "heddle.dev/inbound-ports": `${application.port}=${way.inbound}` }),
  };
}

export function digestOf({ key }: InstanceProof): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Whether what is stored is a registration of this very instance. */
export function isRegistrationOf(standing: Standing, serviceAccount: string, proof: InstanceProof): boolean {
  return (
    isRegistered(standing) &&
    standing.object.metadata.annotations?.[INSTANCE] === digestOf(proof) &&
    accountOf(standing) === serviceAccount
  );
}

export function statusOf(
  type: Standing["type"],
  { address }: RegisteredWorkload,
  readiness: Readiness,
  time: string,
): JsonObject {
  const condition = {
    type: readinessCondition(type),
    status: readiness.ready ? "True" : "False",
    lastTransitionTime: time,
  };
  const conditions = [readiness.ready ? condition : { ...condition, reason: readiness.reason }];
  return type === resource.pods
    ? { phase: "Running", podIP: address, podIPs: [{ ip: address }], conditions }
    : { conditions };
}

/** Whether a stored object's status says so already; a Pod's of the same address, which is the status's own there. */
export function hasStatus(standing: Standing, { address }: RegisteredWorkload, readiness: Readiness): boolean {
  const { type, object } = standing;
  if (type === resource.pods && !(isJsonObject(object.status) && object.status.podIP === address)) return false;
  return readiness.ready
    ? conditionIs(standing, { status: "True", reason: undefined })
    : conditionIs(standing, { status: "False", reason: readiness.reason });
}

/** What gateways serve there wherever they stand; what they serve elsewhere is known when a Gateway says so. */
const USUAL_GATEWAY_PROTOCOLS: Readonly<Record<number, string>> = { 80: "http", 443: "https", 15443: "tls" };

/** Clients call the usual ports, and it listens where it may: it needs no right to open port 80. */
export function gatewayServiceOf({
  app,
  namespace,
  serviceAccount,
  gateway,
}: RegisteredWorkload): KubeObject | undefined {
  if (!gateway || gateway.ports.length === 0) return undefined;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: app,
      namespace,
      labels: { app },
      annotations: { [REGISTERED_BY]: REGISTRAR, [SERVICE_ACCOUNT]: serviceAccount },
    },
    spec: {
      selector: { app },
      ports: gateway.ports.map(({ servicePort, port }) => ({
        name: `${USUAL_GATEWAY_PROTOCOLS[servicePort] ?? "tcp"}-${servicePort}`,
        port: servicePort,
        targetPort: port,
      })),
    },
  };
}

/** Whether the Service that is there has the ports of the one that would be made. */
export function leadsToDoors({ spec }: KubeObject, wanted: KubeObject): boolean {
  return isJsonObject(spec) && isJsonObject(wanted.spec) && portsText(spec.ports) === portsText(wanted.spec.ports);
}

function portsText(ports: unknown): string {
  const list = Array.isArray(ports) ? ports.filter(isJsonObject) : [];
  return JSON.stringify(list.map(({ port, targetPort }) => [port, targetPort]));
}

type Served = RegisteredWorkload & { readonly application: NonNullable<RegisteredWorkload["application"]> };

export function isServed(workload: RegisteredWorkload): workload is Served {
  return workload.application !== undefined;
}

/** Its target is the name of the container's port: two versions on one host have different numbers under one name. */
export function serviceOf({ app, namespace, serviceAccount, application }: Served): KubeObject {
  const { protocol, servicePort } = application;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: app,
      namespace,
      labels: { app },
      annotations: { [REGISTERED_BY]: REGISTRAR, [SERVICE_ACCOUNT]: serviceAccount },
    },
    spec: { selector: { app }, ports: [{ name: protocol, port: servicePort, targetPort: protocol }] },
  };
}

/** The service account whose workloads alone may serve; undefined for a Service that a person made. */
export function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[SERVICE_ACCOUNT];
}

/** Whether requests to the Service reach the application. */
export function leadsTo({ spec }: KubeObject, { application: { protocol, port } }: Served): boolean {
  const ports = isJsonObject(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  return ports.some(
    (entry) => isJsonObject(entry) && (entry.targetPort === protocol || (entry.targetPort ?? entry.port) === port),
  );
}

export function namespaceOf({ namespace }: RegisteredWorkload): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
}

export function serviceAccountOf({ serviceAccount, namespace }: RegisteredWorkload): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: serviceAccount, namespace } };
}
