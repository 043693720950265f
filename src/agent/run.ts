// The life of a sidecar: identity, proxy, application; and its end, in the order that loses nothing.

import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { GrpcService } from "../grpc/server.ts";
import { serviceAccountId } from "../pki/spiffe.ts";
import { CERTIFICATE_EXPIRY, STARTUP_DURATION } from "../stats/names/agent.ts";
import { collectProcess } from "../stats/process-collector.ts";
import { Registry } from "../stats/registry.ts";
import { TrafficMetrics } from "../stats/traffic-metrics.ts";
import { AccessLogReceiver, ALS_PATH } from "./access-log-receiver.ts";
import { metricsWorkload, NOTHING_SAID } from "./bootstrap.ts";
import type { Capture } from "./capture.ts";
import { Child, exitCodeOf } from "./child.ts";
import { CountedSigner } from "./counted-signer.ts";
import { type HeldIdentity, WorkloadIdentity } from "./identity.ts";
import { serveLocally } from "./local-service.ts";
import { CapturedPlace, type Place, THIS_HOST } from "./place.ts";
import { type DrainedProxy, drainAlone, tellClients } from "./proxy-drain.ts";
import { ProxyProcess } from "./proxy-process.ts";
import { SDS_PATH, SecretService } from "./sds.ts";
import type { ProxyStart, Sidecar, SidecarPorts, TrustedPeers } from "./sidecar.ts";
import { RemoteSigner } from "./signer.ts";
import { serveStatus } from "./status.ts";
import { type Termination, terminationOf } from "./termination.ts";
import { Watchdog } from "./watchdog.ts";

const log = logger("agent");

/** Time for peers to hear that this workload takes nothing new, before the proxy closes its door. */
const PROPAGATION_MS = 500;

export interface RunOptions {
  readonly sidecar: Sidecar;
  /** Where proxy and application run; whoever made it takes it away. Undefined: on this host. */
  readonly capture?: Capture | undefined;
  readonly version: string;
  readonly certificateTtlMs: number;
  /** The proxy's command, as the mesh says of its start; the path of the bootstrap file is appended. */
  proxyCommand(start: ProxyStart): readonly string[];
  /** Undefined: no application of ours, until a signal. */
  readonly application:
    | {
        readonly command: readonly string[];
        /** Asked once it is settled where its sidecar listens. */
        env(ports: SidecarPorts): Readonly<Record<string, string | undefined>>;
      }
    | undefined;
  readonly applicationMetricsUrl: string | undefined;
  /** From the first signal to the end, as the mesh says of the proxy's start. */
  drainMs(start: ProxyStart): number;
  /** Until the last client has gone, where the mesh says so, it takes no longer than this; undefined: as long as it takes. */
  readonly longestDrainMs?: number | undefined;
  /**
   * The workload has its first certificate, and its proxy is not started yet. `current`: the certificate of the moment. `trust`: called when
   * the mesh names other roots (PEM) beside its own than before. Resolves with what the mesh says of that start.
   */
  onIdentified(
    current: () => HeldIdentity | undefined,
    trust: (peers: TrustedPeers) => void,
  ): Promise<ProxyStart | undefined>;
  /** Where proxy and agent listen, as the mesh says of that start; without it: as the sidecar says. */
  settlePorts?(start: ProxyStart): SidecarPorts;
  /** The proxy serves: tell the mesh. */
  onReady(): Promise<void>;
  /** Nothing new is to be sent here. Awaited before anything closes. */
  onDraining(): Promise<void>;
}

export interface RunningSidecar {
  /** Resolves with the exit code: the application's, or 1 when the proxy is gone for good. */
  readonly done: Promise<number>;
  /**
   * Hands a signal on: the application gets it, and what follows from that follows. `reached`: the terminal gave it to the application
   * already, which many take for impatience the second time.
   */
  signal(signal: NodeJS.Signals, reached?: boolean): void;
}

/** Rejects with a Failure when the sidecar cannot be made ready: no certificate, no configuration, no such program. */
export async function runSidecar(options: RunOptions): Promise<RunningSidecar> {
  const sidecar = new RunningParts(options);
  try {
    await sidecar.start();
  } catch (thrown) {
    await sidecar.close();
    throw thrown;
  }
  return sidecar;
}

class RunningParts implements RunningSidecar {
  readonly done: Promise<number>;
  #options: RunOptions;
  #place: Place = THIS_HOST;
  #start: ProxyStart = NOTHING_SAID;
  readonly #startedAt = performance.now();
  readonly #registry = new Registry();
  readonly #secrets = new SecretService();
  readonly #identity: WorkloadIdentity;
  readonly #principal: string;
  readonly #socket: string;
  readonly #accessLogs: AccessLogReceiver;
  readonly #watchdog = new Watchdog();
  readonly #closers: (() => void)[] = [];
  #proxy: ProxyProcess | undefined;
  #application: Child | undefined;
  #ready = false;
  #draining = false;
  #finish!: (code: number) => void;

  constructor(options: RunOptions) {
    const { sidecar } = options;
    const { trustDomain, namespace, serviceAccount } = sidecar.workload;
    const id = serviceAccountId(trustDomain, { namespace, name: serviceAccount });
    if (id.kind === "malformed")
      throw new Failure(
        `namespace ${JSON.stringify(namespace)} and service account ${JSON.stringify(serviceAccount)} make no identity: ${id.reason}`,
      );
    this.#options = options;
    this.#principal = id.value.uri;
    this.#socket = join(sidecar.folder, "agent.sock");
    const metrics = new TrafficMetrics(this.#registry);
    this.#accessLogs = new AccessLogReceiver(metrics, metricsWorkload(sidecar.workload), () => this.#principal);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const signer = new RemoteSigner(sidecar.controlPlane, sidecar.token, () => this.#identity.current);
    this.#identity = new WorkloadIdentity({
      id: id.value,
      ttlMs: options.certificateTtlMs,
      signer: new CountedSigner(signer, this.#registry),
      onIssued: (held) => this.#onIssued(held),
    });
  }

  async start(): Promise<void> {
    this.#makeFolder();
    await this.#identity.start();
    this.#closers.push(() => this.#identity.stop());
    this.#start =
      (await this.#options.onIdentified(
        () => this.#identity.current,
        (peers) => this.#secrets.trust(peers),
      )) ?? NOTHING_SAID;
    this.#settlePorts();
    this.#findPlace();
    const names = this.#place.resolveNames(() => this.#identity.current);
    names.catch(() => {}); // told when it is awaited, below
    this.#serve();
    await this.#startProxy();
    await names;
    this.#ready = true;
    const startup = this.#registry.gauge(STARTUP_DURATION);
    startup.set(startup.series([]), (performance.now() - this.#startedAt) / 1_000);
    await this.#options.onReady();
    this.#startApplication();
  }

  #settlePorts(): void {
    const ports = this.#options.settlePorts?.(this.#start);
    if (ports) this.#options = { ...this.#options, sidecar: { ...this.#options.sidecar, ports } };
  }

  #makeFolder(): void {
    const { folder } = this.#options.sidecar;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }

  #findPlace(): void {
    const { capture, sidecar } = this.#options;
    if (capture) this.#place = new CapturedPlace(capture, sidecar, this.#registry);
    const { capture: said } = this.#start;
    if (capture && said)
      capture.narrow({
        ...said,
        outboundRanges: said.outboundRanges?.ranges,
        inboundPorts: said.inboundPorts?.ports,
      });
    this.#closers.push(() => this.#place.close());
  }

  #onIssued(held: HeldIdentity): void {
    this.#secrets.update(held);
    const expiry = this.#registry.gauge(CERTIFICATE_EXPIRY);
    const series = expiry.series(["default"]);
    expiry.set(series, (held.notAfterMs - Date.now()) / 1_000);
  }

  #serve(): void {
    const { sidecar, version, applicationMetricsUrl } = this.#options;
    this.#closers.push(collectProcess(this.#registry, { prefix: "istio_agent_", component: "agent", version }));
    const expiry = this.#registry.gauge(CERTIFICATE_EXPIRY);
    this.#registry.onCollect(() =>
      expiry.set(expiry.series(["default"]), ((this.#identity.current?.notAfterMs ?? 0) - Date.now()) / 1_000),
    );
    const service = new GrpcService({ [SDS_PATH]: this.#secrets.method, [ALS_PATH]: this.#accessLogs.method });
    const socket = serveLocally(this.#socket, service);
    this.#closers.push(() => socket.stop());
    const status = this.#place.enter(() =>
      serveStatus({
        host: sidecar.workload.address,
        port: sidecar.ports.status,
        registry: this.#registry,
        fetch: (url, init) => this.#place.fetch(url, init),
        proxyMetricsUrl: `http://127.0.0.1:${sidecar.ports.admin}/stats/prometheus`,
        applicationMetricsUrl: applicationMetricsUrl ?? this.#saidMetricsUrl(),
        compresses: !this.#start.uncompressedStatistics,
        isReady: () => this.#ready && !this.#draining && this.#identity.isValid,
        quit: () => void this.#drain(0),
      }),
    );
    this.#closers.push(() => status.stop());
  }

  #saidMetricsUrl(): string | undefined {
    const { applicationMetrics: said } = this.#start;
    return said && `http://127.0.0.1:${said.port}${said.path}`;
  }

  async #startProxy(): Promise<void> {
    const { sidecar, proxyCommand } = this.#options;
    const proxy = new ProxyProcess({
      sidecar,
      said: this.#start,
      place: this.#place,
      agentSocket: this.#socket,
      watchdog: this.#watchdog,
      command: (file) => [...proxyCommand(this.#start), file],
      onEnded: () => this.#accessLogs.proxyEnded(),
    });
    this.#proxy = proxy;
    this.#closers.push(() => proxy.close());
    await proxy.start();
  }

  #startApplication(): void {
    const { application, sidecar } = this.#options;
    if (!application) return;
    const { command } = application;
    const child = new Child({
      command: this.#place.applicationCommand(command),
      env: application.env(sidecar.ports),
      output: "inherit",
      session: "shared",
      watchdog: this.#watchdog,
    });
    this.#application = child;
    void child.exited.then((exit) => this.#drain(exitCodeOf(exit)));
  }

  signal(signal: NodeJS.Signals, reached = false): void {
    const application = this.#application;
    if (!application) {
      void this.#drain(0);
      return;
    }
    if (signal !== "SIGTERM" && signal !== "SIGINT") {
      application.signal(signal);
      return;
    }
    // First out of the mesh, then the application: what is on its way still finds it there.
    void this.#leave().then(async () => {
      if (reached) await Promise.race([application.exited, Bun.sleep(this.#drainMs)]);
      else await this.#lingerWith(application);
      application.signal(signal);
    });
  }

  #leaving: Promise<void> | undefined;

  /** Tells the mesh, and waits until peers have heard. */
  #leave(): Promise<void> {
    this.#leaving ??= this.#options
      .onDraining()
      .catch((error) => log.warn("could not tell the mesh that this workload leaves", { error }))
      .then(() => Bun.sleep(this.#application ? PROPAGATION_MS : 0));
    return this.#leaving;
  }

  get #drainMs(): number {
    return this.#options.drainMs(this.#start);
  }

  get #termination(): Termination {
    return terminationOf(this.#start.environment, process.env);
  }

  get #drained(): DrainedProxy {
    const admin = `http://127.0.0.1:${this.#options.sidecar.ports.admin}`;
    return { admin, fetch: (url, init) => this.#place.fetch(url, init) };
  }

  /** Its proxy's clients are told to come no more, and are served for as long as the mesh says. What it asks of others goes on (Istio: inboundonly). */
  async #lingerWith(application: Child): Promise<void> {
    const termination = this.#termination;
    if (termination.kind !== "until-idle") return;
    const ms = Math.min(this.#options.longestDrainMs ?? termination.atLeastMs, termination.atLeastMs);
    const told = tellClients(
      this.#drained,
      { listeners: "inbound", closes: false },
      AbortSignal.timeout(this.#drainMs),
    );
    told.catch((error) => log.warn("the proxy does not tell its clients that it ends", { error }));
    await Promise.race([application.exited, Bun.sleep(ms)]);
  }

  /** Where the application has ended, nobody is left whom the proxy could answer for. @returns how long it may take to end. */
  async #drainAlone(): Promise<number> {
    const { sidecar, application, longestDrainMs: longestMs } = this.#options;
    const drainMs = this.#drainMs;
    const exited = this.#proxy?.exited;
    if (application || !exited) return drainMs;
    const drained = drainAlone(this.#drained, sidecar.proxy, this.#termination, { drainMs, longestMs });
    return Promise.race([drained, exited.then(() => drainMs)]);
  }

  async #drain(code: number): Promise<void> {
    if (this.#draining) return;
    await this.#leave();
    this.#draining = true;
    this.#proxy?.stayDown();
    const endMs = await this.#drainAlone();
    await this.#proxy?.end(endMs);
    await this.close();
    this.#finish(code);
  }

  async close(): Promise<void> {
    this.#draining = true;
    await this.#proxy?.end(1_000);
    for (const close of this.#closers.reverse()) close();
    this.#watchdog.stop();
    rmSync(this.#socket, { force: true });
  }
}

/** A pod name as Kubernetes makes them: the workload's name and five characters. */
export function instanceName(workloadName: string): string {
  return `${workloadName}-${randomUUID().slice(0, 5)}`;
}
