// Whether this machine hands packets on, which it must for captured workloads and may not have done before. Said of each interface, not of
// the whole machine (ip_forward): that switch is others' to turn, and tells at the end whether somebody else has come to rely on it.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Others' rule of the whole machine, and the interfaces' own. */
const MACHINE = "/proc/sys/net/ipv4/ip_forward";
const INTERFACES = "/proc/sys/net/ipv4/conf";
/** `all` is the switch of the machine under another name. */
const NONE_OF_OURS = ["all", "lo"];

function isOn(file: string): boolean {
  return readFileSync(file, "utf8").trim() === "1";
}

function fileOf(name: string): string {
  return join(INTERFACES, name, "forwarding");
}

function interfaces(): readonly string[] {
  return readdirSync(INTERFACES).filter((name) => !NONE_OF_OURS.includes(name));
}

/**
 * The interfaces that do not forward, or did not before we made them: their neighbours must not find a router there. `record` is a file
 * that keeps what is to be undone, whoever ends last.
 */
export function closedInterfaces(record: string): readonly string[] {
  const closed = isOn(MACHINE) ? [] : interfaces().filter((name) => !isOn(fileOf(name)));
  return [...new Set([...recorded(record), ...closed])];
}

export function turnForwardingOn(record: string, closed: readonly string[]): void {
  if (isOn(MACHINE)) return;
  writeFileSync(record, closed.join("\n"), { mode: 0o600 }); // first: whoever is killed next has said what to undo
  for (const name of closed) if (existsSync(fileOf(name))) writeFileSync(fileOf(name), "1");
}

function recorded(record: string): readonly string[] {
  return existsSync(record) ? readFileSync(record, "utf8").split("\n").filter(Boolean) : [];
}

export function turnForwardingBack(record: string): void {
  if (!existsSync(record)) return;
  // Whoever turned the machine's switch on since then needs these.
  if (!isOn(MACHINE))
    for (const name of recorded(record)) if (existsSync(fileOf(name))) writeFileSync(fileOf(name), "0");
  rmSync(record, { force: true });
}
