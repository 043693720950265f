// A UDP session: the datagrams of one client's address and port, and the sockets that carry them to hosts.

import { Deadline, timers } from "../base/timer-wheel.ts";
import type { SocketAddress } from "../net/byte-stream.ts";
import { connectDatagrams, type DatagramListener, type DatagramSocket } from "../net/datagram.ts";
import type { AccessRecord } from "./access-record.ts";
import { formatSocketAddress } from "./connection-facts.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** Datagrams that wait for a socket to open, which takes a turn or two; more are dropped, as a full socket would. */
const MAX_WAITING = 64;

export interface UdpSessionOwner {
  readonly idleTimeoutMs: number;
  /** An answer of a host. False: it was not sent. */
  answer(bytes: Uint8Array, client: SocketAddress): boolean;
  onSessionOver(session: UdpSession, idle: boolean): void;
}

/** The socket to one host. */
class Flow implements DatagramListener {
  readonly host: Host;
  readonly #session: UdpSession;
  readonly #waiting: Uint8Array[] = [];
  #socket: DatagramSocket | undefined;
  #closed = false;

  constructor(session: UdpSession, host: Host) {
    this.host = host;
    this.#session = session;
    host.active++;
    if (host.address.kind !== "socket") return;
    const peer = { address: host.address.host, port: host.address.port };
    connectDatagrams(peer, this).then(
      (socket) => this.#opened(socket),
      () => this.onError(),
    );
  }

  #opened(socket: DatagramSocket): void {
    if (this.#closed) {
      socket.close();
      return;
    }
    this.#socket = socket;
    this.#session.record.upstreamLocal = formatSocketAddress(socket.local);
    for (const bytes of this.#waiting.splice(0)) this.#send(bytes);
  }

  send(bytes: Uint8Array): void {
    if (this.#socket) this.#send(bytes);
    else if (this.#waiting.length < MAX_WAITING)
      this.#waiting.push(Buffer.from(bytes)); // a Buffer's slice() would be a view
    else this.#session.stats.dropped++;
  }

  #send(bytes: Uint8Array): void {
    if (this.#socket?.send(bytes, this.#session.client)) this.#session.record.bytesReceived += bytes.length;
    else this.#session.stats.dropped++;
  }

  onDatagram(bytes: Uint8Array): void {
    this.#session.onAnswer(bytes);
  }

  /** ICMP's word that nobody listens there: the client's next datagram may find somebody. */
  onError(): void {
    this.host.stats.errors++;
    this.#session.stats.errors++;
  }

  close(): void {
    this.#closed = true;
    this.host.active--;
    this.#socket?.close();
  }
}

export interface UdpSessionStats {
  dropped: number;
  errors: number;
}

export class UdpSession extends Deadline {
  readonly client: SocketAddress;
  readonly cluster: Cluster;
  readonly record: AccessRecord;
  readonly stats: UdpSessionStats;
  readonly #owner: UdpSessionOwner;
  readonly #flows = new Map<Host, Flow>();
  #lastActivity = timers.now;
  #over = false;

  constructor(
    owner: UdpSessionOwner,
    client: SocketAddress,
    cluster: Cluster,
    record: AccessRecord,
    stats: UdpSessionStats,
  ) {
    super();
    this.#owner = owner;
    this.client = client;
    this.cluster = cluster;
    this.record = record;
    this.stats = stats;
    timers.arm(this, owner.idleTimeoutMs);
  }

  /** The host of the session's last datagram. */
  get host(): Host | undefined {
    return this.record.host;
  }

  forward(bytes: Uint8Array, host: Host): void {
    this.#lastActivity = timers.now;
    let flow = this.#flows.get(host);
    if (!flow) {
      flow = new Flow(this, host);
      this.#flows.set(host, flow);
      this.record.host = host;
      host.stats.connections++;
    }
    host.stats.requests++;
    flow.send(bytes);
  }

  /** @internal From a host. */
  onAnswer(bytes: Uint8Array): void {
    this.#lastActivity = timers.now;
    if (this.#over) return;
    if (this.#owner.answer(bytes, this.client)) this.record.bytesSent += bytes.length;
    else this.stats.dropped++;
  }

  onDeadline(): void {
    const idleFor = timers.now - this.#lastActivity;
    if (idleFor < this.#owner.idleTimeoutMs - 10) timers.arm(this, this.#owner.idleTimeoutMs - idleFor);
    else this.close(true);
  }

  close(idle = false): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this);
    for (const flow of this.#flows.values()) flow.close();
    this.cluster.breakers.releaseConnection();
    this.#owner.onSessionOver(this, idle);
  }
}
