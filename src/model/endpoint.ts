// An endpoint: one address behind one port of one service.

import type { Identity } from "./identity.ts";
import type { Origin } from "./origin.ts";
import type { ServiceKey } from "./service.ts";
import type { Health, Locality, WorkloadKey } from "./workload.ts";

/** The best that an endpoint can take; policy may ask for less, or refuse to go on. */
export type EndpointTransport =
  /** The mesh leg, on the mesh port of the endpoint's proxy. */
  | { readonly kind: "leg"; readonly port: number }
  /** Mutual TLS on the application's own port, as Istio's clients speak it: its sidecar is not of this mesh. */
  | { readonly kind: "istio" }
  /** Behind it is a gateway's server: mutual TLS on this very port where a policy of the client demands it, else plaintext. */
  | { readonly kind: "gateway" }
  | { readonly kind: "plaintext" };

export interface Endpoint {
  /** IP address, `unix://` and the path of a socket, or a DNS name when the service's resolution is by DNS. */
  readonly address: string;
  /** The application's port: names the server's inbound chain and the port of its mTLS mode. */
  readonly applicationPort: number;
  /** Where plaintext is to be sent: the application's port, or the proxy's port that stands for it. */
  readonly port: number;
  readonly transport: EndpointTransport;
  readonly health: Health;
  readonly weight: number;
  readonly locality: Locality;
  /** See Workload. */
  readonly node?: string | undefined;
  /** Its own name under the service's. */
  readonly hostname?: string | undefined;
  readonly cluster: string;
  readonly network: string;
  /** What subsets select by. */
  readonly labels: Readonly<Record<string, string>>;
  readonly identity?: Identity | undefined;
  /** Undefined when the mesh knows only the address. */
  readonly workload?: WorkloadKey | undefined;
}

/** An endpoint as somebody listed it (EndpointSlice, ServiceEntry): for all ports of the service at once. */
export interface ListedEndpoint {
  readonly address: string;
  /** Service port name → the workload's port. A service port that is not here has no such endpoint. */
  readonly ports: Readonly<Record<string, number>>;
  readonly health: Health;
  readonly weight: number;
  readonly locality: Locality;
  /** See Workload. */
  readonly node?: string | undefined;
  /** Its own name under the service's. */
  readonly hostname?: string | undefined;
  readonly cluster: string;
  readonly network: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly identity?: Identity | undefined;
  /** See Workload. */
  readonly takesMutualTls?: boolean | undefined;
  /** The workload it stands for: its labels, identity and proxy then count instead. */
  readonly workload?: WorkloadKey | undefined;
}

const UNIX = "unix://";

export function isUnixAddress(address: string): boolean {
  return address.startsWith(UNIX);
}

/** Of the socket; `@` in front is the abstract namespace's. */
export function unixPath(address: string): string {
  return address.slice(UNIX.length);
}

/** Endpoints listed for one service. Several lists for a service add up. */
export interface EndpointList {
  readonly service: ServiceKey;
  readonly endpoints: readonly ListedEndpoint[];
  readonly origin: Origin;
}

/** By service port number. */
export type PortEndpoints = ReadonlyMap<number, readonly Endpoint[]>;

/** What the endpoints of one service were found from. While all of it is the same objects, so are the endpoints. */
export interface ServiceEndpoints {
  readonly inputs: readonly unknown[];
  readonly ports: PortEndpoints;
}
