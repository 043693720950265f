// Hosts that no endpoint names: where a captured connection was going, and what a request's authority says.

import type { RequestHead } from "../../http/stream.ts";
import { portOf, withoutPort } from "../../table/authority.ts";
import type { Endpoint } from "../../table/endpoint.ts";
import { NO_METADATA } from "../../table/metadata.ts";
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
    health: "healthy",
    socketMatch: new Map(),
    workload: "",
    lbMetadata: new Map(),
    hostname: "",
    metadata: NO_METADATA,
  };
}

/** Calls back with the host of a request, or undefined when its name has no address. */
export function destinationHost(
  cluster: Cluster,
  connection: Downstream,
  head: RequestHead,
  found: (host: Host | undefined) => void,
): void {
  if (cluster.table.discovery.kind === "original-destination") {
    const { destination } = connection;
    found(destination && cluster.transient(endpointAt(destination.address, destination.port)));
    return;
  }
  const name = withoutPort(head.authority).replace(/^\[|\]$/g, "");
  const port = portOf(head.authority) ?? (head.scheme === "https" ? 443 : 80);
  connection.context.names.resolve(name, (answer) => {
    found(answer.kind === "addresses" ? cluster.transient(endpointAt(answer.addresses[0]!, port)) : undefined);
  });
}
