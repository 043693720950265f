// Takes hosts that answer badly out of their cluster, and brings them back when their time is over (Envoy: Outlier::DetectorImpl).

import { logger } from "../../../base/log.ts";
import { Alarm, timers } from "../../../base/timer-wheel.ts";
import type { EjectionType, OutlierDetection } from "../../../table/outlier-detection.ts";
import type { Host } from "../host.ts";
import {
  admitsEjection,
  backoffAfterEjection,
  ejectionMs,
  type Outcomes,
  outliersByFailurePercentage,
  outliersBySuccessRate,
} from "./decision.ts";
import { HostMonitor } from "./host-monitor.ts";

const log = logger("proxy");

export class OutlierDetector {
  readonly #cluster: string;
  readonly #detection: OutlierDetection;
  readonly #onChanged: (host: Host) => void;
  readonly #monitors = new Map<Host, HostMonitor>();
  readonly #interval = new Alarm(() => this.#onInterval());
  /** `enforced` were made; `overflow`: due, but too many are out already. */
  readonly stats = { enforced: 0, overflow: 0 };

  /** `onChanged`: `host.ejected` is another than it was. */
  constructor(cluster: string, detection: OutlierDetection, onChanged: (host: Host) => void) {
    this.#cluster = cluster;
    this.#detection = detection;
    this.#onChanged = onChanged;
    timers.arm(this.#interval, detection.intervalMs);
  }

  /** The hosts that the cluster has now. */
  watch(hosts: ReadonlySet<Host>): void {
    for (const host of this.#monitors.keys()) if (!hosts.has(host)) this.#forget(host);
    for (const host of hosts) if (!this.#monitors.has(host)) this.#add(host);
  }

  #add(host: Host): void {
    const monitor = new HostMonitor(this.#detection, (type) => this.#eject(host, monitor, type));
    host.monitor = monitor;
    this.#monitors.set(host, monitor);
  }

  #forget(host: Host): void {
    host.monitor = undefined;
    this.#monitors.delete(host);
  }

  /** Hosts that are out now. */
  get ejected(): number {
    let count = 0;
    for (const host of this.#monitors.keys()) if (host.ejected) count++;
    return count;
  }

  #eject(host: Host, monitor: HostMonitor, type: EjectionType): void {
    if (host.ejected) return;
    if (!admitsEjection(this.#detection, this.ejected, this.#monitors.size)) {
      this.stats.overflow++;
      return;
    }
    if (Math.random() * 100 >= this.#detection.enforcing[type]) return;
    this.stats.enforced++;
    monitor.ejections++;
    monitor.ejectedAt = performance.now();
    monitor.backoff = backoffAfterEjection(this.#detection, monitor.backoff);
    monitor.jitterMs = Math.random() * this.#detection.ejectionJitterMs;
    host.ejected = true;
    log.info("host ejected", { cluster: this.#cluster, host: host.label, type, ejections: monitor.ejections });
    this.#onChanged(host);
  }

  #uneject(host: Host, monitor: HostMonitor): void {
    monitor.forgive();
    host.ejected = false;
    log.info("host back", { cluster: this.#cluster, host: host.label });
    this.#onChanged(host);
  }

  /** An active health check of the host has passed. */
  onHealthCheckPassed(host: Host): void {
    const monitor = this.#monitors.get(host);
    if (monitor && host.ejected && !host.failedActiveCheck && this.#detection.uneject === "by-health-check")
      this.#uneject(host, monitor);
  }

  #onInterval(): void {
    timers.arm(this.#interval, this.#detection.intervalMs);
    const now = performance.now();
    const external = new Map<Host, Outcomes>();
    const localOrigin = new Map<Host, Outcomes>();
    for (const [host, monitor] of this.#monitors) {
      this.#bringBack(host, monitor, now);
      const outcomes = [monitor.external.take(), monitor.localOrigin.take()] as const;
      if (host.ejected) continue;
      external.set(host, outcomes[0]);
      localOrigin.set(host, outcomes[1]);
    }
    this.#ejectOutliers(external, "success-rate", "failure-percentage");
    this.#ejectOutliers(localOrigin, "success-rate-local-origin", "failure-percentage-local-origin");
  }

  #bringBack(host: Host, monitor: HostMonitor, now: number): void {
    if (!host.ejected) {
      if (monitor.backoff > 0) monitor.backoff--;
    } else if (now - monitor.ejectedAt >= ejectionMs(this.#detection, monitor.backoff) + monitor.jitterMs)
      this.#uneject(host, monitor);
  }

  #ejectOutliers(outcomes: ReadonlyMap<Host, Outcomes>, byRate: EjectionType, byPercentage: EjectionType): void {
    for (const host of outliersBySuccessRate(this.#detection, outcomes)) this.#ejectOutlier(host, byRate);
    for (const host of outliersByFailurePercentage(this.#detection, outcomes)) this.#ejectOutlier(host, byPercentage);
  }

  #ejectOutlier(host: Host, type: EjectionType): void {
    const monitor = this.#monitors.get(host);
    if (monitor) this.#eject(host, monitor, type);
  }

  stop(): void {
    timers.disarm(this.#interval);
    for (const host of [...this.#monitors.keys()]) this.#forget(host);
  }
}
