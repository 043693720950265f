// What the control plane and the proxies of the benchmark tell it. Times are milliseconds since 1970.

export type Change = "endpoint" | "virtual-service";

/** One compilation: when it began, and how long it took, publishing included where the newest is asked for. */
export interface CompilationReport {
  readonly at: number;
  readonly tookMs: number;
}

export interface PlaneReport {
  readonly compilations: readonly CompilationReport[];
  /** Of objects, so far. */
  readonly statusWrites: number;
}

export interface ProxiesReport {
  /** Proxies that have everything that they asked for. */
  readonly synced: number;
  /** When the last response came that made one so. */
  readonly lastAt: number;
  readonly responses: number;
  readonly bytes: number;
  readonly failures: readonly string[];
}

/** With its fraction, on the clock that all processes share: each has a performance.now() of its own. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
