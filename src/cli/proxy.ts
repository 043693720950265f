// `heddle proxy -c FILE`: the proxy as a process, started by the agent. Its few arguments are read here by hand: every library costs
// each proxy of a machine its memory (commander 10 MB, node:util's parseArgs 4 MB).

import { parseDuration } from "../base/duration.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { configureLog } from "../base/log.ts";
import { readBootstrap } from "../proxy/bootstrap.ts";
import { startProxy } from "../proxy/main.ts";
import { VERSION } from "./version.ts";

const USAGE = "heddle proxy [--drain-time 45s] [--reuse-port] [--log-flush 1s] [--debug] -c BOOTSTRAP";

/** Istio's terminationDrainDuration is 5 s; Envoy's hot restart gives 600. Long enough for slow requests, short for whoever waits. */
const DEFAULT_DRAIN_MS = 45_000;

interface ProxyArguments {
  readonly bootstrap: string;
  readonly drainMs: number;
  readonly reusePort: boolean;
  readonly logFlushMs: number | undefined;
  readonly debug: boolean;
}

function usage(problem: string): Failure {
  return new Failure(problem, { hint: USAGE, exit: EXIT.usage });
}

function readArguments(args: readonly string[]): ProxyArguments {
  let bootstrap: string | undefined;
  let drainMs: number | undefined = DEFAULT_DRAIN_MS;
  let reusePort = false;
  let logFlush: string | undefined;
  let debug = false;
  for (let i = 0; i < args.length; i++) {
    switch (args[i]) {
      case "-c":
        bootstrap = args[++i];
        break;
      case "--drain-time":
        drainMs = parseDuration(args[++i] ?? "");
        break;
      case "--reuse-port":
        reusePort = true;
        break;
      case "--log-flush":
        logFlush = args[++i] ?? "";
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
  const logFlushMs = logFlush === undefined ? undefined : parseDuration(logFlush);
  if (logFlush !== undefined && logFlushMs === undefined) throw usage("--log-flush is not a duration such as 1s");
  return { bootstrap, drainMs, reusePort, logFlushMs, debug };
}

/** Runs until SIGTERM or SIGINT, then drains. Sets process.exitCode; never rejects. */
export async function runProxy(args: readonly string[]): Promise<void> {
  try {
    const { bootstrap, debug, ...options } = readArguments(args);
    if (debug) configureLog({ level: "debug" });
    let asked = false;
    const end = (): void => {
      if (asked) process.exit(EXIT.failure);
      asked = true;
      void proxy.stop().then(() => process.exit(EXIT.ok));
    };
    const proxy = startProxy({
      bootstrap: await readBootstrap(bootstrap),
      version: VERSION,
      onQuit: end,
      ...options,
    });
    process.on("SIGTERM", end);
    process.on("SIGINT", end);
  } catch (thrown) {
    const { message, hint, exit } = Failure.from(thrown);
    process.stderr.write(`error: ${message}\n${hint === undefined ? "" : `  try: ${hint}\n`}`);
    process.exit(exit);
  }
}
