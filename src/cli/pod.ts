// The objects that stand for a program that `heddle run` runs. Its Pod's annotations say where its sidecar listens: the control
// plane reads them there, and nowhere else.

import { CAPTURE_PORTS } from "../agent/capture-rules.ts";
import type { ProxyKind } from "../agent/sidecar.ts";
import { REGISTERED_BY } from "../control/liveness.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ChosenPorts } from "./sidecar-ports.ts";
import type { UpstreamOption } from "./values.ts";

export const PROTOCOLS = ["http", "http2", "grpc", "tcp"] as const;
export type ApplicationProtocol = (typeof PROTOCOLS)[number];

/** A program and its sidecar, as decided. */
export interface PodPlan {
  /** Of the service: the label `app`. */
  readonly app: string;
  readonly version: string;
  /** Of this instance. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workloadName: string;
  /** By which peers reach it. */
  readonly address: string;
  /** Where the application listens; undefined for one that only calls. */
  readonly port: number | undefined;
  readonly servicePort: number;
  readonly protocol: ApplicationProtocol;
  readonly proxy: ProxyKind;
  /** Its connections are redirected; it needs no forward proxy, and nothing stands in for its port. */
  readonly captured: boolean;
  /** Leads a captured one to this machine's loopback interface. */
  readonly machineAddress: string | undefined;
  readonly ports: ChosenPorts;
  readonly upstreams: readonly UpstreamOption[];
}

export function labelsOf({ app, version, workloadName }: PodPlan): Readonly<Record<string, string>> {
  return {
    app,
    version,
    "service.istio.io/canonical-name": app,
    "service.istio.io/canonical-revision": version,
    "service.istio.io/workload-name": workloadName,
  };
}

/** How connections come to the sidecar without having been addressed to it, or what is addressed instead. */
function wayIn({ captured, machineAddress, ports, port }: PodPlan): Readonly<Record<string, string>> {
  if (captured) {
    return {
      "heddle.dev/capture": "true",
      "heddle.dev/outbound-port": String(CAPTURE_PORTS.outbound),
      "heddle.dev/inbound-port": String(CAPTURE_PORTS.inbound),
      ...(machineAddress === undefined ? {} : { "heddle.dev/machine-address": machineAddress }),
    };
  }
  return {
    "heddle.dev/forward-proxy-port": String(ports.forwardProxy),
    ...(port === undefined ? {} : { "heddle.dev/inbound-ports": `${port}=${ports.inbound}` }),
  };
}

function annotationsOf(plan: PodPlan): Readonly<Record<string, string>> {
  const { proxy, ports, upstreams, address } = plan;
  return {
    [REGISTERED_BY]: "heddle run",
    "heddle.dev/proxy": proxy,
    "heddle.dev/bind-address": address,
    "heddle.dev/mesh-port": String(ports.mesh),
    ...wayIn(plan),
    ...(upstreams.length === 0
      ? {}
      : {
          "heddle.dev/upstreams": upstreams
            .map((upstream) => `${upstream.port}=${upstream.host}:${upstream.servicePort}`)
            .join(","),
        }),
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(ports.status),
    "prometheus.io/path": "/stats/prometheus",
  };
}

export function podOf(plan: PodPlan): KubeObject {
  const { name, namespace, app, port, protocol, serviceAccount } = plan;
  const ports = port === undefined ? {} : { ports: [{ name: protocol, containerPort: port }] };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: labelsOf(plan), annotations: annotationsOf(plan) },
    spec: { serviceAccountName: serviceAccount, containers: [{ name: app, ...ports }] },
  };
}

/** `reason`: why it is not ready. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export function statusOf({ address }: PodPlan, readiness: Readiness, time: string) {
  const condition = { type: "Ready", status: readiness.ready ? "True" : "False", lastTransitionTime: time };
  return {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [readiness.ready ? condition : { ...condition, reason: readiness.reason }],
  };
}

/** Its target is the name of the container's port: two versions on one host have different numbers under one name. */
export function serviceOf({ app, namespace, servicePort, protocol }: PodPlan): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: app, namespace, labels: { app } },
    spec: { selector: { app }, ports: [{ name: protocol, port: servicePort, targetPort: protocol }] },
  };
}

export function serviceAccountOf({ serviceAccount, namespace }: PodPlan): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: serviceAccount, namespace } };
}
