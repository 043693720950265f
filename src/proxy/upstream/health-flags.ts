// What is wrong with a host, in Envoy's words (HostUtility::healthFlagsToString): as `/clusters` and its readers know them.

import type { Host } from "./host.ts";

/** `healthy`, or one or more of `/failed_active_hc`, `/failed_outlier_check`, … in the order of Envoy's flags. */
export function healthFlags(host: Host): string {
  const flags = [
    host.failedActiveCheck && "/failed_active_hc",
    host.ejected && "/failed_outlier_check",
    host.edsHealth === "unhealthy" && "/failed_eds_health",
    host.degradedActiveCheck && "/degraded_active_hc",
    host.edsHealth === "degraded" && "/degraded_eds_health",
    host.edsHealth === "draining" && "/eds_status_draining",
  ].filter((flag) => flag !== false);
  return flags.length === 0 ? "healthy" : flags.join("");
}
