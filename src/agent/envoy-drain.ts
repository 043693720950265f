// The end of an Envoy that nothing is lost by: it takes no new connections, and ends once those that it has are over.

import { logger } from "../base/log.ts";

const log = logger("agent");

const POLL_MS = 50;

/** Connections that clients have open, of every listener but the admin interface's. */
const ACTIVE = /^listener\.(?!admin\.).*\.downstream_cx_active$/;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Resolves when no client is connected any more, when `deadline` is over, or when the Envoy at `admin` (the URL of its admin interface) does
 * not answer. Never rejects.
 */
export async function drainEnvoy(admin: string, fetch: Fetch, deadline: AbortSignal): Promise<void> {
  try {
    await fetch(`${admin}/drain_listeners?graceful&skip_exit`, { method: "POST", signal: deadline });
    while (!deadline.aborted && (await connections(admin, fetch, deadline)) > 0) await Bun.sleep(POLL_MS);
  } catch (error) {
    if (!deadline.aborted) log.warn("Envoy does not say whether it has drained", { error });
  }
  if (deadline.aborted) log.warn("connections are cut off at the end of the drain time");
}

async function connections(admin: string, fetch: Fetch, signal: AbortSignal): Promise<number> {
  const response = await fetch(`${admin}/stats?format=json&filter=downstream_cx_active`, { signal });
  const { stats } = (await response.json()) as {
    stats: readonly { readonly name?: string; readonly value?: number }[];
  };
  return stats.reduce((sum, { name = "", value = 0 }) => sum + (ACTIVE.test(name) ? value : 0), 0);
}
