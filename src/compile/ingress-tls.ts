// How TLS ends at a workload's own port, for clients that know no mesh.

import { isHttp } from "../model/protocol.ts";
import type { TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { ServerSocketPlan, Terminating } from "./gateway-credentials.ts";
import { gatewaySocket, type TlsDefaults } from "./gateway-tls.ts";
import type { ServedPort } from "./inbound-ports.ts";
import { istioServer } from "./tls.ts";

/**
 * STRICT: mutual TLS, as Istio's sidecars speak it. Where mutual TLS is off, what the workload says. What cannot be had as it is written
 * demands the mesh's certificates instead: nobody may come in whom it would have refused.
 */
export function ownSocket({ mode, own, protocol }: ServedPort, defaults: TlsDefaults): TransportSocket | undefined {
  if (mode === "strict") return istioServer(defaults.meshTls);
  if (mode !== "disable" || !own?.tls) return undefined;
  const plan = planOf(own.tls);
  return plan ? gatewaySocket(plan, isHttp(protocol), defaults) : istioServer(defaults.meshTls);
}

/** Files alone: no Secret is sent to a sidecar. */
function planOf({ certificates, clients, parameters, alpn }: Terminating): ServerSocketPlan | undefined {
  if (certificates.kind !== "files") return undefined;
  if (clients.kind === "none") return { certificates, clients, parameters, alpn };
  const { roots } = clients;
  if (roots.kind !== "file") return undefined;
  return { certificates, clients: { ...clients, roots }, parameters, alpn };
}
