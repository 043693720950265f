// One endpoint of a cluster as the proxy runs it: its pools, its load, its edges in the statistics.

import type { RequestEdge } from "../../stats/request-edge.ts";
import type { TcpEdge } from "../../stats/tcp-edge.ts";
import { type Address, type Endpoint, formatAddress, type Health } from "../../table/endpoint.ts";
import type { FilterMetadata } from "../../table/metadata.ts";
import type { UpstreamSocket } from "../../table/transport-socket.ts";
import type { HttpPool } from "./http-pool.ts";

export class Host {
  readonly address: Address;
  /** As `%UPSTREAM_HOST%` shows it. */
  readonly label: string;
  readonly socket: UpstreamSocket;
  readonly weight: number;
  readonly priority: number;
  readonly health: Health;
  readonly workload: string;
  readonly lbMetadata: ReadonlyMap<string, string>;
  /** Its name where it has one beside its address; "" without. */
  readonly hostname: string;
  /** Of the endpoint as it was told last: it does not make another host. */
  metadata: FilterMetadata;
  /** Requests and byte streams that are on their way. */
  active = 0;
  /** It has left its cluster. */
  isGone = false;
  /** Made on first use. */
  http1: HttpPool | undefined = undefined;
  http2: HttpPool | undefined = undefined;
  httpEdge: RequestEdge | undefined = undefined;
  grpcEdge: RequestEdge | undefined = undefined;
  tcpEdge: TcpEdge | undefined = undefined;
  /** SPIFFE id that the endpoint proved on its newest connection. */
  principal = "";
  readonly stats = { requests: 0, errors: 0, connections: 0, connectFailures: 0, activeConnections: 0 };

  constructor(endpoint: Endpoint, socket: UpstreamSocket) {
    this.address = endpoint.address;
    this.label = formatAddress(endpoint.address);
    this.socket = socket;
    this.weight = endpoint.weight;
    this.priority = endpoint.priority;
    this.health = endpoint.health;
    this.workload = endpoint.workload;
    this.lbMetadata = endpoint.lbMetadata;
    this.hostname = endpoint.hostname;
    this.metadata = endpoint.metadata;
  }

  /** Another host with the same key would be the same connections: an update keeps this one. */
  static key(endpoint: Endpoint, socket: UpstreamSocket): string {
    return [
      formatAddress(endpoint.address),
      endpoint.weight,
      endpoint.priority,
      endpoint.health,
      endpoint.workload,
      JSON.stringify([...endpoint.lbMetadata]),
      JSON.stringify(socket),
    ].join("\0");
  }

  drain(): void {
    this.isGone = true;
    this.http1?.drain();
    this.http2?.drain();
  }
}
