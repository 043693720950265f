// A workload: one running instance (a Pod, a process, a VM), with the proxy beside it if there is one.

import type { ConnectionSettings } from "./connection-settings.ts";
import type { Identity } from "./identity.ts";
import type { Origin } from "./origin.ts";
import type { Protocol } from "./protocol.ts";
import type { ClientCertificateForwarding, ProxyHeaders } from "./proxy-headers.ts";

/** Empty strings where unknown, as Envoy's Locality. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** `draining`: it finishes what it has and takes nothing new. */
export type Health = "healthy" | "unhealthy" | "draining";

/** A port that the workload says it listens on. Services may lead to others. */
export interface WorkloadPort {
  readonly name: string;
  readonly number: number;
  readonly protocol?: Protocol | undefined;
}

/** A local port of the proxy that stands for one service port (the way in for applications without capture). */
export interface Upstream {
  readonly port: number;
  /** Fully qualified. */
  readonly host: string;
  /** As it is written, where that may be a host outside of the cluster, too: `example.com` is `example` of namespace `com` first. */
  readonly written?: string | undefined;
  readonly servicePort: number;
}

/** Ports that intercepted connections are redirected to. */
export interface Capture {
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** By which it reaches the loopback interface of its machine, having one of its own; undefined when they share it. */
  readonly machineAddress?: string | undefined;
}

/** A proxy without an application beside it, at the edge of the mesh. */
export interface GatewayProxy {
  /** Proxies in front of it whose word in x-forwarded-for counts (Istio's gatewayTopology.numTrustedProxies). */
  readonly trustedProxies: number;
  /** What becomes of x-forwarded-client-cert. */
  readonly clientCertificate: ClientCertificateForwarding;
  /** Connections begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** In place of the mesh's, which are sidecars'. */
  readonly connections?: ConnectionSettings | undefined;
}

/** What a workload says of its proxy's HTTP, in place of the mesh. */
export interface OwnHttp {
  readonly headers?: ProxyHeaders | undefined;
  /** A sidecar's. */
  readonly connections?: ConnectionSettings | undefined;
}

/** What stands beside a workload, and on which ports: the same facts for Heddle's proxy and for Envoy. */
export interface WorkloadProxy {
  readonly kind: "heddle" | "envoy";
  /** Takes the mesh leg (mutual TLS, multiplexed); 15008 by default, of its own on a shared host. */
  readonly meshPort: number;
  /** Address that the mesh port and the inbound ports listen on. */
  readonly bindAddress: string;
  /** Ports that take plaintext for an application port when nothing is captured. */
  readonly inboundPorts: readonly { readonly application: number; readonly plaintext: number }[];
  readonly forwardProxyPort?: number | undefined;
  readonly upstreams: readonly Upstream[];
  readonly capture?: Capture | undefined;
  /** Undefined: the mesh's word holds. */
  readonly http?: OwnHttp | undefined;
  /** Undefined: a sidecar. */
  readonly gateway?: GatewayProxy | undefined;
}

export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly cluster: string;
  /** "" is the default network: reachable directly from everywhere. */
  readonly network: string;
  readonly locality: Locality;
  /** The machine that it runs on; undefined: nobody said. */
  readonly node?: string | undefined;
  /** Its own name under a service of a name (Kubernetes' hostname and subdomain). */
  readonly instance?: { readonly hostname: string; readonly subdomain: string } | undefined;
  /** Share of load relative to the other endpoints of a service; 1 unless said. */
  readonly weight: number;
  readonly health: Health;
  readonly labels: Readonly<Record<string, string>>;
  /** IP addresses; of one that a person entered also a DNS name, or `unix://` and the path of a socket. */
  readonly addresses: readonly string[];
  readonly ports: readonly WorkloadPort[];
  /** Where it serves a service's port, by the name of that port, or of its target (Istio's WorkloadEntry.ports); others are as the service says. */
  readonly servicePorts?: Readonly<Record<string, number>> | undefined;
  readonly serviceAccount: string;
  readonly identity: Identity;
  /** What owns it (Deployment, job), as the metric label source_workload has it. */
  readonly workloadName: string;
  /** Istio's canonical service: the labels of every metric. */
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** Undefined: no proxy of this mesh, so plaintext only, unless `takesMutualTls`. */
  readonly proxy?: WorkloadProxy | undefined;
  /** Whether a sidecar that this control plane does not configure takes mutual TLS on the application's own ports, as Istio's do; false: nothing does. */
  readonly takesMutualTls?: boolean | undefined;
  readonly origin: Origin;
}

/** What distinguishes a workload: `<cluster>/<namespace>/<name>`. */
export type WorkloadKey = string;

export function workloadKey(workload: {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}): WorkloadKey {
  return `${workload.cluster}/${workload.namespace}/${workload.name}`;
}

/** Whether `labels` has every wanted label with its value. Nothing wanted matches all. */
export function labelsMatch(
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}
