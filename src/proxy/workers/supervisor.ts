// Several processes that share a proxy's ports, and the one that answers for them: it has the subscription, the admin port, the listening
// sockets. A worker that crashed is replaced, and all of them are when a new program is to serve (SIGHUP); connections that arrive meanwhile
// wait in the queues of the sockets, which outlive whoever accepts from them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import type { Steps } from "../../base/steps.ts";
import { Registry } from "../../stats/registry.ts";
import { ExpositionSum } from "../../stats/sum.ts";
import { TrafficMetrics } from "../../stats/traffic-metrics.ts";
import type { Bootstrap } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { DeltaDiscoveryResponse } from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Rejection, Update } from "../../xds/update.ts";
import { Configuration } from "../configuration.ts";
import { ownSockets } from "../listening-sockets.ts";
import { adminAddress, identify, serveAdmin, workloadOf } from "../main.ts";
import { metricsStreams } from "../metrics-service/begin.ts";
import { Reporter } from "../reporter.ts";
import type { ResourceSink } from "../resource-sink.ts";
import { applyStaticUpstreams } from "../static-resources.ts";
import { type Subscription, subscribe } from "../subscription.ts";
import { applyUpdate } from "../update.ts";
import { NO_SEAT } from "./cell-table.ts";
import { type HeldSocket, HeldSockets } from "./held-socket.ts";
import { ResourceFanOut } from "./resource-fan-out.ts";
import { type Crashes, crashed, NO_CRASHES } from "./restart-back-off.ts";
import { type Supervised, supervisorResponse } from "./supervisor-admin.ts";
import { type WorkerListener, WorkerProcess } from "./worker-process.ts";
import { WorkerSeats } from "./worker-seats.ts";

const log = logger("supervisor");

const READY_POLL_MS = 20;
/** How long new workers may take to be ready before the old ones go on instead. */
const READY_TIMEOUT_MS = 30_000;
/** Beyond the drain time, before a worker is made to end. */
const GRACE_MS = 1_000;

export interface SupervisorOptions {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly workers: number;
  /** What starts a worker. */
  readonly command: readonly string[];
  readonly drainMs: number;
  /** As ProxyOptions has it. */
  readonly listenerDrainMs?: number | undefined;
}

interface Slot {
  readonly index: number;
  current: WorkerProcess | undefined;
  crashes: Crashes;
  timer: Timer | undefined;
}

export class Supervisor implements WorkerListener, Supervised {
  readonly #options: SupervisorOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-proxy-"));
  readonly #slots: readonly Slot[];
  readonly #workers = new Set<WorkerProcess>();
  readonly #seats: WorkerSeats;
  readonly #fanOut = new ResourceFanOut(
    () => this.#ports(),
    () => this.#subscription.refresh(),
  );
  readonly #subscription: Subscription;
  readonly #stopStreaming: () => void;
  readonly #admin: { readonly port?: number | undefined; stop(closeActiveConnections?: boolean): unknown } | undefined;
  /** What workers that are gone have counted. */
  #past = "";
  #started = 0;
  #stopping: Promise<void> | undefined;
  #restarting = false;
  /** Called when the workers cannot even start, with their exit code; and when the admin interface is told to end it all, with none. */
  onQuit: (exitCode: number | undefined) => void = () => {};

  /** @throws Failure when the bootstrap's clusters are wrong. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { bootstrap, version } = options;
    identify(bootstrap, version);
    this.#seats = new WorkerSeats(options.workers);
    // Of its own it has what leads to the control plane: static clusters and secrets.
    const reporter = new Reporter(new TrafficMetrics(new Registry()), workloadOf(bootstrap.node));
    const configuration = new Configuration(reporter, {
      sockets: ownSockets(true),
      listenerDrainMs: options.listenerDrainMs ?? options.drainMs,
      maxConnections: Number.POSITIVE_INFINITY,
    });
    applyStaticUpstreams(bootstrap, configuration);
    this.#subscription = subscribe(bootstrap, configuration, this.#sink(configuration));
    this.#slots = Array.from({ length: options.workers }, (_, index) => ({
      index,
      current: undefined,
      crashes: NO_CRASHES,
      timer: undefined,
    }));
    for (const slot of this.#slots) slot.current = this.#start(slot, new HeldSockets());
    this.#stopStreaming = metricsStreams(bootstrap, configuration, async () =>
      (await import("./sum-stats.ts")).statsOfSum(await this.sum()),
    );
    this.#admin = serveAdmin(adminAddress(bootstrap), (request, remote) => supervisorResponse(this, request, remote));
  }

  /** Port of the admin interface; 0 without one. */
  get adminPort(): number {
    return this.#admin?.port ?? 0;
  }

  get isDraining(): boolean {
    return this.#stopping !== undefined;
  }

  /** Those that take new connections. */
  get serving(): readonly WorkerProcess[] {
    return this.#slots.flatMap(({ current }) => (current?.state === "serving" ? [current] : []));
  }

  async isReady(): Promise<boolean> {
    if (!this.#subscription.isComplete() || this.serving.length < this.#slots.length) return false;
    return (await Promise.all(this.serving.map((worker) => worker.isReady()))).every(Boolean);
  }

  #sink(configuration: Configuration): ResourceSink {
    const fanOut = this.#fanOut;
    return {
      *apply(
        update: Update,
        response: DeltaDiscoveryResponse,
        done: (rejections: readonly Rejection[]) => void,
      ): Steps<void> {
        // The workload's certificate is what the control plane is reached with, too.
        if (update.kind === "sds") yield* applyUpdate(update, configuration);
        yield* fanOut.apply(update, response, done);
      },
      get wanted() {
        return fanOut.wanted;
      },
      keep: (wanted) => fanOut.keep(wanted),
    };
  }

  /** Of listeners that asked for any port: those that a worker has, for the others. */
  #ports(): (readonly [string, number])[] {
    const ports = new Map<string, number>();
    for (const worker of this.#workers)
      for (const [key, { port }] of worker.sockets) if (key.endsWith(" 0") && !ports.has(key)) ports.set(key, port);
    return [...ports];
  }

  get pipes(): ReadonlyMap<string, HeldSocket> {
    const pipes = new Map<string, HeldSocket>();
    for (const worker of this.#workers)
      for (const [key, socket] of worker.sockets) if (socket.port === 0 && !pipes.has(key)) pipes.set(key, socket);
    return pipes;
  }

  #start({ index }: Slot, sockets: HeldSockets): WorkerProcess {
    const admin = join(this.#folder, `${++this.#started}.sock`);
    const { command, workers } = this.#options;
    const { memory, count: seats } = this.#seats;
    const seat = this.#seats.take();
    const worker = new WorkerProcess({ slot: index, seat, seats, memory, workers, command, admin, sockets }, this);
    this.#workers.add(worker);
    return worker;
  }

  onStarted(worker: WorkerProcess): void {
    this.#fanOut.add(worker);
    this.#lead();
  }

  /** The first of those that serve judges and probes for all. */
  #lead(): void {
    const [first] = this.serving.filter(({ seat }) => seat !== NO_SEAT);
    if (!first || !this.#seats.lead(first.seat)) return;
    for (const worker of this.serving) worker.look();
  }

  onChanged(by: WorkerProcess): void {
    for (const worker of this.#workers) if (worker !== by) worker.look();
  }

  onGone(worker: WorkerProcess, exitCode: number): void {
    this.#workers.delete(worker);
    this.#fanOut.remove(worker);
    this.#seats.vacate(worker.seat);
    this.#past = new ExpositionSum().add(this.#past, true).add(worker.exposition, true).text("text");
    const slot = this.#slots[worker.slot];
    if (this.#stopping || slot?.current !== worker) {
      worker.sockets.release();
      return;
    }
    slot.current = undefined;
    this.#lead();
    if (exitCode === EXIT.data || exitCode === EXIT.usage) {
      this.onQuit(exitCode); // another start would end as this one
      return;
    }
    this.#replace(slot, worker, exitCode);
  }

  #replace(slot: Slot, { pid, sockets }: WorkerProcess, exitCode: number): void {
    slot.crashes = crashed(slot.crashes, performance.now());
    const { waitMs } = slot.crashes;
    log.error("a worker ended", { worker: slot.index, pid, exitCode, startedAgainInMs: waitMs });
    if (waitMs === 0) {
      slot.current = this.#start(slot, sockets);
      return;
    }
    // Nobody would accept for so long: the kernel gives these connections to the other workers.
    sockets.release();
    slot.timer = setTimeout(() => {
      slot.current = this.#start(slot, new HeldSockets());
    }, waitMs);
  }

  /**
   * Hot restart: new workers with the sockets of the old ones, which drain once the new ones are ready. False when the new ones do not
   * become ready; then everything is as it was.
   */
  async restart(): Promise<boolean> {
    if (this.#restarting || this.#stopping) return false;
    this.#restarting = true;
    try {
      const heirs = this.#slots.map((slot) => this.#start(slot, slot.current?.sockets.shared() ?? new HeldSockets()));
      if (await this.#areReady(heirs)) {
        this.#succeed(heirs);
        return true;
      }
      log.error("new workers did not become ready: the old ones go on");
      for (const heir of heirs) heir.kill();
      return false;
    } finally {
      this.#restarting = false;
    }
  }

  async #areReady(heirs: readonly WorkerProcess[]): Promise<boolean> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < deadline && !this.#stopping && heirs.every(({ isAlive }) => isAlive)) {
      if ((await Promise.all(heirs.map((heir) => heir.isReady()))).every(Boolean)) return !this.#stopping;
      await Bun.sleep(READY_POLL_MS);
    }
    return false;
  }

  #succeed(heirs: readonly WorkerProcess[]): void {
    for (const slot of this.#slots) {
      const before = slot.current;
      clearTimeout(slot.timer);
      slot.current = heirs[slot.index];
      slot.crashes = NO_CRASHES;
      if (before) this.#drain(before, true);
    }
    this.#lead();
    log.info("new workers serve", { pids: heirs.map(({ pid }) => pid) });
  }

  #drain(worker: WorkerProcess, hasHeir: boolean): Promise<unknown> {
    const { drainMs } = this.#options;
    worker.drain(drainMs, hasHeir);
    const timer = setTimeout(() => worker.kill(), drainMs + GRACE_MS);
    return worker.exited.then(() => clearTimeout(timer));
  }

  /** The statistics of all, those that are gone included. */
  async sum(): Promise<ExpositionSum> {
    await Promise.all([...this.#workers].map((worker) => worker.see()));
    // Who has ended in the meantime is in the past by now, and no longer among the workers.
    const sum = new ExpositionSum().add(this.#past, true);
    for (const worker of this.#workers) sum.add(worker.exposition, worker.state !== "serving");
    return sum;
  }

  /** What workers that are gone have counted. */
  forgetPast(): void {
    this.#past = "";
  }

  quit(): void {
    this.onQuit(undefined);
  }

  /** Everything drains within one deadline, then ends. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    for (const { timer } of this.#slots) clearTimeout(timer);
    await Promise.all([...this.#workers].map((worker) => this.#drain(worker, false)));
    this.#stopStreaming();
    this.#subscription.close();
    this.#admin?.stop(true);
    this.#seats.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
