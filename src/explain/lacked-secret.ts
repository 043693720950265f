// A gateway's server that would end TLS and has nothing to do it with: its chain closes every connection (compile/gateway-credentials.ts).

import type { GatewayServer } from "../model/gateway.ts";
import type { TcpClusterChoice } from "../table/tcp.ts";
import { BLACK_HOLE_CLUSTER } from "../xds/names.ts";
import type { Entry } from "./entry.ts";

/** Names of the Secrets that it asks for; none: the chain leads where its bytes are to go. */
export function lackedSecrets({ servers, by }: Entry, choice: TcpClusterChoice): readonly string[] {
  if (choice.kind !== "single" || choice.name !== BLACK_HOLE_CLUSTER) return [];
  const bound = servers.find(({ gateway, server }) => gateway.origin === by?.origin && server.path === by.path);
  return bound ? secretsOf(bound.server) : [];
}

function secretsOf({ tls }: GatewayServer): readonly string[] {
  if (tls?.kind !== "terminate") return [];
  const own = tls.certificates.kind === "credentials" ? tls.certificates.names : [];
  const roots = tls.clients.kind === "none" || tls.clients.roots.kind !== "credential" ? [] : [tls.clients.roots.name];
  return [...new Set([...own, ...roots])];
}
