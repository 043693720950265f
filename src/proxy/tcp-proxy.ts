// A downstream connection that is bytes: chooses a host, dials, splices, reports.

import { Alarm, timers } from "../base/timer-wheel.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { TcpEdge } from "../stats/tcp-edge.ts";
import type { TcpTable } from "../table/listener.ts";
import { chooseWeighted } from "../table/route.ts";
import { type BoundLog, writeLogs } from "./access-log.ts";
import { AccessRecord } from "./access-record.ts";
import { type DownstreamFacts, formatSocketAddress } from "./connection-facts.ts";
import type { ProxyContext } from "./context.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { Splice, type SpliceListener } from "./splice.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { endpointAt } from "./upstream/destination.ts";
import type { Host } from "./upstream/host.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

export interface BoundTcp {
  readonly table: TcpTable;
  readonly logs: readonly BoundLog[];
  readonly inbound: boolean;
  readonly stats: { connections: number; active: number };
}

/** Istio reports the bytes of open connections at this interval (tcp_reporting_duration). */
const REPORT_MS = 5_000;

export class TcpConnection implements SpliceListener {
  readonly #context: ProxyContext;
  readonly #tcp: BoundTcp;
  readonly #facts: DownstreamFacts;
  readonly #destination: SocketAddress | undefined;
  readonly #downstream: ByteStream;
  readonly #record: AccessRecord;
  readonly #report = new Alarm(() => this.#reportBytes());
  #onClosed: (() => void) | undefined;
  #edge: TcpEdge | undefined;
  #splice: Splice | undefined;
  #reportedReceived = 0;
  #reportedSent = 0;
  /** The client's end came while its host was dialled. */
  #ended = false;
  #over = false;

  constructor(
    context: ProxyContext,
    tcp: BoundTcp,
    facts: DownstreamFacts,
    destination: SocketAddress | undefined,
    downstream: ByteStream,
  ) {
    this.#context = context;
    this.#tcp = tcp;
    this.#facts = facts;
    this.#record = new AccessRecord(facts, undefined);
    this.#destination = destination;
    this.#downstream = downstream;
    tcp.stats.connections++;
    tcp.stats.active++;
  }

  /** `first`: bytes that sniffing has read already. */
  start(first: Uint8Array | undefined, onClosed: () => void): void {
    this.#onClosed = onClosed;
    const held: Buffer[] = first ? [Buffer.from(first)] : [];
    // Nothing is read before there is somewhere to write it; what is read already waits.
    this.#downstream.pause();
    this.#downstream.listener = {
      receive: (chunk) => void held.push(Buffer.from(chunk)),
      drained() {},
      ended: () => {
        this.#ended = true;
      },
      closed: () => this.#finish("DC"),
    };
    const { cluster } = this.#tcp.table;
    this.#record.clusterName =
      cluster.kind === "single" ? cluster.name : chooseWeighted(cluster.clusters, cluster.total, Math.random()).name;
    this.#record.cluster = this.#context.clusters.get(this.#record.clusterName);
    if (!this.#record.cluster) this.#fail("NC", "no such cluster");
    else this.#dial(this.#record.cluster, held);
  }

  #dial(cluster: Cluster, held: readonly Buffer[]): void {
    const destination = this.#destination;
    const captured = cluster.table.discovery.kind === "original-destination";
    const host = captured
      ? destination && cluster.transient(endpointAt(destination.address, destination.port))
      : cluster.choose(NO_PREFERENCE);
    if (!host) {
      this.#fail("UH", "no healthy upstream");
      return;
    }
    this.#record.host = host;
    this.#record.attempts++;
    cluster.dialBytes(host, {
      onConnected: (upstream) => this.#connected(cluster, host, upstream, held),
      onConnectFailure: (detail) => {
        host.stats.connectFailures++;
        if (this.#over) return;
        if (this.#record.attempts < this.#tcp.table.maxConnectAttempts) this.#dial(cluster, held);
        else this.#fail("UF", detail);
      },
    });
  }

  #connected(cluster: Cluster, host: Host, upstream: ByteStream, held: readonly Buffer[]): void {
    if (this.#over) {
      upstream.terminate();
      return;
    }
    host.active++;
    this.#record.upstreamLocal = formatSocketAddress(upstream.local);
    const { reporter } = this.#context;
    const caller = { principal: this.#facts.principal, metadata: "", serverName: this.#facts.serverName };
    this.#edge = this.#tcp.inbound ? reporter.inboundTcp(caller, cluster) : reporter.outboundTcp(cluster, host);
    this.#edge.opened();
    timers.arm(this.#report, REPORT_MS);
    this.#splice = new Splice(
      this.#downstream,
      upstream,
      held.length > 0 ? Buffer.concat(held) : undefined,
      this.#tcp.table.idleTimeoutMs,
      this,
    );
    if (this.#ended) this.#downstream.listener.ended();
    this.#downstream.resume();
  }

  #reportBytes(): void {
    const splice = this.#splice;
    if (!splice || !this.#edge) return;
    this.#edge.bytes(splice.sent - this.#reportedSent, splice.received - this.#reportedReceived);
    this.#reportedSent = splice.sent;
    this.#reportedReceived = splice.received;
    if (!this.#over) timers.arm(this.#report, REPORT_MS);
  }

  onSpliceOver(reason: "ended" | "reset" | "idle"): void {
    if (this.#record.host) this.#record.host.active--;
    this.#finish(reason === "idle" ? "SI" : undefined);
  }

  #fail(flag: ResponseFlag, detail: string): void {
    this.#record.transportFailure = detail;
    this.#downstream.terminate();
    this.#finish(flag);
  }

  drain(): void {}

  terminate(): void {
    if (this.#splice) this.#splice.terminate();
    else this.#downstream.terminate();
  }

  #finish(flag: ResponseFlag | undefined): void {
    if (this.#over) return;
    this.#over = true;
    if (flag) this.#record.flag(flag);
    timers.disarm(this.#report);
    this.#reportBytes();
    this.#record.bytesReceived = this.#splice?.received ?? 0;
    this.#record.bytesSent = this.#splice?.sent ?? 0;
    this.#edge?.closed();
    this.#tcp.stats.active--;
    this.#record.end();
    writeLogs(this.#tcp.logs, this.#record);
    this.#onClosed?.();
  }
}
