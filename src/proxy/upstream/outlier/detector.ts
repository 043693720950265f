// Takes hosts that answer badly out of their cluster, and brings them back when their time is over (Envoy: Outlier::DetectorImpl).

import { logger } from "../../../base/log.ts";
import { Alarm, timers } from "../../../base/timer-wheel.ts";
import type { EjectionType, OutlierDetection } from "../../../table/outlier-detection.ts";
import type { SharedCells } from "../../shared-cells.ts";
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

/** Of one kind: found, and acted upon. */
export interface EjectionCounts {
  detected: number;
  enforced: number;
}

export interface OutlierStats {
  /** Ejections that were made; `overflow`: due, but too many are out already. */
  enforced: number;
  overflow: number;
}

export interface OutlierOptions {
  /** Where processes judge together: then one of them does it for all. */
  readonly shared?: SharedCells | undefined;
  /** The detector that this one replaces: what it counted goes on. */
  readonly before?: OutlierDetector | undefined;
}

export class OutlierDetector {
  readonly #cluster: string;
  readonly #detection: OutlierDetection;
  readonly #onChanged: (host: Host) => void;
  readonly #shared: SharedCells | undefined;
  readonly #unwatch: (() => void) | undefined;
  readonly #monitors = new Map<Host, HostMonitor>();
  readonly #interval = new Alarm(() => this.#onInterval());
  readonly stats: OutlierStats;
  readonly byType: Map<EjectionType, EjectionCounts>;

  /** `onChanged`: `host.ejected` is another than it was. */
  constructor(
    cluster: string,
    detection: OutlierDetection,
    onChanged: (host: Host) => void,
    { shared, before }: OutlierOptions = {},
  ) {
    this.#cluster = cluster;
    this.#detection = detection;
    this.#onChanged = onChanged;
    this.#shared = shared;
    this.#unwatch = shared?.watch(() => this.#look());
    this.stats = before?.stats ?? { enforced: 0, overflow: 0 };
    this.byType = before?.byType ?? new Map();
    timers.arm(this.#interval, detection.intervalMs);
  }

  /** The hosts that the cluster has now. */
  watch(hosts: ReadonlySet<Host>): void {
    for (const host of this.#monitors.keys()) if (!hosts.has(host)) this.#forget(host);
    for (const host of hosts) if (!this.#monitors.has(host)) this.#add(host);
  }

  #add(host: Host): void {
    const cell = this.#shared?.cell(`outlier\0${this.#cluster}\0${host.key}`);
    const monitor = new HostMonitor(this.#detection, (type) => this.#eject(host, monitor, type), cell);
    host.monitor = monitor;
    host.ejected = monitor.isEjected;
    this.#monitors.set(host, monitor);
  }

  #forget(host: Host): void {
    if (this.#judges) this.#monitors.get(host)?.forget();
    host.monitor = undefined;
    this.#monitors.delete(host);
  }

  /** Others leave it to the one that leads. */
  get #judges(): boolean {
    return !this.#shared || this.#shared.leads;
  }

  #now(): number {
    const now = performance.now();
    return this.#shared ? this.#shared.clock(now) : now;
  }

  /** What other processes have ejected, or brought back. */
  #look(): void {
    for (const [host, monitor] of this.#monitors) {
      if (host.ejected === monitor.isEjected) continue;
      host.ejected = monitor.isEjected;
      this.#onChanged(host);
    }
  }

  /** Hosts that are out now. */
  get ejected(): number {
    let count = 0;
    for (const host of this.#monitors.keys()) if (host.ejected) count++;
    return count;
  }

  resetCounts(): void {
    this.stats.enforced = this.stats.overflow = 0;
    this.byType.clear();
  }

  #countsOf(type: EjectionType): EjectionCounts {
    const known = this.byType.get(type) ?? { detected: 0, enforced: 0 };
    this.byType.set(type, known);
    return known;
  }

  #eject(host: Host, monitor: HostMonitor, type: EjectionType): void {
    if (host.ejected) return;
    const counts = this.#countsOf(type);
    counts.detected++;
    if (!admitsEjection(this.#detection, this.ejected, this.#monitors.size)) {
      this.stats.overflow++;
      return;
    }
    if (Math.random() * 100 >= this.#detection.enforcing[type]) return;
    const backoff = backoffAfterEjection(this.#detection, monitor.backoff);
    if (monitor.eject(this.#now(), backoff, Math.random() * this.#detection.ejectionJitterMs)) {
      this.stats.enforced++;
      counts.enforced++;
      log.info("host ejected", { cluster: this.#cluster, host: host.label, type, ejections: monitor.ejections });
    }
    host.ejected = true;
    this.#changed(host);
  }

  #uneject(host: Host, monitor: HostMonitor): void {
    monitor.forgive();
    host.ejected = false;
    log.info("host back", { cluster: this.#cluster, host: host.label });
    this.#changed(host);
  }

  #changed(host: Host): void {
    this.#shared?.changed();
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
    this.#look();
    if (!this.#judges) return;
    const now = this.#now();
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
      monitor.easeBackoff();
    } else if (monitor.ejectedFor(now) >= ejectionMs(this.#detection, monitor.backoff)) this.#uneject(host, monitor);
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
    this.#unwatch?.();
    for (const host of [...this.#monitors.keys()]) this.#forget(host);
  }
}
