// A downstream connection that is bytes: chooses a host, dials, splices, reports.

import type { JsonObject } from "@bufbuild/protobuf";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { Tlv } from "../net/proxy-protocol.ts";
import { NO_VALUES } from "../stats/metric-overrides.ts";
import type { TcpEdge } from "../stats/tcp-edge.ts";
import { hashText } from "../table/hash-policy.ts";
import type { LogType } from "../table/log-filter.ts";
import { type ChainMetrics, valuesOf } from "../table/metric-overrides.ts";
import { chooseTcpCluster, type TcpHash, type TcpTable } from "../table/tcp.ts";
import { type BoundLog, writeLogs } from "./access-log.ts";
import { AccessRecord } from "./access-record.ts";
import { type DownstreamFacts, formatSocketAddress } from "./connection-facts.ts";
import type { ProxyContext } from "./context.ts";
import { RBAC_NAMESPACE } from "./network-rbac.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { Splice, type SpliceEnd, type SpliceListener } from "./splice.ts";
import { TunnelDial } from "./tunneling.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { endpointAt, namedHost } from "./upstream/destination.ts";
import type { Dialed, OnBehalf } from "./upstream/dial.ts";
import type { Host } from "./upstream/host.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

export interface BoundTcp {
  readonly table: TcpTable;
  readonly logs: readonly BoundLog[];
  readonly inbound: boolean;
  /** Undefined: connections are counted by the standard metrics. */
  readonly metrics?: ChainMetrics | undefined;
  /** How often the bytes of open connections are counted (Istio's tcp_reporting_duration). */
  readonly reportMs: number;
  /** Of the listener. */
  readonly bufferLimitBytes: number;
  readonly stats: { connections: number; active: number };
}

/** The connection as it reached its chain. */
export interface TcpDownstream {
  readonly stream: ByteStream;
  readonly facts: DownstreamFacts;
  /** Where the client was going when it was captured. */
  readonly destination: SocketAddress | undefined;
  /** Of its PROXY header. */
  readonly tlvs: readonly Tlv[];
  /** What the filters before this one found out. */
  readonly said: readonly JsonObject[];
}

/** Objects that are not made for it are none to hash by, as in Envoy. */
function hashedText(hash: TcpHash, { remoteAddress, filterState }: DownstreamFacts): string | undefined {
  if (hash.kind === "source-ip") return remoteAddress;
  const object = filterState?.get(hash.key);
  return object?.hashable ? object.value : undefined;
}

function recordOf(facts: DownstreamFacts, said: readonly JsonObject[]): AccessRecord {
  const record = new AccessRecord(facts, undefined);
  for (const values of said) record.setMetadata(RBAC_NAMESPACE, values);
  return record;
}

/** A connection that a filter before this one has refused. `details`: Envoy's. */
export function logRefused(
  { logs }: BoundTcp,
  facts: DownstreamFacts,
  said: readonly JsonObject[],
  details: string,
): void {
  const record = recordOf(facts, said);
  record.terminationDetails = details;
  record.end();
  writeLogs(logs, record);
}

/** What of the upstream's side is to be given back when the connection is over. */
interface Holding {
  release(): void;
}

export class TcpConnection implements SpliceListener {
  readonly #context: ProxyContext;
  readonly #tcp: BoundTcp;
  readonly #downstream: TcpDownstream;
  readonly #record: AccessRecord;
  readonly #report = new Alarm(() => this.#reportBytes());
  readonly #duration = new Alarm(() => this.#end("DT"));
  readonly #logging = new Alarm(() => this.#logAgain());
  #onClosed: (() => void) | undefined;
  #edge: TcpEdge | undefined;
  #splice: Splice | undefined;
  /** The tunnel that is being asked for. */
  #dialing: TunnelDial | undefined;
  #holding: Holding | undefined;
  #reportedReceived = 0;
  #reportedSent = 0;
  /** The client's end came while its host was dialled. */
  #ended = false;
  #over = false;
  /** That the client's SNI names, looked up. */
  #named: Host | undefined;

  constructor(context: ProxyContext, tcp: BoundTcp, downstream: TcpDownstream) {
    this.#context = context;
    this.#tcp = tcp;
    this.#downstream = downstream;
    this.#record = recordOf(downstream.facts, downstream.said);
    tcp.stats.connections++;
    tcp.stats.active++;
  }

  /** `first`: bytes that sniffing has read already. */
  start(first: Uint8Array | undefined, onClosed: () => void): void {
    this.#onClosed = onClosed;
    const { stream, facts } = this.#downstream;
    const { cluster, maxDurationMs, logIntervalMs } = this.#tcp.table;
    const held: Buffer[] = first ? [Buffer.from(first)] : [];
    // Nothing is read before there is somewhere to write it; what is read already waits.
    stream.pause();
    stream.listener = {
      receive: (chunk) => void held.push(Buffer.from(chunk)),
      drained() {},
      ended: () => {
        this.#ended = true;
      },
      closed: () => this.#finish("DC"),
    };
    if (maxDurationMs > 0) timers.arm(this.#duration, maxDurationMs);
    if (logIntervalMs > 0) timers.arm(this.#logging, logIntervalMs);
    this.#record.clusterName = chooseTcpCluster(cluster, facts.serverName, Math.random());
    this.#record.cluster = this.#context.clusters.get(this.#record.clusterName);
    if (!this.#record.cluster) this.#fail("no such cluster", "NC");
    else if (this.#record.cluster.table.discovery.kind === "dynamic-forward-proxy")
      this.#lookUp(this.#record.cluster, held);
    else this.#dial(this.#record.cluster, held);
  }

  /** The host that the client's SNI names. Who sent none has no host, as in Envoy. */
  #lookUp(cluster: Cluster, held: readonly Buffer[]): void {
    const { serverName: name } = this.#downstream.facts;
    const port = this.#tcp.table.serverNamePort;
    if (name === "" || port === undefined) {
      this.#fail("no healthy upstream", "UH");
      return;
    }
    namedHost(this.#context, cluster, { name, port }, (host) => {
      if (this.#over) return;
      if (host === "unknown" || host === "loop") {
        this.#fail(host === "loop" ? "the server name is this proxy's own" : "dns resolution failure", "UH");
        return;
      }
      this.#named = host;
      this.#dial(cluster, held);
    });
  }

  #choose(cluster: Cluster): Host | undefined {
    const { destination, facts } = this.#downstream;
    if (cluster.table.discovery.kind === "original-destination")
      return destination && cluster.transient(endpointAt(destination.address, destination.port));
    if (this.#named) return this.#named;
    const { hash } = this.#tcp.table;
    const by = hash && hashedText(hash, facts);
    return cluster.choose(by === undefined ? NO_PREFERENCE : { ...NO_PREFERENCE, hash: hashText(by) });
  }

  #dial(cluster: Cluster, held: readonly Buffer[]): void {
    const host = this.#choose(cluster);
    if (!host) this.#fail("no healthy upstream", "UH");
    else if (this.#tcp.table.tunneling) this.#dialTunnel(cluster, host, held);
    else this.#dialBytes(cluster, host, held);
  }

  #dialBytes(cluster: Cluster, host: Host, held: readonly Buffer[]): void {
    if (!cluster.breakers.admitConnection(host.stats.activeConnections, false)) {
      this.#fail("too many connections", "UO");
      return;
    }
    this.#attempted(host);
    host.stats.connections++;
    const dialed: Dialed = {
      onConnected: (upstream) => {
        host.stats.activeConnections++;
        const holding = {
          release() {
            host.stats.activeConnections--;
            cluster.breakers.releaseConnection();
          },
        };
        this.#connected(cluster, host, upstream, formatSocketAddress(upstream.local), holding, held);
      },
      onConnectFailure: (detail) => {
        cluster.breakers.releaseConnection();
        this.#onConnectFailure(cluster, host, detail, held);
      },
    };
    cluster.dialBytes(host, this.#onBehalf(), dialed, this.#tcp.table.alpn);
  }

  #dialTunnel(cluster: Cluster, host: Host, held: readonly Buffer[]): void {
    const { source, destination } = this.#onBehalf();
    const tunneling = this.#tcp.table.tunneling!;
    const request = { tunneling, source: this.#record, local: source, remote: destination };
    const tunnel = new TunnelDial(cluster, host, request, {
      onConnected: (upstream, localLabel) => {
        this.#dialing = undefined;
        this.#connected(cluster, host, upstream, localLabel, tunnel, held);
      },
      onConnectFailure: (failure, detail) => {
        this.#dialing = undefined;
        if (failure === "overflow") this.#fail(detail, "UO");
        else this.#onConnectFailure(cluster, host, detail, held);
      },
    });
    this.#attempted(host);
    this.#dialing = tunnel;
    tunnel.begin();
  }

  #attempted(host: Host): void {
    this.#record.host = host;
    this.#record.attempts++;
  }

  #onBehalf(): OnBehalf {
    const { facts, tlvs } = this.#downstream;
    return {
      source: { address: facts.remoteAddress, port: facts.remotePort },
      destination: { address: facts.localAddress, port: facts.localPort },
      tlvs,
    };
  }

  #onConnectFailure(cluster: Cluster, host: Host, detail: string, held: readonly Buffer[]): void {
    host.stats.connectFailures++;
    host.monitor?.failed();
    if (this.#over) return;
    if (this.#record.attempts < this.#tcp.table.maxConnectAttempts) this.#dial(cluster, held);
    else this.#fail(detail, "UF", "URX");
  }

  #connected(
    cluster: Cluster,
    host: Host,
    upstream: ByteStream,
    localLabel: string,
    holding: Holding,
    held: readonly Buffer[],
  ): void {
    host.monitor?.connectedForBytes();
    if (this.#over) {
      upstream.terminate();
      holding.release();
      return;
    }
    this.#holding = holding;
    host.active++;
    this.#record.upstreamLocal = localLabel;
    const { reporter } = this.#context;
    const { stream, facts } = this.#downstream;
    const caller = { principal: facts.principal, metadata: "", serverName: facts.serverName };
    const { inbound, metrics } = this.#tcp;
    const given = metrics ? valuesOf(metrics, this.#record) : NO_VALUES;
    this.#edge = inbound
      ? reporter.inboundTcp(caller, cluster, metrics?.overrides, given)
      : reporter.outboundTcp(cluster, host, metrics?.overrides, given);
    this.#edge.opened();
    timers.arm(this.#report, this.#tcp.reportMs);
    if (this.#tcp.table.logsConnected) this.#log("TcpUpstreamConnected");
    const first = held.length > 0 ? Buffer.concat(held) : undefined;
    const { bufferLimitBytes, table } = this.#tcp;
    const settings = {
      idleTimeoutMs: table.idleTimeoutMs,
      toUpstreamBytes: cluster.table.bufferLimitBytes ?? bufferLimitBytes,
      toDownstreamBytes: bufferLimitBytes,
    };
    this.#splice = new Splice(stream, upstream, first, settings, this);
    if (this.#ended) stream.listener.ended();
    stream.resume();
  }

  #reportBytes(): void {
    const splice = this.#splice;
    if (!splice || !this.#edge) return;
    this.#edge.bytes(splice.sent - this.#reportedSent, splice.received - this.#reportedReceived);
    this.#reportedSent = splice.sent;
    this.#reportedReceived = splice.received;
    if (!this.#over) timers.arm(this.#report, this.#tcp.reportMs);
  }

  #logAgain(): void {
    timers.arm(this.#logging, this.#tcp.table.logIntervalMs);
    this.#log("TcpPeriodic");
  }

  #log(type: LogType): void {
    this.#record.logType = type;
    this.#record.bytesReceived = this.#splice?.received ?? 0;
    this.#record.bytesSent = this.#splice?.sent ?? 0;
    writeLogs(this.#tcp.logs, this.#record);
  }

  /** Envoy flags neither an idle connection nor one that its client broke off. */
  onSpliceOver(end: SpliceEnd): void {
    if (this.#record.host) this.#record.host.active--;
    this.#finish(end === "upstream-reset" ? "UR" : undefined);
  }

  #fail(detail: string, ...flags: readonly ResponseFlag[]): void {
    this.#record.transportFailure = detail;
    this.#finish(...flags);
    this.#downstream.stream.close();
  }

  #end(flag: ResponseFlag): void {
    this.#record.flag(flag);
    this.terminate();
  }

  /** Bytes have no message that would say so: the stream goes on until the listener's drain time is over. */
  drain(): void {}

  terminate(): void {
    if (this.#splice) this.#splice.terminate();
    else {
      this.#finish();
      this.#downstream.stream.terminate();
    }
  }

  #finish(...flags: readonly (ResponseFlag | undefined)[]): void {
    if (this.#over) return;
    this.#over = true;
    for (const flag of flags) if (flag) this.#record.flag(flag);
    for (const alarm of [this.#report, this.#duration, this.#logging]) timers.disarm(alarm);
    this.#dialing?.cancel();
    this.#holding?.release();
    this.#reportBytes();
    this.#edge?.closed();
    this.#tcp.stats.active--;
    this.#record.end();
    this.#log("TcpConnectionEnd");
    this.#onClosed?.();
  }
}
