// What becomes of calls to hosts that are no service of the mesh, or none that the client may see.

import type { Mesh } from "../model/mesh.ts";
import type { MeshSettings, OutboundPolicy } from "../model/settings.ts";
import { BLACK_HOLE_CLUSTER, clusterName, DYNAMIC_DNS_CLUSTER, PASSTHROUGH_CLUSTER } from "../xds/names.ts";
import { PASSTHROUGH_DNS } from "./listener-names.ts";

export interface Outside {
  readonly policy: OutboundPolicy;
  /** The cluster that takes what is let through; undefined: it goes to whom it is for. */
  readonly via: string | undefined;
}

export function outsideOf({ outboundPolicy, egressProxy }: MeshSettings): Outside {
  if (outboundPolicy !== "allow-any" || !egressProxy) return { policy: outboundPolicy, via: undefined };
  const { host, port = 0, subset = "" } = egressProxy;
  return { policy: outboundPolicy, via: clusterName({ direction: "outbound", port, subset, host }) };
}

/** Of bytes, whose destination alone is known. */
export function outsideCluster({ policy, via }: Outside): string {
  return policy === "registry-only" ? BLACK_HOLE_CLUSTER : (via ?? PASSTHROUGH_CLUSTER);
}

/** Of requests that are let through. Those of a `proxy` have no destination but their Host. */
export function requestsOutside(kind: "port" | "proxy", { policy, via }: Outside): string {
  if (via !== undefined) return via;
  if (policy === "dynamic-dns") return DYNAMIC_DNS_CLUSTER;
  return kind === "proxy" ? PASSTHROUGH_DNS : PASSTHROUGH_CLUSTER;
}

/** Whether hosts of any request may be looked up. */
export function looksUpAnyHost({ outboundPolicy }: Pick<MeshSettings, "outboundPolicy">): boolean {
  return outboundPolicy === "dynamic-dns";
}

const found = new WeakMap<Mesh["services"], readonly number[]>();

/**
 * Ports whose servers may be the ones that speak first, as far as services say: a connection to one is not looked into before its listener
 * is found. None where nothing is looked into.
 */
export function serverFirstPorts({ services, settings }: Mesh): readonly number[] {
  if (!looksUpAnyHost(settings)) return [];
  const ports = found.get(services) ?? portsOfBytes(services);
  found.set(services, ports);
  return ports;
}

function portsOfBytes(services: Mesh["services"]): readonly number[] {
  const numbers = new Set<number>();
  for (const { ports } of services)
    for (const { number, protocol } of ports) if (protocol === "tcp" || protocol === "undeclared") numbers.add(number);
  return [...numbers].sort((a, b) => a - b);
}
