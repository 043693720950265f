// What a connection manager believes of a request that says where it comes from (Envoy: ConnectionManagerUtility::mutateRequestHeaders).

import { containsAddress } from "../base/cidr.ts";
import type { DetectedClient } from "./client-address.ts";
import type { HttpTable } from "./http.ts";
import type { ConnectionFacts } from "./request.ts";

/** Headers by which a caller would command the proxy; Envoy takes them from internal addresses alone, of which there are none by default. */
const COMMANDS: ReadonlySet<string> = new Set([
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
]);

/** And what only another proxy can know: at the edge (use_remote_address) it is a lie. */
const EDGE_CLAIMS: ReadonlySet<string> = new Set([
  ...COMMANDS,
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-external-address",
  "x-envoy-original-host",
  "x-envoy-original-path",
]);

/** `atEdge`: use_remote_address. One pass, and one look at most fields: this is on the way of every request. */
export function removeClaims(headers: string[], atEdge: boolean): void {
  const claims = atEdge ? EDGE_CLAIMS : COMMANDS;
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]!;
    if (name.charCodeAt(0) === 0x78 /* x */ && name.startsWith("x-envoy-") && claims.has(name)) headers.splice(i, 2);
  }
}

/**
 * Envoy's internal request: what vouches for the client is one address alone, of the connection at the edge, of what tells it behind it,
 * and that is one of those configured. `client`: where it is another than the connection's peer.
 */
export function isInternal(
  { internalAddresses, useRemoteAddress }: HttpTable,
  { remoteAddress }: ConnectionFacts,
  client: DetectedClient | undefined,
  forwardedFor: string | undefined,
): boolean {
  if (internalAddresses.length === 0) return false;
  if (useRemoteAddress ? forwardedFor !== undefined : !client?.vouched) return false;
  const address = client?.address ?? remoteAddress;
  return internalAddresses.some((range) => containsAddress(range, address));
}
