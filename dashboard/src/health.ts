// How good a success rate is, in words that colours and labels share.

import type { Signals } from "../../src/admin/api.ts";

export type Health = "idle" | "ok" | "degraded" | "failing";

/** Kiali's tolerances are 10 % for failure; a mesh that retries should lose far less, so 0.1 % is already worth a colour. */
const DEGRADED = 0.999;
const FAILING = 0.95;

export function healthOf(signals: Signals | null): Health {
  if (!signals) return "idle";
  if (signals.successRate === null) return signals.connectionRate + signals.sentBytesRate > 0 ? "ok" : "idle";
  if (signals.successRate < FAILING) return "failing";
  return signals.successRate < DEGRADED ? "degraded" : "ok";
}

export const HEALTH_TEXT: Readonly<Record<Health, string>> = {
  idle: "no traffic",
  ok: "healthy",
  degraded: "degraded",
  failing: "failing",
};
