// Hosts for tests of balancing.

import type { HostHealth } from "../upstream/host.ts";
import type { Candidate } from "./candidate.ts";
import type { HostLatency } from "./latency.ts";
import type { ReportedLoad } from "./reported-load.ts";

export class TestHost implements Candidate {
  readonly label: string;
  weight = 1;
  priority = 0;
  locality = { region: "", zone: "", subZone: "" };
  localityWeight = 0;
  active = 0;
  health: HostHealth = "healthy";
  isCounted = true;
  hostname = "";
  lbMetadata: ReadonlyMap<string, string> = new Map();
  healthySince = Number.NEGATIVE_INFINITY;
  latency: HostLatency | undefined = undefined;
  load: ReportedLoad | undefined = undefined;

  constructor(label: string, facts: Partial<Candidate> = {}) {
    this.label = label;
    Object.assign(this, facts);
  }
}

/** `count` hosts with the same facts. */
export function hosts(count: number, facts: Partial<Candidate> = {}, prefix = "10.0.0"): TestHost[] {
  return Array.from({ length: count }, (_, i) => new TestHost(`${prefix}.${i + 1}:80`, facts));
}

export const PLAIN_SETTINGS = { overprovisioningFactor: 140, weightedPriorityHealth: false };
