// Hosts that no endpoint names: where a captured connection was going, and what a request's authority says.

import { networkInterfaces } from "node:os";
import { parseAddress } from "../../base/cidr.ts";
import { getHeader } from "../../http/headers.ts";
import type { RequestHead } from "../../http/stream.ts";
import type { SocketAddress } from "../../net/byte-stream.ts";
import { portOf, withoutPort } from "../../table/authority.ts";
import type { Endpoint } from "../../table/endpoint.ts";
import { NO_METADATA } from "../../table/metadata.ts";
import type { ProxyContext } from "../context.ts";
import type { Downstream } from "../downstream.ts";
import type { Cluster } from "./cluster.ts";
import type { Host } from "./host.ts";

/** An endpoint that nobody configured. */
export function endpointAt(host: string, port: number): Endpoint {
  return {
    address: { kind: "socket", host, port },
    weight: 1,
    priority: 0,
    locality: { region: "", zone: "", subZone: "" },
    localityWeight: 0,
    health: "healthy",
    socketMatch: new Map(),
    workload: "",
    lbMetadata: new Map(),
    hostname: "",
    metadata: NO_METADATA,
  };
}

/** An address of this machine, as far as the proxy's namespace knows them. */
function isOwnAddress(address: string): boolean {
  if (address.startsWith("127.") || address === "::1" || address === "0.0.0.0" || address === "::") return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((own) => own.address === address));
}

/** `10.0.0.1:80` or `[::1]:80`; undefined for anything else. */
function readDestination(text: string): SocketAddress | undefined {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const address = parts?.[1] ?? parts?.[2];
  if (address === undefined || !parseAddress(address) || Number(parts![3]) > 65_535) return undefined;
  return { address, port: Number(parts![3]) };
}

/**
 * Calls back with the host of a request; `unknown`: its name has no address; `loop`: it is this proxy, which would send the request to
 * itself until something gives.
 */
export function destinationHost(
  cluster: Cluster,
  connection: Downstream,
  head: RequestHead,
  found: (host: Host | "unknown" | "loop") => void,
): void {
  const { discovery } = cluster.table;
  if (discovery.kind === "original-destination") {
    const asked = discovery.header === undefined ? undefined : getHeader(head.headers, discovery.header);
    const destination = asked === undefined ? connection.destination : readDestination(asked);
    if (!destination) found("unknown");
    else found(cluster.transient(endpointAt(destination.address, discovery.port ?? destination.port)));
    return;
  }
  const name = withoutPort(head.authority).replace(/^\[|\]$/g, "");
  const port = portOf(head.authority) ?? (head.scheme === "https" ? 443 : 80);
  namedHost(connection.context, cluster, { name, port }, found);
}

/** As `destinationHost`, of a name. */
export function namedHost(
  context: ProxyContext,
  cluster: Cluster,
  { name, port }: { readonly name: string; readonly port: number },
  found: (host: Host | "unknown" | "loop") => void,
): void {
  context.names.resolve(name, (answer) => {
    if (answer.kind !== "addresses") found("unknown");
    else if (context.isOwnPort(port) && isOwnAddress(answer.addresses[0]!)) found("loop");
    else found(cluster.transient(endpointAt(answer.addresses[0]!, port)));
  });
}
