// The health of a host in Envoy's words.

import type { Host } from "../upstream/host.ts";

/** HostUtility::healthFlagsToString: every flag that is set, in its order. */
export function healthFlags({
  edsHealth: eds,
  failedActiveCheck,
  ejected,
  degradedActiveCheck,
  excluded,
}: Host): string {
  const flags = [
    failedActiveCheck ? "/failed_active_hc" : "",
    ejected ? "/failed_outlier_check" : "",
    eds === "unhealthy" ? "/failed_eds_health" : "",
    degradedActiveCheck ? "/degraded_active_hc" : "",
    eds === "degraded" ? "/degraded_eds_health" : "",
    excluded ? "/pending_active_hc" : "",
    eds === "draining" ? "/eds_status_draining" : "",
  ].join("");
  return flags === "" ? "healthy" : flags;
}

/** envoy.admin.v3.HostHealthStatus; what is false is left out. */
export function healthStatus({ edsHealth, failedActiveCheck, ejected, degradedActiveCheck, excluded }: Host): object {
  return {
    ...(failedActiveCheck ? { failed_active_health_check: true } : {}),
    ...(ejected ? { failed_outlier_check: true } : {}),
    ...(degradedActiveCheck ? { failed_active_degraded_check: true } : {}),
    ...(excluded ? { pending_active_hc: true } : {}),
    eds_health_status: edsHealth.toUpperCase(),
  };
}
