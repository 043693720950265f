// What a sidecar uses: the saturation that it adds to its workload. A sidecar is an agent and a proxy, which may be Envoy.

import { CERTIFICATE_EXPIRY } from "../stats/names/agent.ts";
import type { Series } from "../stats/parse.ts";
import { Increments } from "./increments.ts";
import type { Sink } from "./sink.ts";

const CPU: ReadonlySet<string> = new Set([
  "istio_agent_process_cpu_seconds_total",
  "heddle_proxy_process_cpu_seconds_total",
]);
const AGENT_MEMORY = "istio_agent_process_resident_memory_bytes";
/** The first that is there: Heddle's proxy may also report under Envoy's name. Envoy says nothing of its CPU. */
const PROXY_MEMORY = [
  "heddle_proxy_process_resident_memory_bytes",
  "envoy_server_memory_physical_size",
  "envoy_server_memory_allocated",
];
const LAG: ReadonlySet<string> = new Set([
  "istio_agent_nodejs_eventloop_lag_seconds",
  "heddle_proxy_nodejs_eventloop_lag_seconds",
]);
const CONNECTIONS = "envoy_server_total_connections";

const GAUGES: ReadonlySet<string> = new Set([
  AGENT_MEMORY,
  ...PROXY_MEMORY,
  ...LAG,
  CONNECTIONS,
  CERTIFICATE_EXPIRY.name,
]);

export class ProcessRecord {
  readonly cpuSeconds = new Increments();
  readonly #gauges = new Map<string, number>();

  /** Resident memory in bytes of agent and proxy together; undefined when neither says. */
  get residentBytes(): number | undefined {
    const proxy = PROXY_MEMORY.find((name) => this.#gauges.has(name));
    const parts = [AGENT_MEMORY, proxy].map((name) => (name === undefined ? undefined : this.#gauges.get(name)));
    const known = parts.filter((bytes) => bytes !== undefined);
    return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
  }

  get connections(): number | undefined {
    return this.#gauges.get(CONNECTIONS);
  }

  /** The worse of the two event loops. */
  get eventLoopLagMs(): number | undefined {
    const lags = [...LAG].map((name) => this.#gauges.get(name)).filter((seconds) => seconds !== undefined);
    return lags.length === 0 ? undefined : Math.max(...lags) * 1_000;
  }

  /** Seconds from the scrape until the certificate that the agent holds expires. */
  get certificateSecondsLeft(): number | undefined {
    return this.#gauges.get(CERTIFICATE_EXPIRY.name);
  }

  /** Where a process metric goes; undefined for every other metric. */
  sink({ name }: Series): Sink | undefined {
    if (CPU.has(name)) return { kind: "counter", grow: (amount, from, to) => this.cpuSeconds.add(from, to, amount) };
    if (GAUGES.has(name)) return { kind: "gauge", set: (value) => this.#gauges.set(name, value) };
    return undefined;
  }
}
