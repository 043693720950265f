// The program that `heddle run` starts: what it is told by its environment, and when it listens.

import { logger } from "../base/log.ts";
import { withLoopback } from "./loopback.ts";

const log = logger("run");

const PROBE_MS = 50;
const SLOW_MS = 10_000;

/**
 * Every HTTP client reads one spelling or the other; curl only http_proxy in small letters (httpoxy). `forwardProxyPort` is undefined
 * for a captured program, which needs to be told nothing.
 */
export function applicationEnvironment(
  env: NodeJS.ProcessEnv,
  forwardProxyPort: number | undefined,
  port: number | undefined,
): Readonly<Record<string, string | undefined>> {
  const { HEDDLE_TOKEN: _, ...inherited } = env;
  const own = port === undefined ? inherited : { ...inherited, PORT: String(port) };
  if (forwardProxyPort === undefined) return own;
  const proxy = `http://127.0.0.1:${forwardProxyPort}`;
  const without = withLoopback(env.no_proxy ?? env.NO_PROXY ?? "");
  return {
    ...own,
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    https_proxy: proxy,
    HTTPS_PROXY: proxy,
    no_proxy: without,
    NO_PROXY: without,
  };
}

/** Runs what makes a socket where the application is: see Capture.enter. */
export type Enter = <T>(work: () => T) => T;

function accepts(port: number, enter: Enter): Promise<boolean> {
  return new Promise((resolve) => {
    const options = {
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket: Bun.Socket<undefined>) {
          socket.end();
          resolve(true);
        },
        data() {},
        connectError: () => resolve(false),
      },
    } satisfies Bun.TCPSocketConnectOptions<undefined>;
    enter(() => Bun.connect(options)).catch(() => resolve(false));
  });
}

/** Resolves when the application accepts connections, or `signal` is aborted: then with false. */
export async function untilListening(port: number, enter: Enter, signal: AbortSignal): Promise<boolean> {
  const startedAt = performance.now();
  let warned = false;
  while (!signal.aborted) {
    if (await accepts(port, enter)) return true;
    if (!warned && performance.now() - startedAt > SLOW_MS) {
      warned = true;
      log.warn(`the application does not listen on port ${port} yet: nothing is sent to it before it does`, { port });
    }
    await Bun.sleep(PROBE_MS);
  }
  return false;
}
