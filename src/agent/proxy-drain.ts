// The end of a proxy that nothing is lost by: its clients are told, and it ends once their connections are over.

import { logger } from "../base/log.ts";
import type { ProxyKind } from "./sidecar.ts";
import type { Termination } from "./termination.ts";

const log = logger("agent");

const POLL_MS = 50;
/** Answers in a row that fail before it is given up (Istio's agent: five). */
const MOST_FAILURES = 5;
const RETRY_MS = 200;

/** Connections that clients have open, of every listener but the admin interface's. */
const ACTIVE = /^listener\.(?!admin\.).*\.downstream_cx_active$/;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The proxy's admin interface. */
export interface DrainedProxy {
  readonly admin: string;
  readonly fetch: Fetch;
}

export interface Draining {
  /** Before it is asked whether clients are connected. */
  readonly atLeastMs: number;
  /** Listeners close when the proxy's own drain time is over, so that not ever new clients keep it from ending. */
  readonly closes: boolean;
  readonly deadline: AbortSignal;
}

/** `inbound`: others' connections to the program alone; its own to others go on for as long as it lives. */
export type DrainedListeners = "all" | "inbound";

export interface Telling {
  readonly listeners: DrainedListeners;
  readonly closes: boolean;
}

/** From now on responses say that connections close, and new ones are served all the same. Rejects where it cannot be told. */
export async function tellClients(
  { admin, fetch }: DrainedProxy,
  { listeners, closes }: Telling,
  signal: AbortSignal,
): Promise<void> {
  const parameters = [
    ...(listeners === "inbound" ? ["inboundonly"] : []),
    "graceful",
    ...(closes ? [] : ["skip_exit"]),
  ];
  await fetch(`${admin}/drain_listeners?${parameters.join("&")}`, { method: "POST", signal });
}

/** Resolves when no client is connected any more, when the deadline is over, or when the proxy does not answer. Never rejects. */
export async function drainProxy(proxy: DrainedProxy, { atLeastMs, closes, deadline }: Draining): Promise<void> {
  try {
    await tellClients(proxy, { listeners: "all", closes }, deadline);
    await sleep(atLeastMs, deadline);
    await untilIdle(proxy, deadline);
  } catch (error) {
    if (!deadline.aborted) log.warn("the proxy does not say whether it has drained", { error });
  }
  if (deadline.aborted) log.warn("connections are cut off at the end of the drain time");
}

export interface DrainTimes {
  readonly drainMs: number;
  /** Undefined: as long as it takes. */
  readonly longestMs: number | undefined;
}

/** Beyond its drain time, before a proxy is made to end. */
const CUT_OFF_MS = 1_000;

/** Of a proxy without an application. @returns how long it may take to end after that. */
export async function drainAlone(
  proxy: DrainedProxy,
  kind: ProxyKind,
  termination: Termination,
  { drainMs, longestMs }: DrainTimes,
): Promise<number> {
  switch (termination.kind) {
    case "while-busy":
      // Heddle's proxy does it by itself, and Envoy ends at once on SIGTERM.
      if (kind === "envoy") {
        const deadline = AbortSignal.timeout(drainMs);
        await drainProxy(proxy, { atLeastMs: 0, closes: false, deadline });
      }
      return drainMs;
    case "whole-time":
      await drainProxy(proxy, { atLeastMs: drainMs, closes: true, deadline: AbortSignal.timeout(drainMs) });
      return CUT_OFF_MS;
    case "until-idle": {
      const deadline = longestMs === undefined ? new AbortController().signal : AbortSignal.timeout(longestMs);
      await drainProxy(proxy, { atLeastMs: termination.atLeastMs, closes: true, deadline });
      return drainMs;
    }
  }
}

/** One answer that fails is none: the proxy may be busy, and to end it for that would cut its clients off. */
async function untilIdle(proxy: DrainedProxy, deadline: AbortSignal): Promise<void> {
  let failures = 0;
  while (!deadline.aborted) {
    try {
      if ((await connections(proxy, deadline)) === 0) return;
      failures = 0;
    } catch (error) {
      if (++failures === MOST_FAILURES) throw error;
    }
    await sleep(failures === 0 ? POLL_MS : RETRY_MS, deadline);
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  if (!signal.aborted) await over.promise;
  clearTimeout(timer);
}

async function connections({ admin, fetch }: DrainedProxy, signal: AbortSignal): Promise<number> {
  const response = await fetch(`${admin}/stats?format=json&filter=downstream_cx_active`, { signal });
  const { stats } = (await response.json()) as {
    stats: readonly { readonly name?: string; readonly value?: number }[];
  };
  return stats.reduce((sum, { name = "", value = 0 }) => sum + (ACTIVE.test(name) ? value : 0), 0);
}
