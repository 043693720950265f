// `heddle proxy -c FILE`: the proxy as a process, started by the agent. Its few arguments are read here by hand: every library costs
// each proxy of a machine its memory (commander 10 MB, node:util's parseArgs 4 MB).

import { MAX_CONCURRENCY, parseConcurrency } from "../base/cores.ts";
import { parseDuration } from "../base/duration.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { configureLog } from "../base/log.ts";
import { readBootstrap } from "../proxy/bootstrap.ts";
import { type ProxyOptions, startProxy } from "../proxy/main.ts";
import { selfCommand } from "./self.ts";
import { VERSION } from "./version.ts";

const USAGE =
  "heddle proxy [--concurrency N|auto] [--drain-time 45s] [--listener-drain-time 45s] [--reuse-port] [--log-flush 1s] [--log-flush-kb 64] [--debug] -c BOOTSTRAP";

/** Istio's terminationDrainDuration is 5 s; Envoy's hot restart gives 600. Long enough for slow requests, short for whoever waits. */
const DEFAULT_DRAIN_MS = 45_000;

interface ProxyArguments {
  readonly bootstrap: string;
  readonly drainMs: number;
  /** Undefined: `drainMs`. */
  readonly listenerDrainMs: number | undefined;
  readonly reusePort: boolean;
  readonly logFlushMs: number | undefined;
  readonly logFlushKb: number | undefined;
  readonly debug: boolean;
  /** Processes that share the ports; 0: this one alone. */
  readonly concurrency: number;
  /** One of them, started by the supervisor. */
  readonly worker: boolean;
}

function usage(problem: string): Failure {
  return new Failure(problem, { hint: USAGE, exit: EXIT.usage });
}

function readArguments(args: readonly string[]): ProxyArguments {
  let bootstrap: string | undefined;
  let drainMs: number | undefined = DEFAULT_DRAIN_MS;
  let listenerDrain: string | undefined;
  let reusePort = false;
  let logFlush: string | undefined;
  let logFlushKb: string | undefined;
  let debug = false;
  let worker = false;
  let concurrency: number | undefined = 0;
  for (let i = 0; i < args.length; i++) {
    switch (args[i]) {
      case "-c":
        bootstrap = args[++i];
        break;
      case "--drain-time":
        drainMs = parseDuration(args[++i] ?? "");
        break;
      case "--listener-drain-time":
        listenerDrain = args[++i] ?? "";
        break;
      case "--reuse-port":
        reusePort = true;
        break;
      case "--log-flush":
        logFlush = args[++i] ?? "";
        break;
      case "--log-flush-kb":
        logFlushKb = args[++i] ?? "";
        break;
      case "--concurrency":
        concurrency = parseConcurrency(args[++i] ?? "");
        break;
      case "--worker":
        worker = true;
        break;
      case "--debug":
        debug = true;
        break;
      default:
        throw usage(`unknown argument of heddle proxy: ${JSON.stringify(args[i])}`);
    }
  }
  if (bootstrap === undefined) throw usage("no bootstrap file given");
  if (drainMs === undefined) throw usage("--drain-time is not a duration such as 45s");
  const listenerDrainMs = listenerDrain === undefined ? undefined : parseDuration(listenerDrain);
  if (listenerDrain !== undefined && listenerDrainMs === undefined)
    throw usage("--listener-drain-time is not a duration such as 45s");
  const logFlushMs = logFlush === undefined ? undefined : parseDuration(logFlush);
  if (logFlush !== undefined && logFlushMs === undefined) throw usage("--log-flush is not a duration such as 1s");
  if (logFlushKb !== undefined && !/^\d{1,7}$/.test(logFlushKb))
    throw usage("--log-flush-kb is not a number of kilobytes such as 64");
  if (concurrency === undefined)
    throw usage(`--concurrency is not a number of processes from 0 to ${MAX_CONCURRENCY}, or auto`);
  return {
    bootstrap,
    drainMs,
    listenerDrainMs,
    reusePort,
    logFlushMs,
    logFlushKb: logFlushKb === undefined ? undefined : Number(logFlushKb),
    debug,
    concurrency,
    worker,
  };
}

/** The first time it drains, the second it does not wait any more. */
function endingBy(stop: () => Promise<void>): () => void {
  let asked = false;
  return () => {
    if (asked) process.exit(EXIT.failure);
    asked = true;
    void stop().then(() => process.exit(EXIT.ok));
  };
}

function endOnSignal(end: () => void): void {
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

function runAlone(options: ProxyOptions): void {
  const end = endingBy(() => proxy.stop());
  const proxy = startProxy({ ...options, onQuit: end });
  endOnSignal(end);
}

/** Runs until SIGTERM or SIGINT, then drains; SIGHUP replaces the workers, if there are any. Sets process.exitCode; never rejects. */
export async function runProxy(args: readonly string[]): Promise<void> {
  try {
    const { bootstrap: file, debug, concurrency, worker, ...settings } = readArguments(args);
    if (debug) configureLog({ level: "debug" });
    const self = selfCommand();
    const options = { bootstrap: await readBootstrap(file), version: VERSION, self, ...settings };
    if (worker) (await import("../proxy/workers/worker.ts")).runWorker(options);
    else if (concurrency === 0) runAlone(options);
    else {
      const { Supervisor } = await import("../proxy/workers/supervisor.ts");
      const command = [...self, "proxy", "--worker", ...args];
      const supervisor = new Supervisor({ ...options, workers: concurrency, command });
      supervisor.onQuit = (exitCode = EXIT.ok) => void supervisor.stop().then(() => process.exit(exitCode));
      process.on("SIGHUP", () => void supervisor.restart());
      endOnSignal(endingBy(() => supervisor.stop()));
    }
  } catch (thrown) {
    const { message, hint, exit } = Failure.from(thrown);
    process.stderr.write(`error: ${message}\n${hint === undefined ? "" : `  try: ${hint}\n`}`);
    process.exit(exit);
  }
}
