// The proxy as a process: reads its bootstrap, takes its configuration, serves, drains, ends.

import { toBinary } from "@bufbuild/protobuf";
import { logger } from "../base/log.ts";
import type { SocketAddress } from "../net/byte-stream.ts";
import { collectProcess } from "../stats/process-collector.ts";
import { Registry } from "../stats/registry.ts";
import type { Workload } from "../stats/traffic-labels.ts";
import { TrafficMetrics } from "../stats/traffic-metrics.ts";
import { localityOf } from "../table/accept/endpoint.ts";
import { type Bootstrap, BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { adminResponse } from "./admin/admin.ts";
import type { AdminState } from "./admin/state.ts";
import { Configuration } from "./configuration.ts";
import { maxConnections } from "./connection-limit.ts";
import { type ListeningSockets, ownSockets } from "./listening-sockets.ts";
import { metricsStreams } from "./metrics-service/begin.ts";
import { OverloadManager } from "./overload/manager.ts";
import { Reporter } from "./reporter.ts";
import { RouteChecker } from "./route-checker.ts";
import { collectProxy } from "./self-metrics.ts";
import type { SharedCells } from "./shared-cells.ts";
import { applyStaticResources, overloadTable, statsMatch } from "./static-resources.ts";
import { type Subscription, subscribe } from "./subscription.ts";
import { tellStatistics } from "./told-stats.ts";
import { configureTracers } from "./tracing/configure.ts";

const log = logger("proxy");

/** How often it is looked whether the last connection has gone. */
const DRAIN_POLL_MS = 50;

/** After the proxy became ready: what reading its configuration left behind is let go, before requests pay for it. */
const SETTLE_POLL_MS = 250;

/** An outcome that did not occur for a day loses its series: what was called once must not be scraped for ever. */
const SWEEP_MS = 3_600_000;
const SWEEPS_UNTIL_DROPPED = 24;

export interface ProxyOptions {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  /** From the signal to the end, whatever is still open. */
  readonly drainMs: number;
  /** What connections of a listener or chain that has gone are given (Envoy's --drain-time-s); undefined: `drainMs`. */
  readonly listenerDrainMs?: number | undefined;
  /** Several processes share the ports. */
  readonly reusePort: boolean;
  /** How this program starts itself; undefined: everything is done in this process. */
  readonly self?: readonly string[] | undefined;
  /** One of several that a supervisor runs. */
  readonly worker?: WorkerSeat | undefined;
  /** How long a line of an access log may wait to be written; undefined: 1 s. */
  readonly logFlushMs?: number | undefined;
  /** Kilobytes of it that are written without waiting; undefined: 64. */
  readonly logFlushKb?: number | undefined;
  /** Asked for by the admin interface; undefined: the proxy stops, and its process goes on. */
  readonly onQuit?: (() => void) | undefined;
}

/** What a worker has from its supervisor in place of what a proxy has of its own. */
export interface WorkerSeat {
  readonly sockets: ListeningSockets;
  /** Path of a Unix socket for the admin interface. */
  readonly admin: string;
  /** How many share the ports. */
  readonly workers: number;
  /** Undefined: it counts alone, and has a part of each limit. */
  readonly shared: SharedCells | undefined;
  subscribe(configuration: Configuration): Subscription;
}

export interface RunningProxy {
  readonly configuration: Configuration;
  /** Port of the admin interface; 0 without one. */
  readonly adminPort: number;
  readonly registry: Registry;
  isReady(): boolean;
  /** Takes no new connections, finishes what is under way, resolves when that is done or the time (`drainMs`) is over. */
  stop(withinMs?: number): Promise<void>;
}

/** The workload that the node's metadata describes, in Istio's keys. */
export function workloadOf(node: Node | undefined): Workload {
  const metadata = node?.metadata ?? {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const labels =
    typeof metadata.LABELS === "object" && metadata.LABELS !== null && !Array.isArray(metadata.LABELS)
      ? metadata.LABELS
      : {};
  return {
    name: text(metadata.WORKLOAD_NAME) || text(metadata.NAME),
    namespace: text(metadata.NAMESPACE),
    canonicalName: text(labels["service.istio.io/canonical-name"]) || text(labels.app),
    canonicalRevision: text(labels["service.istio.io/canonical-revision"]) || text(labels.version) || "latest",
    app: text(labels.app),
    version: text(labels.version),
    cluster: text(metadata.CLUSTER_ID),
  };
}

/** Says to the control plane which version it speaks with, unless the bootstrap does. */
export function identify({ node }: Bootstrap, version: string): void {
  if (node?.userAgentVersionType.case === undefined && node)
    node.userAgentVersionType = { case: "userAgentVersion", value: version };
}

export function adminAddress(bootstrap: Bootstrap): SocketAddress | undefined {
  const address = bootstrap.admin?.address?.address;
  if (address?.case !== "socketAddress" || address.value.portSpecifier.case !== "portValue") return undefined;
  return { address: address.value.address, port: address.value.portSpecifier.value };
}

/** Answers one request of the admin interface; `remote` is undefined over a Unix socket. */
type AdminHandler = (request: Request, remote: string | undefined) => Response | Promise<Response>;

/** At an address, or at the path of a Unix socket. @throws Error when that is taken. */
export function serveAdmin(
  at: SocketAddress | string | undefined,
  answer: AdminHandler,
): Bun.Server<undefined> | undefined {
  if (at === undefined) return undefined;
  if (typeof at === "string") return Bun.serve({ unix: at, fetch: (request) => answer(request, undefined) });
  return Bun.serve({
    hostname: at.address,
    port: at.port,
    fetch(request, server) {
      server.timeout(request, 0); // a tap may have nothing to tell for a long while
      return answer(request, server.requestIP(request)?.address);
    },
  });
}

/** @throws Failure when the bootstrap's own resources are wrong, or its admin port is taken. */
export function startProxy(options: ProxyOptions): RunningProxy {
  const {
    bootstrap,
    version,
    drainMs,
    listenerDrainMs = drainMs,
    reusePort,
    logFlushMs,
    logFlushKb,
    self,
    worker,
    onQuit,
  } = options;
  const startedAt = performance.now();
  const registry = new Registry();
  const traffic = new TrafficMetrics(registry);
  identify(bootstrap, version);
  tellStatistics(registry, statsMatch(bootstrap));
  const sweeping = setInterval(() => traffic.sweep(SWEEPS_UNTIL_DROPPED), SWEEP_MS);
  sweeping.unref();
  const reporter = new Reporter(traffic, workloadOf(bootstrap.node));
  const configuration = new Configuration(reporter, {
    sockets: worker?.sockets ?? ownSockets(reusePort),
    listenerDrainMs,
    maxConnections: maxConnections(bootstrap, worker?.workers),
    workers: worker?.workers,
    shared: worker?.shared,
    routeChecker: self && new RouteChecker(self),
  });
  configuration.serviceCluster = bootstrap.node?.cluster ?? "";
  configureTracers(configuration.tracers, bootstrap);
  if (bootstrap.node) configuration.streamedLogs.node = bootstrap.node;
  if (logFlushMs !== undefined) configuration.accessLogs.flushMs = logFlushMs;
  if (logFlushKb !== undefined) configuration.accessLogs.flushBytes = logFlushKb * 1024;
  const stopCollecting = collectProcess(registry, { prefix: "heddle_proxy_", component: "proxy", version });
  configuration.clusterManager.setOwnPlace(
    localityOf(bootstrap.node?.locality),
    bootstrap.clusterManager?.localClusterName ?? "",
  );
  applyStaticResources(bootstrap, configuration);
  const watched = overloadTable(bootstrap, worker?.workers);
  const overload = watched && new OverloadManager(watched, configuration);
  const subscription = worker ? worker.subscribe(configuration) : subscribe(bootstrap, configuration);
  let stopping: Promise<void> | undefined;

  const stop = (withinMs = drainMs): Promise<void> => {
    stopping ??= drain(configuration, withinMs).then(async () => {
      stopStreaming();
      overload?.stop();
      subscription.close();
      clearInterval(settling);
      clearInterval(sweeping);
      stopCollecting();
      admin?.stop(true);
      await configuration.close();
    });
    return stopping;
  };
  const state: AdminState = {
    configuration,
    registry,
    version,
    bootstrap: toBinary(BootstrapSchema, bootstrap),
    startedAt,
    startedMs: Date.now(),
    drainMs,
    workers: worker?.workers ?? 1,
    isReady: () => subscription.isComplete() && configuration.listenerManager.warmingNames.length === 0,
    quit: onQuit ?? (() => void stop()),
  };
  collectProxy(registry, state);
  // Of several workers their supervisor streams the sum.
  const stopStreaming = worker
    ? () => {}
    : metricsStreams(bootstrap, configuration, async () => (await import("./admin/stat.ts")).statsOf(registry));
  const settling = settle(state.isReady);
  const admin = serveAdmin(worker ? worker.admin : adminAddress(bootstrap), (request, remote) =>
    adminResponse(state, request, remote),
  );
  return { configuration, registry, adminPort: admin?.port ?? 0, isReady: state.isReady, stop };
}

/** Once: 5 of 30 MB are the garbage of descriptors, JSON and source, which the collector would keep for as long as nothing is asked. */
function settle(isReady: () => boolean): Timer {
  const timer = setInterval(() => {
    if (!isReady()) return;
    clearInterval(timer);
    Bun.gc(true);
    Bun.shrink();
  }, SETTLE_POLL_MS);
  timer.unref();
  return timer;
}

async function drain(configuration: Configuration, drainMs: number): Promise<void> {
  const deadline = performance.now() + drainMs;
  configuration.drain();
  while (configuration.connections > 0 && performance.now() < deadline) await Bun.sleep(DRAIN_POLL_MS);
  if (configuration.connections > 0)
    log.warn("connections are cut off at the end of the drain time", {
      connections: configuration.connections,
      drainMs,
    });
}
