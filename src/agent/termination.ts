// How long a proxy may take to end, as Istio's agent reads it from its environment (pilot-agent: EXIT_ON_ZERO_ACTIVE_CONNECTIONS,
// MINIMUM_DRAIN_DURATION): what the mesh says in proxyMetadata counts more than what the agent was started with.

import { parseDuration } from "../base/duration.ts";
import { parseFlag } from "../base/flag.ts";

/** The agent's (MINIMUM_DRAIN_DURATION). */
const DEFAULT_LEAST_MS = 5_000;

export type Termination =
  /** Nobody says: as long as something is under way, within the drain time. */
  | { readonly kind: "while-busy" }
  /** The drain time, whatever is under way. */
  | { readonly kind: "whole-time" }
  /** So long in any case, and then until no client is connected, however long that takes. */
  | { readonly kind: "until-idle"; readonly atLeastMs: number };

type Environment = Readonly<Record<string, string | undefined>>;

/** What is no value of its variable says nothing. */
export function terminationOf(said: Environment, own: Environment): Termination {
  const value = (name: string): string => said[name] ?? own[name] ?? "";
  const exits = parseFlag(value("EXIT_ON_ZERO_ACTIVE_CONNECTIONS"));
  if (exits === undefined) return { kind: "while-busy" };
  if (!exits) return { kind: "whole-time" };
  return { kind: "until-idle", atLeastMs: parseDuration(value("MINIMUM_DRAIN_DURATION")) ?? DEFAULT_LEAST_MS };
}
