// What one proxy's process uses: the saturation that the proxy adds to its workload.

import type { Series } from "../stats/parse.ts";
import { Increments } from "./increments.ts";
import type { Sink } from "./sink.ts";

/** The names below are those of Heddle's agent and proxy (prefix `istio_agent_`), of Envoy, and of a proxy without an application. */
const RESIDENT: ReadonlySet<string> = new Set([
  "istio_agent_process_resident_memory_bytes",
  "envoy_server_memory_physical_size",
]);

export class ProcessRecord {
  readonly cpuSeconds = new Increments();
  readonly #resident = new Map<string, number>();
  #connections: number | undefined;
  #eventLoopLagSeconds: number | undefined;

  /** Resident memory in bytes of the agent and its proxy together, each counted once; undefined when neither says. */
  get residentBytes(): number | undefined {
    if (this.#resident.size === 0) return undefined;
    return [...this.#resident.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get connections(): number | undefined {
    return this.#connections;
  }

  get eventLoopLagMs(): number | undefined {
    return this.#eventLoopLagSeconds === undefined ? undefined : this.#eventLoopLagSeconds * 1_000;
  }

  /** Where a process metric goes; undefined for every other metric. */
  sink({ name }: Series): Sink | undefined {
    if (RESIDENT.has(name)) return { kind: "gauge", set: (value) => this.#resident.set(name, value) };
    switch (name) {
      case "istio_agent_process_cpu_seconds_total":
        return { kind: "counter", grow: (amount, from, to) => this.cpuSeconds.add(from, to, amount) };
      case "istio_agent_nodejs_eventloop_lag_seconds":
        return {
          kind: "gauge",
          set: (value) => {
            this.#eventLoopLagSeconds = value;
          },
        };
      case "envoy_server_total_connections":
        return {
          kind: "gauge",
          set: (value) => {
            this.#connections = value;
          },
        };
      default:
        return undefined;
    }
  }
}
