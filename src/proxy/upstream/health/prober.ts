// What asks one host, in whatever way.

import type { Dialed } from "../dial.ts";
import type { Outcome } from "./transition.ts";

/** The host, as a check sees it. */
export interface CheckTarget {
  /** Of the endpoint for checks, else the cluster's name. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** A connection of its own, over the transport socket of checks. */
  dial(alpn: readonly string[], dialed: Dialed): void;
}

export interface Prober {
  /** Calls `done` once, possibly at once, unless `close` comes before. */
  begin(done: (outcome: Outcome) => void): void;
  /** Gives up the check that runs, and the connection. Another `begin` may follow. */
  close(): void;
}
