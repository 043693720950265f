import { expect, test } from "bun:test";
import { type CaptureScope, captureRules } from "./capture-rules.ts";

const ALL: CaptureScope = {
  outboundRanges: undefined,
  excludedOutboundRanges: [],
  outboundPorts: [],
  excludedOutboundPorts: [],
  inboundPorts: undefined,
  excludedInboundPorts: [],
};

/** The lines of a chain that a scope makes, without those that are always there. */
function lines(chain: "PREROUTING" | "OUTPUT", scope: Partial<CaptureScope>): readonly string[] {
  const text = captureRules({ open: [15_008], nameserver: "10.0.0.1", scope: { ...ALL, ...scope } });
  const after = chain === "OUTPUT" ? "--gid-owner 1337 -j RETURN" : "--dport 15008 -j RETURN";
  const all = text.split("\n").filter((line) => line.startsWith(`-A ${chain} `));
  return all
    .slice(all.findIndex((line) => line.endsWith(after)) + 1)
    .map((line) => line.slice(`-A ${chain} -p tcp `.length));
}

test("without a word everything is captured", () => {
  const common = { open: [15_008], nameserver: "10.0.0.1" };
  expect(captureRules(common)).toBe(captureRules({ ...common, scope: ALL }));
  expect(lines("OUTPUT", {})).toEqual(["-j REDIRECT --to-ports 15001"]);
  expect(lines("PREROUTING", {})).toEqual(["-j REDIRECT --to-ports 15006"]);
});

test("what is left out comes before what is taken, and ports before ranges, as in istio-iptables", () => {
  const scope = {
    outboundRanges: ["10.0.0.0/8", "192.0.2.7"],
    excludedOutboundRanges: ["10.1.0.0/16"],
    outboundPorts: [9090],
    excludedOutboundPorts: [5432],
    inboundPorts: [8080],
    excludedInboundPorts: [9100],
  };
  expect(lines("OUTPUT", scope)).toEqual([
    "--dport 5432 -j RETURN",
    "-d 10.1.0.0/16 -j RETURN",
    "--dport 9090 -j REDIRECT --to-ports 15001",
    "-d 10.0.0.0/8 -j REDIRECT --to-ports 15001",
    "-d 192.0.2.7 -j REDIRECT --to-ports 15001",
  ]);
  expect(lines("PREROUTING", scope)).toEqual(["--dport 9100 -j RETURN", "--dport 8080 -j REDIRECT --to-ports 15006"]);
  expect(lines("OUTPUT", { outboundRanges: [] })).toEqual([]);
  expect(lines("PREROUTING", { inboundPorts: [] })).toEqual([]);
});

test("what is no range of IPv4 and no port never comes to root's rules", () => {
  const bad = ["::/0", "10.0.0.0/33", "10.0.0.0/8 -j ACCEPT", "x"];
  expect(lines("OUTPUT", { excludedOutboundRanges: bad, excludedOutboundPorts: [0, 65_536, 1.5] })).toEqual([
    "-j REDIRECT --to-ports 15001",
  ]);
});
