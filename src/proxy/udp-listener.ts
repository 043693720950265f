// A listener for datagrams at work: a session for each client, a host for each session (Envoy: UdpProxyFilter).

import { logger } from "../base/log.ts";
import type { SocketAddress } from "../net/byte-stream.ts";
import { bindDatagrams, type DatagramListener, type DatagramSocket } from "../net/datagram.ts";
import { walkChainMatcher } from "../table/filter-chain-match.ts";
import { hashText } from "../table/hash-policy.ts";
import type { UdpListener as UdpListenerTable } from "../table/udp.ts";
import { type BoundLog, writeLogs } from "./access-log.ts";
import { AccessRecord } from "./access-record.ts";
import { bindLogs } from "./bound-chain.ts";
import { factsBetween } from "./connection-facts.ts";
import type { ProxyContext } from "./context.ts";
import type { ListeningSockets } from "./listening-sockets.ts";
import { UdpSession, type UdpSessionOwner } from "./udp-session.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

const log = logger("proxy");

export interface UdpStats {
  sessions: number;
  idleTimeouts: number;
  datagramsReceived: number;
  datagramsSent: number;
  bytesReceived: number;
  bytesSent: number;
  noRoute: number;
  noHost: number;
  overflows: number;
  dropped: number;
  errors: number;
}

function noStats(): UdpStats {
  return {
    sessions: 0,
    idleTimeouts: 0,
    datagramsReceived: 0,
    datagramsSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    noRoute: 0,
    noHost: 0,
    overflows: 0,
    dropped: 0,
    errors: 0,
  };
}

interface UdpContext extends ProxyContext {
  readonly sockets: ListeningSockets;
}

export class UdpListener implements DatagramListener, UdpSessionOwner {
  readonly table: UdpListenerTable;
  readonly stats: UdpStats;
  readonly #context: UdpContext;
  readonly #logs: readonly BoundLog[];
  readonly #sessions = new Map<string, UdpSession>();
  #socket: DatagramSocket | undefined;
  #stopped = false;

  constructor(table: UdpListenerTable, context: UdpContext, before?: UdpListener) {
    this.table = table;
    this.#context = context;
    this.stats = before?.stats ?? noStats();
    this.#logs = bindLogs(table.udp.accessLogs, context);
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  get activeSessions(): number {
    return this.#sessions.size;
  }

  get idleTimeoutMs(): number {
    return this.table.udp.idleTimeoutMs;
  }

  /** A listener that replaces another on its address comes once that one's socket is closed. */
  open(): void {
    const { name, address } = this.table;
    const { host, port } = address;
    bindDatagrams({ host, port, reusePort: this.#context.sockets.sharesPorts }, this).then(
      (socket) => {
        if (this.#stopped) socket.close();
        else this.#socket = socket;
      },
      (error) => log.error("listener stays closed", { listener: name, error }),
    );
  }

  onDatagram(bytes: Uint8Array, client: SocketAddress): void {
    this.stats.datagramsReceived++;
    this.stats.bytesReceived += bytes.length;
    const key = `${client.address}|${client.port}`;
    const known = this.#current(key);
    const session = known ?? this.#begin(key, client);
    if (!session) return;
    const { perPacket } = this.table.udp;
    const host = perPacket || !session.host ? this.#chooseHost(client, session.cluster) : session.host;
    if (host) session.forward(bytes, host);
    else {
      this.stats.noHost++;
      if (!known) session.close();
    }
  }

  /** The session, unless its cluster was replaced or its host has gone: the next datagram then begins another. */
  #current(key: string): UdpSession | undefined {
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const { cluster, host } = session;
    const isCurrent = this.#context.clusters.get(cluster.table.name) === cluster && !(host?.isGone ?? false);
    if (isCurrent) return session;
    session.close();
    return undefined;
  }

  #begin(key: string, client: SocketAddress): UdpSession | undefined {
    const cluster = this.#route(client);
    if (!cluster) {
      this.stats.noRoute++;
      return undefined;
    }
    if (!cluster.breakers.admitConnection(0, false)) {
      this.stats.overflows++;
      return undefined;
    }
    cluster.checker?.onTraffic();
    const record = new AccessRecord(
      factsBetween(client, this.#local, { remote: client, local: this.#local }),
      undefined,
    );
    record.cluster = cluster;
    record.clusterName = cluster.table.name;
    record.logType = "UdpSessionEnd";
    const session = new UdpSession(this, client, cluster, record, this.stats);
    this.stats.sessions++;
    this.#sessions.set(key, session);
    return session;
  }

  get #local(): SocketAddress {
    return this.#socket?.local ?? { address: this.table.address.host, port: 0 };
  }

  #route(client: SocketAddress): Cluster | undefined {
    const local = this.#local;
    const name = walkChainMatcher(this.table.udp.route, {
      destinationAddress: local.address,
      destinationPort: local.port,
      sourceAddress: client.address,
      sourcePort: client.port,
      directSourceAddress: client.address,
      serverName: "",
      transport: "raw_buffer",
      applicationProtocols: [],
    });
    return name === undefined ? undefined : this.#context.clusters.get(name);
  }

  #chooseHost(client: SocketAddress, cluster: Cluster): Host | undefined {
    const { hash } = this.table.udp;
    if (!hash) return cluster.choose(NO_PREFERENCE);
    const text = hash.kind === "key" ? hash.key : client.address;
    return cluster.choose({ ...NO_PREFERENCE, hash: hashText(text) });
  }

  answer(bytes: Uint8Array, client: SocketAddress): boolean {
    if (!this.#socket?.send(bytes, client)) return false;
    this.stats.datagramsSent++;
    this.stats.bytesSent += bytes.length;
    return true;
  }

  onSessionOver({ client, record }: UdpSession, idle: boolean): void {
    if (idle) this.stats.idleTimeouts++;
    this.#sessions.delete(`${client.address}|${client.port}`);
    record.end();
    writeLogs(this.#logs, record);
  }

  onError(): void {
    this.stats.errors++;
  }

  /** Sessions end with the socket: their answers would have no way back. */
  stop(): void {
    this.#stopped = true;
    for (const session of [...this.#sessions.values()]) session.close();
    this.#socket?.close();
    this.#socket = undefined;
  }
}
