// What balancers look at.

import type { HostHealth } from "../upstream/host.ts";
import type { HostLatency } from "./latency.ts";
import type { ReportedLoad } from "./reported-load.ts";

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export interface Candidate {
  readonly weight: number;
  readonly priority: number;
  readonly locality: Locality;
  readonly localityWeight: number;
  /** Requests (or connections, for bytes) that are on their way. */
  readonly active: number;
  readonly health: HostHealth;
  /** False: neither healthy nor sick, as if it were not there. */
  readonly isCounted: boolean;
  /** As `ip:port`. */
  readonly label: string;
  readonly hostname: string;
  readonly lbMetadata: ReadonlyMap<string, string>;
  /** On the clock of performance.now(). */
  readonly healthySince: number;
  /** Made by balancers that go by it. */
  latency: HostLatency | undefined;
  load: ReportedLoad | undefined;
}

/** Draws among some hosts, which are never none and stay the same. */
export interface Picker<C> {
  pick(): C;
}
