// Whether the application is healthy, as its WorkloadGroup's probe asks it again and again.

import { logger } from "../../base/log.ts";
import type { Probe } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { checkHealth, type ProbedPlace } from "./check.ts";

const log = logger("agent");

export type Health = "healthy" | "unhealthy";

/**
 * Asks until `signal` is aborted, and tells what changed: nothing is known before as many answers in a row as the thresholds say. Never
 * rejects.
 */
export async function probeHealth(
  probe: Probe,
  place: ProbedPlace,
  signal: AbortSignal,
  onChange: (health: Health) => void,
): Promise<void> {
  let health: Health | undefined;
  let successes = 0;
  let failures = 0;
  await pause(probe.initialDelayMs, signal);
  while (!signal.aborted) {
    const askedAt = performance.now();
    const problem = await checkHealth(probe, place);
    if (signal.aborted) return;
    successes = problem === undefined ? successes + 1 : 0;
    failures = problem === undefined ? 0 : failures + 1;
    const before = health;
    if (successes >= probe.successThreshold) health = "healthy";
    else if (failures >= probe.failureThreshold) health = "unhealthy";
    if (health !== undefined && health !== before) {
      if (problem !== undefined) log.warn("the probe failed: the workload gets no new requests", { problem, failures });
      onChange(health);
    }
    await pause(Math.max(0, probe.periodMs - (performance.now() - askedAt)), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}
