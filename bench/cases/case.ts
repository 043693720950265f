// What a case is, to the rounds that measure it.

import type { ComponentName } from "../../scripts/components.ts";
import type { Lab } from "../lab.ts";
import type { RunningPeer } from "../peer.ts";

export interface Case {
  readonly name: string;
  /** One sentence: what one "request" of the figures is. */
  readonly describes: string;
  readonly components: readonly ComponentName[];
  readonly connections: number;
  /** Whether the latency over one connection is measured too. */
  readonly oneConnection: boolean;
  /** Starts everything, proves that the features are on, and gives the peers in the order of the rounds; Heddle first. */
  start(lab: Lab): Promise<readonly RunningPeer[]>;
}
