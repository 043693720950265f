// One of several processes that share the ports: a proxy that is told its configuration by its supervisor and asks nobody else.

import { closeSync } from "node:fs";
import { EXIT, Failure } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import { background, type Steps } from "../../base/steps.ts";
import { mapSharedMemory, monotonicOrigin } from "../../net/shared-memory.ts";
import { expositionText } from "../../stats/exposition.ts";
import type { Bootstrap } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { kindOfTypeUrl, type ResourceKind } from "../../xds/type-urls.ts";
import { readResponse, updateOf } from "../../xds/update.ts";
import type { Configuration } from "../configuration.ts";
import { type ProxyOptions, type RunningProxy, startProxy } from "../main.ts";
import { configurationSink, wantedOf } from "../resource-sink.ts";
import type { Subscription } from "../subscription.ts";
import { CellTable, NO_SEAT } from "./cell-table.ts";
import { type FromWorker, MEMORY_FD, namesOf, type ToWorker, wantedBy } from "./messages.ts";
import { WorkerCells } from "./worker-cells.ts";
import { WorkerSockets } from "./worker-sockets.ts";

const log = logger("worker");

/** After the worker became ready: what its predecessor had and nobody listens on any more is closed. */
const READY_POLL_MS = 50;

function tell(message: FromWorker): void {
  process.send?.(message);
}

type Resources = Extract<ToWorker, { kind: "resources" }>;

/** What the supervisor sends, as a subscription. */
class Feed implements Subscription {
  readonly #configuration: Configuration;
  readonly #needsDiscovery: boolean;
  readonly #received = new Set<ResourceKind>();
  readonly #held: Resources[] = [];

  constructor(configuration: Configuration, { dynamicResources }: Bootstrap) {
    this.#configuration = configuration;
    this.#needsDiscovery = dynamicResources?.adsConfig !== undefined;
  }

  isComplete(): boolean {
    return !this.#needsDiscovery || (this.#received.has("lds") && this.#received.has("cds"));
  }

  /** One after the other, in the order in which they came. */
  take(message: Resources): void {
    this.#held.push(message);
    if (this.#held.length === 1) background.start(this.#applyHeld());
  }

  *#applyHeld(): Steps<void> {
    for (let next = this.#held[0]; next; next = this.#held[0]) {
      yield* this.#apply(next);
      this.#held.shift();
    }
  }

  *#apply({ id, response: bytes }: Resources): Steps<void> {
    const response = yield* readResponse(bytes);
    const kind = kindOfTypeUrl(response.typeUrl);
    if (!kind) return;
    const update = updateOf(kind, 0, response, () => true);
    yield* configurationSink(this.#configuration).apply(update, response, (rejections) => {
      this.#received.add(kind);
      tell({ kind: "verdict", id, rejections, wanted: namesOf(wantedOf(this.#configuration)) });
    });
  }

  keep(names: Extract<ToWorker, { kind: "keep" }>): void {
    configurationSink(this.#configuration).keep(wantedBy(names));
  }

  /** The supervisor learns with the next verdict. */
  refresh(): void {}
  close(): void {}
}

type Started = { readonly proxy: RunningProxy; readonly feed: Feed; readonly sockets: WorkerSockets };

function cellsOf({ seat, seats }: Extract<ToWorker, { kind: "start" }>): WorkerCells | undefined {
  if (seat === NO_SEAT) return undefined;
  const table = new CellTable(mapSharedMemory(MEMORY_FD), seats);
  closeSync(MEMORY_FD);
  return new WorkerCells(table, seat, monotonicOrigin(), toldOnce());
}

/** Many things that change in one turn are told once. */
function toldOnce(): () => void {
  let isTelling = false;
  return () => {
    if (isTelling) return;
    isTelling = true;
    setImmediate(() => {
      isTelling = false;
      tell({ kind: "changed" });
    });
  };
}

class Worker {
  readonly #options: ProxyOptions;
  #started: Started | undefined;
  #cells: WorkerCells | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  take(message: ToWorker): void {
    if (message.kind === "start") this.#start(message);
    else if (message.kind === "drain") void this.#drain(message);
    else if (message.kind === "end") process.exit(EXIT.ok);
    else if (message.kind === "look") this.#cells?.look();
    else if (message.kind === "keep") this.#started?.feed.keep(message);
    else {
      this.#started?.sockets.assign(message.ports);
      this.#started?.sockets.lend(message.pipes ?? []);
      this.#started?.feed.take(message);
    }
  }

  #start(message: Extract<ToWorker, { kind: "start" }>): void {
    const { admin, sockets: handed, workers } = message;
    const { bootstrap } = this.#options;
    this.#cells = cellsOf(message);
    const sockets = new WorkerSockets(handed, tell);
    const feeds: Feed[] = [];
    const subscribe = (configuration: Configuration): Subscription => {
      const feed = new Feed(configuration, bootstrap);
      feeds.push(feed);
      return feed;
    };
    try {
      const proxy = startProxy({
        ...this.#options,
        worker: { sockets, admin, workers, shared: this.#cells, subscribe },
      });
      this.#started = { proxy, sockets, feed: feeds[0]! };
      const ready = setInterval(() => {
        if (!proxy.isReady()) return;
        clearInterval(ready);
        sockets.closeUnclaimed();
      }, READY_POLL_MS);
    } catch (thrown) {
      const { message, exit } = Failure.from(thrown);
      log.error("worker cannot start", { error: message });
      process.exit(exit);
    }
  }

  async #drain({ withinMs, hasHeir }: Extract<ToWorker, { kind: "drain" }>): Promise<void> {
    if (!this.#started) process.exit(EXIT.ok);
    const { proxy, sockets } = this.#started;
    if (!hasHeir) sockets.becomeOwn();
    await proxy.stop(withinMs);
    tell({ kind: "last", exposition: expositionText(proxy.registry, "text") });
  }
}

/** Serves until its supervisor ends it, or is gone itself. */
export function runWorker(options: ProxyOptions): void {
  const worker = new Worker(options);
  process.on("message", (message) => worker.take(message as ToWorker));
  process.on("disconnect", () => process.exit(EXIT.failure));
  // Ctrl-C reaches every process of a terminal: the supervisor says what follows.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => worker.take({ kind: "drain", withinMs: options.drainMs, hasHeir: true }));
  tell({ kind: "hello" });
}
