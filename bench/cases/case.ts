// What a case is, to what runs it: rounds of load on peers that take turns, or figures of its own.

import type { ComponentName } from "../../scripts/components.ts";
import type { Figure } from "../figure.ts";
import type { Lab } from "../lab.ts";
import type { RunningPeer } from "../peer.ts";
import type { RatioTarget, Verdict } from "../target.ts";

interface Common {
  readonly name: string;
  readonly components: readonly ComponentName[];
}

/** A rate that does not wait for answers: `share` of what `of` can do, for that peer and the first. */
export interface ConstantRate {
  readonly of: string;
  readonly share: number;
}

/** The peers take turns under the same load. */
export interface RoundsCase extends Common {
  readonly kind: "rounds";
  /** One sentence: what one "request" of the figures is. */
  readonly describes: string;
  readonly connections: number;
  /** Whether the latency over one connection is measured too. */
  readonly oneConnection: boolean;
  readonly rate?: ConstantRate;
  readonly targets: readonly RatioTarget[];
  /** Starts everything, proves that the features are on, and gives the peers in the order of the rounds; Heddle first. */
  start(lab: Lab): Promise<readonly RunningPeer[]>;
}

export interface Findings {
  readonly figures: readonly Figure[];
  readonly verdicts: readonly Verdict[];
}

/** What is no load on equals: memory, one update, a count of processes. */
export interface FiguresCase extends Common {
  readonly kind: "figures";
  readonly describes: string;
  /** What lasts longer hangs. */
  readonly limitSeconds: number;
  /** `seconds` is the length of each measured run. */
  measure(lab: Lab, seconds: number): Promise<Findings>;
}

export type Case = RoundsCase | FiguresCase;
