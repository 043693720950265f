// The endpoints of a cluster, as EDS or the cluster itself names them.

import type { FilterMetadata } from "./metadata.ts";

export type Address =
  | { readonly kind: "socket"; readonly host: string; readonly port: number }
  | { readonly kind: "pipe"; readonly path: string }
  /** A listener of this very proxy (envoy_internal_address). */
  | {
      readonly kind: "internal";
      readonly listener: string;
      /** What the listener takes for the connection's destination (metadata `envoy.filters.listener.original_dst`, `local`). */
      readonly destination?: { readonly address: string; readonly port: number } | undefined;
    };

export type Health = "healthy" | "degraded" | "draining" | "unhealthy";

/** What an endpoint says of its checks. */
export interface EndpointHealthCheck {
  /** In place of the endpoint's; 0 leaves it. */
  readonly port: number;
  readonly address: Address | undefined;
  readonly hostname: string;
  readonly disabled: boolean;
}

export interface Endpoint {
  readonly address: Address;
  readonly weight: number;
  readonly priority: number;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** Of the locality, against others of its priority; 0 gets nothing where weights of localities count. */
  readonly localityWeight: number;
  readonly health: Health;
  /** Metadata `envoy.transport_socket_match`. */
  readonly socketMatch: ReadonlyMap<string, string>;
  /** Metadata `envoy.lb`: values in JSON. */
  readonly lbMetadata: ReadonlyMap<string, string>;
  /** Metadata `istio.workload`: `name;namespace;canonical name;canonical revision;cluster`; "" when unknown. */
  readonly workload: string;
  /** Its name where it has one beside its address (`hostname`, or what DNS resolved); "" without. */
  readonly hostname: string;
  /** What it says of its active health checks; undefined: nothing. */
  readonly healthCheck?: EndpointHealthCheck | undefined;
  /** `filter_metadata`, for `%UPSTREAM_METADATA(…)%`. */
  readonly metadata: FilterMetadata;
}

export interface EndpointSet {
  readonly endpoints: readonly Endpoint[];
  /** In per cent: 140 takes a priority with 72 % of its hosts for whole. */
  readonly overprovisioningFactor: number;
  /** The health of a priority is counted by weights, not by hosts. */
  readonly weightedPriorityHealth: boolean;
}

/** Envoy's (kDefaultOverProvisioningFactor). */
export const OVERPROVISIONING_FACTOR = 140;

export const NO_ENDPOINTS: EndpointSet = {
  endpoints: [],
  overprovisioningFactor: OVERPROVISIONING_FACTOR,
  weightedPriorityHealth: false,
};

/** `127.0.0.1:80`, `[::1]:80`, a path, or a listener's name: as logs show an upstream host. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "socket":
      return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
    case "pipe":
      return address.path;
    case "internal":
      return address.destination
        ? `envoy://${address.listener}/${address.destination.address}:${address.destination.port}`
        : `envoy://${address.listener}`;
  }
}
