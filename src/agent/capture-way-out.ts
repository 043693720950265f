// The way from captured workloads to what is not captured: other hosts, by the machine's own address, and the programs on its loopback
// interface. Rules stand in chains of our own, behind the machine's: what those refuse stays refused.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { VIRTUAL_ADDRESSES } from "../base/virtual-addresses.ts";
import type { Bridge } from "./capture-bridge.ts";
import { CLAIMS_FOLDER } from "./capture-claims.ts";
import { closedInterfaces, turnForwardingBack, turnForwardingOn } from "./capture-forwarding.ts";
import { applyRules, type PacketFilter, readRules } from "./packet-filter.ts";

const log = logger("agent");

const RECORD = join(CLAIMS_FOLDER, "forwarding");
/** Which packet filters hold our rules. Asking the legacy one would already make tables in it. */
const FILTERS = join(CLAIMS_FOLDER, "packet-filters.json");

/** Table → the chains of it that lead to ours. */
const TABLES = { nat: ["PREROUTING", "POSTROUTING"], filter: ["INPUT", "FORWARD"] } as const;
type Table = keyof typeof TABLES;

function chainOf(chain: string): string {
  return `HEDDLE-${chain}`;
}

function rulesOf(table: Table, { name, range, machine }: Bridge, closed: readonly string[]): readonly string[] {
  if (table === "nat")
    return [
      ...["tcp", "udp"].map(
        (transport) =>
          `-A HEDDLE-PREROUTING -i ${name} -d ${machine} -p ${transport} -j DNAT --to-destination 127.0.0.1`,
      ),
      `-A HEDDLE-POSTROUTING -s ${range}.0.0/16 ! -o ${name} -j MASQUERADE`,
    ];
  return [
    `-A HEDDLE-INPUT -i ${name} -d 127.0.0.1 -m conntrack --ctstate DNAT -j ACCEPT`,
    // Nobody is at the mesh's own addresses but the proxy; what it passes on is for a port that no service has.
    `-A HEDDLE-FORWARD -i ${name} -d ${VIRTUAL_ADDRESSES} -j REJECT --reject-with icmp-host-unreachable`,
    `-A HEDDLE-FORWARD -i ${name} -j ACCEPT`,
    `-A HEDDLE-FORWARD -o ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    // Neighbours that take this machine for a router find none, as before.
    ...closed.map(
      (other) => `-A HEDDLE-FORWARD -i ${other} -m conntrack --ctstate NEW -m conntrack ! --ctstate DNAT -j DROP`,
    ),
  ];
}

function jump(chain: string): string {
  return `-A ${chain} -j ${chainOf(chain)}`;
}

function addTable(filter: PacketFilter, table: Table, bridge: Bridge, closed: readonly string[]): void {
  const there = new Set(readRules(filter, table));
  const chains = TABLES[table];
  applyRules(
    filter,
    [
      `*${table}`,
      ...chains.map((chain) => `:${chainOf(chain)} - [0:0]`), // made, or emptied
      ...rulesOf(table, bridge, closed),
      ...chains.map(jump).filter((rule) => !there.has(rule)),
      "COMMIT",
      "",
    ].join("\n"),
  );
}

function removeTable(filter: PacketFilter, table: Table): void {
  const there = new Set(readRules(filter, table));
  const chains = TABLES[table].filter((chain) => there.has(`-N ${chainOf(chain)}`));
  if (chains.length === 0) return;
  applyRules(
    filter,
    [
      `*${table}`,
      ...chains
        .map(jump)
        .filter((rule) => there.has(rule))
        .map((rule) => rule.replace("-A", "-D")),
      ...chains.map((chain) => `-F ${chainOf(chain)}`),
      ...chains.map((chain) => `-X ${chainOf(chain)}`),
      "COMMIT",
      "",
    ].join("\n"),
  );
}

function usedFilters(): readonly PacketFilter[] {
  return existsSync(FILTERS) ? (JSON.parse(readFileSync(FILTERS, "utf8")) as readonly PacketFilter[]) : [];
}

function noteFilter(filter: PacketFilter): void {
  const others = usedFilters().filter(({ restore }) => restore !== filter.restore);
  writeFileSync(FILTERS, JSON.stringify([...others, filter]), { mode: 0o600 });
}

/** Made, or put right: whoever made it may have been killed half-way. Without it the mesh still works, so a failure is told and borne. */
export function openWayOut(filter: PacketFilter, bridge: Bridge): void {
  try {
    // Packets to 127.0.0.1 from another interface are dropped unless it says so.
    writeFileSync(`/proc/sys/net/ipv4/conf/${bridge.name}/route_localnet`, "1");
    noteFilter(filter);
    const closed = closedInterfaces(RECORD);
    const others = closed.filter((name) => name !== "default" && !name.startsWith("heddle"));
    for (const table of Object.keys(TABLES) as Table[]) addTable(filter, table, bridge, others);
    turnForwardingOn(RECORD, closed); // behind the rules that keep neighbours out
  } catch (thrown) {
    log.warn("captured programs have no way out of this machine", { reason: Failure.from(thrown).message });
  }
}

/** With the packet filters that it was made with, whoever made it. */
export function closeWayOut(): void {
  for (const filter of usedFilters())
    for (const table of Object.keys(TABLES) as Table[])
      try {
        removeTable(filter, table);
      } catch (thrown) {
        log.debug("not removed", { table, reason: Failure.from(thrown).message });
      }
  rmSync(FILTERS, { force: true });
  turnForwardingBack(RECORD);
}
