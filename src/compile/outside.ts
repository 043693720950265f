// What becomes of calls to hosts that are no service of the mesh, or none that the client may see.

import type { MeshSettings, OutboundPolicy } from "../model/settings.ts";
import { BLACK_HOLE_CLUSTER, clusterName, PASSTHROUGH_CLUSTER } from "../xds/names.ts";

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
  return policy === "allow-any" ? (via ?? PASSTHROUGH_CLUSTER) : BLACK_HOLE_CLUSTER;
}
