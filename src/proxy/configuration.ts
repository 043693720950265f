// The configuration in force: clusters, routes, listeners and secrets as they arrive, each replaced in one step by its manager; here they
// learn of each other, and of the proxy's own state.

import { flushTurn } from "../base/end-of-turn.ts";
import { ConnectionLimit } from "../net/admission.ts";
import type { SocketAddress } from "../net/byte-stream.ts";
import { parseCertificates } from "../pki/certificate.ts";
import { svidIdentity } from "../pki/svid.ts";
import type { SecretContent } from "../table/accept/secret.ts";
import { heaviest, type OverloadAction } from "../table/overload.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import { AccessLogs } from "./access-log.ts";
import { ClusterManager } from "./cluster-manager.ts";
import type { RouteHolder } from "./context.ts";
import { HeldResources } from "./held-resources.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { ListenerManager } from "./listener-manager.ts";
import type { ListeningSockets } from "./listening-sockets.ts";
import { HeldConnections } from "./overload/held-connections.ts";
import type { OverloadedProxy } from "./overload/manager.ts";
import { OverloadState } from "./overload/state.ts";
import type { Reporter } from "./reporter.ts";
import type { RouteChecker } from "./route-checker.ts";
import { RouteManager } from "./route-manager.ts";
import { Secrets } from "./secrets.ts";
import type { SharedCells } from "./shared-cells.ts";
import { StreamedLogs } from "./streamed-log/streamed-logs.ts";
import { Taps } from "./tap.ts";
import { Tracers } from "./tracing/exporter.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { NameCache } from "./upstream/names.ts";

/** Istio's and SPIRE's name of the workload's own. */
const WORKLOAD_CERTIFICATE = "default";

export interface ConfigurationSettings {
  readonly sockets: ListeningSockets;
  readonly listenerDrainMs: number;
  /** Downstream, over all listeners. */
  readonly maxConnections: number;
  /** Processes that share the proxy's ports and limits; undefined: it is one. */
  readonly workers?: number | undefined;
  readonly shared?: SharedCells | undefined;
  readonly routeChecker?: RouteChecker | undefined;
}

export class Configuration implements ListenerContext, OverloadedProxy {
  readonly accessLogs = new AccessLogs();
  readonly names = new NameCache();
  readonly taps = new Taps();
  readonly tracers: Tracers;
  readonly streamedLogs: StreamedLogs;
  readonly secrets = new Secrets();
  /** What discovery brought, as it came. */
  readonly held = new HeldResources();
  readonly reporter: Reporter;
  readonly sockets: ListeningSockets;
  readonly listenerDrainMs: number;
  readonly admission: ConnectionLimit;
  readonly shared: SharedCells | undefined;
  readonly routeChecker: RouteChecker | undefined;
  principal = "";
  serviceCluster = "";
  draining = false;
  readonly overload = new OverloadState();
  readonly heldConnections = new HeldConnections();
  /** The operator's word: health checks fail, and every response says that its connection closes (Envoy: DrainManager::drainClose). */
  healthCheckFailed = false;
  readonly clusterManager: ClusterManager;
  readonly routeManager: RouteManager;
  readonly listenerManager: ListenerManager;
  /** In force, by name. */
  readonly clusters: ReadonlyMap<string, Cluster>;

  constructor(reporter: Reporter, settings: ConfigurationSettings) {
    this.reporter = reporter;
    this.sockets = settings.sockets;
    this.listenerDrainMs = settings.listenerDrainMs;
    this.admission = new ConnectionLimit(settings.maxConnections);
    this.shared = settings.shared;
    this.routeChecker = settings.routeChecker;
    const { secrets } = this;
    const openWarm = () => void this.listenerManager.openWarm();
    this.clusterManager = new ClusterManager({
      secrets,
      internal: (name, onBehalf) => this.listenerManager.dialInternal(name, onBehalf),
      workers: settings.workers ?? 1,
      shared: settings.shared,
      onClusterInForce: openWarm,
    });
    this.clusters = this.clusterManager.clusters;
    this.tracers = new Tracers(this.clusters);
    this.streamedLogs = new StreamedLogs(this.clusters);
    this.routeManager = new RouteManager(openWarm);
    const needs = { clusters: this.clusterManager, routes: this.routeManager, secrets };
    this.listenerManager = new ListenerManager(this, needs);
  }

  // ── what connections and requests ask ──

  routes(name: string): RouteHolder {
    return this.routeManager.routes(name);
  }

  isOwnPort(port: number): boolean {
    return this.listenerManager.isOwnPort(port);
  }

  capturedBy(destination: SocketAddress): Listener | undefined {
    return this.listenerManager.capturedBy(destination);
  }

  // ── secrets ──

  /** @returns why the secret is refused, if it is. */
  setSecret(name: string, content: SecretContent): string | undefined {
    const refusal = this.secrets.set(name, content);
    if (refusal !== undefined) return refusal;
    // Others that the control plane brings are for clients outside of the mesh, whatever names they have.
    const { discoveredSecrets } = this.listenerManager;
    const isForeign = discoveredSecrets.has(name) || this.clusterManager.discoveredSecrets.includes(name);
    const isOwn = name === WORKLOAD_CERTIFICATE || !isForeign;
    if (content.kind === "certificate" && isOwn) this.#readPrincipal(content.chain);
    this.clusterManager.secretArrived();
    this.listenerManager.openWarm();
    return undefined;
  }

  #readPrincipal(chain: string): void {
    const certificates = parseCertificates(chain);
    const leaf = certificates.kind === "parsed" ? certificates.value[0] : undefined;
    const identity = leaf && svidIdentity(leaf);
    if (identity?.kind !== "parsed") return; // it names hosts, not a workload
    this.principal = identity.value.uri;
    this.reporter.principal = identity.value.uri;
  }

  // ── what is asked for ──

  /** Forgets the endpoints that no cluster asks for any more: the server sends them anew when one asks again. */
  keepEndpoints(names: ReadonlySet<string>): void {
    if (this.clusterManager.keepEndpoints(names)) this.held.keep("eds", (name) => names.has(name));
  }

  /** Forgets the routes that no listener asks for any more, virtual hosts included. */
  keepRoutes(names: ReadonlySet<string>): void {
    this.routeManager.keepRoutes(names);
    this.held.keep("rds", (name) => names.has(name));
    this.held.keep("vhds", (name) => names.has(parseVirtualHostName(name)?.route ?? ""));
  }

  // ── overload ──

  onReducedTimeouts(): void {
    this.listenerManager.dropIdle(performance.now());
  }

  onHighMemory(leastPower: number): void {
    for (const account of heaviest(this.listenerManager.accounts, leastPower, this.overload.reset_high_memory_stream)) {
      this.overload.stats.streamsReset++;
      account.reset();
    }
  }

  onAction(action: OverloadAction, active: boolean): void {
    if (action === "stop_accepting_connections" && !active) this.heldConnections.release();
  }

  /** Downstream, those of listeners that have gone included. */
  get connections(): number {
    return this.listenerManager.connections;
  }

  // ── the end ──

  /** No new connections; requests under way are finished, with `connection: close` and GOAWAY. */
  drain(): void {
    this.draining = true;
    this.listenerManager.drain();
  }

  /** Whatever is still open is cut off. */
  async close(): Promise<void> {
    this.listenerManager.close();
    await Bun.sleep(0); // what was cut off has its line, too
    await Promise.all([this.tracers.close(), this.streamedLogs.close()]);
    this.clusterManager.close();
    await Bun.sleep(0);
    flushTurn();
    await this.accessLogs.close();
  }
}
