// iptables, of which a machine may have two: on nftables, and the older one that distributions call legacy. Which of them the kernel
// serves is found by trying.

import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { runTool } from "./run-tool.ts";

const log = logger("agent");

/** Seconds that another program may hold the tables' lock. */
const WAIT = ["-w", "5"] as const;

/** One of the two, by the paths of its programs. */
export interface PacketFilter {
  readonly iptables: string;
  readonly restore: string;
}

/** Program names, in the order of preference: what the distribution has chosen stands first, for others' rules are there. */
export const PACKET_FILTERS = ["iptables", "iptables-nft", "iptables-legacy"] as const;

/** `within` is a command that runs the rest of its arguments elsewhere, for instance in a network namespace. */
export function applyRules(filter: PacketFilter, rules: string, within: readonly string[] = []): void {
  runTool([...within, filter.restore, ...WAIT, "--noflush"], rules);
}

/** As `iptables -S` prints them. @throws Failure when the kernel does not serve this one. */
export function readRules(filter: PacketFilter, table: string): readonly string[] {
  return runTool([filter.iptables, ...WAIT, "-t", table, "-S"])
    .split("\n")
    .filter(Boolean);
}

/** Applies the rules with the first that takes them. @throws Failure, the first one's, when none does. */
export function applyWithAny(filters: readonly PacketFilter[], rules: string, within: readonly string[]): PacketFilter {
  let first: Failure | undefined;
  for (const filter of filters) {
    try {
      applyRules(filter, rules, within);
      return filter;
    } catch (thrown) {
      first ??= Failure.from(thrown);
      log.debug("this packet filter does not take the rules", { filter: filter.iptables, reason: String(thrown) });
    }
  }
  throw first ?? new Failure("no packet filter is installed");
}
