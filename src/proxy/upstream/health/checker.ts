// The active health checks of a cluster (Envoy: HealthCheckerImplBase): a session for every host that is to be asked.

import type { Cluster as ClusterTable } from "../../../table/cluster.ts";
import type { Address } from "../../../table/endpoint.ts";
import type { HealthCheck, Probe } from "../../../table/health-check.ts";
import { chooseSocket, type UpstreamSocket } from "../../../table/transport-socket.ts";
import type { Secrets } from "../../secrets.ts";
import type { SharedCell, SharedCells } from "../../shared-cells.ts";
import { dial, type InternalDialer } from "../dial.ts";
import type { Host } from "../host.ts";
import { type HealthEvent, HealthEventLog } from "./event-log.ts";
import { GrpcProber } from "./grpc-prober.ts";
import { HttpProber } from "./http-prober.ts";
import type { CheckTarget, Prober } from "./prober.ts";
import { HealthSession, type HealthStats, NO_CHECKS, type SessionOwner } from "./session.ts";
import { type HostHealth, SharedCheck } from "./shared-check.ts";
import { TcpProber } from "./tcp-prober.ts";

/** What the checker needs of the cluster that runs. */
export interface CheckedCluster {
  readonly table: ClusterTable;
  readonly secrets: Secrets;
  readonly internal: InternalDialer;
  /** Where processes check together: then each host is asked by one of them. */
  readonly shared: SharedCells | undefined;
  /** Requests or byte streams have gone to one of its hosts. */
  hadTraffic(): boolean;
  onChecked(host: Host, passed: boolean, changed: boolean): void;
}

/** What checks of the cluster before have found out of the host. */
function knownOf(host: Host | undefined): HostHealth | undefined {
  if (host?.session === undefined) return undefined;
  const { failedActiveCheck, degradedActiveCheck: degraded, excluded } = host;
  // One that passes is enough again: the checks may be others.
  return { healthy: !failedActiveCheck, row: 0, unknown: true, degraded, excluded };
}

/** Where checks of the host go: the endpoint may say otherwise than for requests. */
function addressOf({ address, endpoint: { healthCheck } }: Host): Address {
  const base = healthCheck?.address ?? address;
  if (!healthCheck || healthCheck.port === 0 || base.kind !== "socket") return base;
  return { ...base, port: healthCheck.port };
}

export class HealthChecker implements SessionOwner {
  readonly cluster: string;
  readonly check: HealthCheck;
  readonly stats: HealthStats;
  readonly #cluster: CheckedCluster;
  readonly #events: HealthEventLog | undefined;
  readonly #sessions = new Map<Host, HealthSession>();
  /** Of the first hosts that there were, those that no check has told of yet; undefined: there has been none. */
  #awaited: Set<Host> | undefined = undefined;
  readonly #unwatch: (() => void) | undefined;
  /** Its first word says that the cluster had traffic, in whichever process. */
  readonly #traffic: SharedCell | undefined;
  #hasToldTraffic = false;

  /** `before`: the checker that this one replaces: what it counted goes on. */
  constructor(check: HealthCheck, cluster: CheckedCluster, before?: HealthChecker) {
    this.check = check;
    this.cluster = cluster.table.name;
    this.#cluster = cluster;
    this.stats = before?.stats ?? { ...NO_CHECKS };
    this.#unwatch = cluster.shared?.watch(() => this.#look());
    this.#traffic = cluster.shared?.cell(`traffic\0${this.cluster}`);
    this.#events =
      check.eventLogPath === "" ? undefined : new HealthEventLog(check.eventLogPath, check.probe, this.cluster);
  }

  /** The hosts that the cluster has now. `before`: hosts of the cluster that this one replaces, by key, whose health is known. */
  watch(hosts: ReadonlySet<Host>, before: ReadonlyMap<string, Host>): void {
    for (const [host, session] of this.#sessions)
      if (!hosts.has(host) || host.endpoint.healthCheck?.disabled) this.#forget(host, session);
    for (const host of hosts)
      if (!this.#sessions.has(host) && !host.endpoint.healthCheck?.disabled) this.#add(host, before.get(host.key));
    if (hosts.size > 0)
      this.#awaited ??= new Set([...this.#sessions].flatMap(([host, { isKnown }]) => (isKnown ? [] : host)));
  }

  /** Nothing is known of a cluster's hosts before (Envoy: ClusterImplBase::finishInit). Hosts that come later are not waited for. */
  get isFirstRoundOver(): boolean {
    return this.#awaited === undefined || this.#awaited.size === 0;
  }

  #share({ key }: Host): SharedCheck | undefined {
    const { shared } = this.#cluster;
    const cell = shared?.cell(`check\0${this.cluster}\0${key}`);
    return shared && cell && new SharedCheck(shared, cell);
  }

  /** Others have found out something, or another process leads. */
  #look(): void {
    for (const session of [...this.#sessions.values()]) session.look();
  }

  #add(host: Host, before: Host | undefined): void {
    const shared = this.#share(host);
    const found = shared?.begin(Math.random() * this.check.intervals.initialJitterMs, this.check.timeoutMs);
    const known = found ?? knownOf(before);
    host.failedActiveCheck = !known?.healthy;
    host.degradedActiveCheck = known?.degraded ?? false;
    host.excluded = known ? known.excluded : this.#cluster.table.ignoreNewHostsUntilFirstCheck;
    // Slow start begins with the first check that it passes.
    host.hasFailedCheck = host.failedActiveCheck;
    const session = new HealthSession(this, host, this.#prober(host, this.check.probe), { known, shared });
    host.session = session;
    this.#sessions.set(host, session);
    session.start();
  }

  #forget(host: Host, session: HealthSession): void {
    session.stop();
    this.#sessions.delete(host);
    this.#awaited?.delete(host);
    host.session = undefined;
    host.failedActiveCheck = false;
    host.degradedActiveCheck = false;
    host.excluded = false;
  }

  #prober(host: Host, probe: Probe): Prober {
    const target = this.#target(host);
    switch (probe.kind) {
      case "http":
        return new HttpProber(target, this.check, probe);
      case "grpc":
        return new GrpcProber(target, this.check, probe);
      case "tcp":
        return new TcpProber(target, this.check, probe);
    }
  }

  #target(host: Host): CheckTarget {
    const { table, secrets, internal } = this.#cluster;
    const socket = this.#socketOf(host);
    return {
      authority: host.endpoint.healthCheck?.hostname || table.name,
      scheme: socket.kind === "tls" ? "https" : "http",
      dial: (alpn, dialed) => dial(addressOf(host), socket, alpn, table, secrets, internal, dialed),
    };
  }

  #socketOf(host: Host): UpstreamSocket {
    const { table } = this.#cluster;
    const { socketCriteria } = this.check;
    return socketCriteria ? chooseSocket(table.socketMatches, table.socket, socketCriteria) : host.socket;
  }

  isReady(host: Host): boolean {
    const socket = this.#socketOf(host);
    if (socket.kind === "raw") return true;
    const { secrets } = this.#cluster;
    return [socket.certificate, socket.roots].every((name) => name === undefined || secrets.has(name));
  }

  hadTraffic(): boolean {
    return this.#cluster.hadTraffic() || (this.#traffic !== undefined && Atomics.load(this.#traffic.words, 0) !== 0);
  }

  /** A connection is opened for traffic: whichever process checks goes by it. */
  onTraffic(): void {
    if (this.#hasToldTraffic || !this.#traffic) return;
    this.#hasToldTraffic = true;
    Atomics.store(this.#traffic.words, 0, 1);
  }

  /** A host that an update took away stays for as long as its checks pass (Envoy: updateDynamicHostList). */
  keeps(host: Host): boolean {
    return (
      !this.#cluster.table.ignoresHealthOnRemoval &&
      this.#sessions.has(host) &&
      !host.failedActiveCheck &&
      host.edsHealth !== "unhealthy"
    );
  }

  onChecked(host: Host, passed: boolean, changed: boolean): void {
    this.#awaited?.delete(host);
    this.#cluster.onChecked(host, passed, changed);
  }

  log(host: Host, event: HealthEvent): void {
    this.#events?.write(host.address, event);
  }

  stop(): void {
    this.#unwatch?.();
    for (const session of this.#sessions.values()) session.stop();
    this.#sessions.clear();
  }
}
