// A service: the name that clients call, and the ports behind it.

import type { Authored } from "./origin.ts";
import type { Protocol } from "./protocol.ts";
import type { Visibility } from "./visibility.ts";

export interface ServicePort {
  /** 1 to 65535, unique in the service, but that UDP may have one that another protocol has. */
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** Port of the workload, by number or by the name of its port; the service port's own number when undefined. */
  readonly target?: number | string | undefined;
}

/**
 * How an address for a request is found: among the known endpoints, by DNS (all addresses, or the one that answered,
 * as Envoy's STRICT_DNS and LOGICAL_DNS), by DNS for the host of each request (`dynamic-dns`: wildcards), or the very address that the client dialled (headless services, resolution NONE).
 */
export type Resolution = "endpoints" | "dns" | "dns-round-robin" | "dynamic-dns" | "passthrough";

/** Labels that a workload must all have. Empty labels select every workload of the namespace. */
export interface WorkloadSelector {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** `location`: external servers have no identity of the mesh, so nothing but what a policy says is known of their TLS. */
export interface Service extends Authored {
  /** Fully qualified name in lower case, or a wildcard `*.example.com` (external only). Several namespaces may each have a service of one host. */
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  /** Virtual IPs, or CIDR ranges of an external service. None for a headless service. */
  readonly addresses: readonly string[];
  /** By number, ascending; of one number UDP comes last. */
  readonly ports: readonly ServicePort[];
  readonly location: "mesh" | "external";
  readonly resolution: Resolution;
  /** Workloads that are its endpoints; ignored when endpoints are listed. */
  readonly selector?: WorkloadSelector | undefined;
  /** Names that the server's certificate must carry instead of the endpoints' identities. */
  readonly subjectAltNames?: readonly string[] | undefined;
  readonly visibility: Visibility;
  /** Where the endpoints are that clients prefer, as far as no policy says it; undefined: the mesh's. */
  readonly prefers?: "zone" | "node" | undefined;
  /** Endpoints on the client's own node are all that there are to it. */
  readonly nodeLocal?: true | undefined;
  /** Its workloads take requests before they are ready, and as long as they are there. */
  readonly publishesUnready?: true | undefined;
  /** Other names that clients may call it by; `buildMesh` knows them. */
  readonly aliases?: readonly ServiceAlias[] | undefined;
}

/** Another name of a service. */
export interface ServiceAlias extends Authored {
  /** Fully qualified name in lower case. */
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  /** The host that it stands for: of a service, of another alias, or of nothing that the mesh knows. */
  readonly target: string;
  /** Place of the target in its object, for the source map. */
  readonly path: string;
  /** On which a route that is written for the name itself holds; the ports that it answers on are the service's. */
  readonly ports: readonly ServicePort[];
}

/** What distinguishes a service: `<namespace>/<host>`. */
export type ServiceKey = string;

export function serviceKey(service: { readonly namespace: string; readonly host: string }): ServiceKey {
  return `${service.namespace}/${service.host}`;
}

export function hostOfKey(key: ServiceKey): string {
  return key.slice(key.indexOf("/") + 1);
}

export function portByNumber(service: Service, number: number): ServicePort | undefined {
  return service.ports.find((port) => port.number === number);
}
