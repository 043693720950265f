// The bridge that captured workloads of a machine share, and its address range, which nothing else on the machine may use.

import { type Cidr, containsAddress, parseAddress, parseCidr } from "../base/cidr.ts";
import { Failure } from "../base/failure.ts";
import { runTool } from "./run-tool.ts";

const BRIDGE = "heddle0";
/** Second octets of 10/8, and of 172.16/12 for machines whose VPN has all of 10/8. */
const CANDIDATES = [
  ...Array.from({ length: 24 }, (_, i) => `10.${231 + i}`),
  ...Array.from({ length: 12 }, (_, i) => `172.${20 + i}`),
];
const HOSTS = 65_000;

function overlaps(a: Cidr, b: Cidr): boolean {
  return containsAddress(a, b.address.join(".")) || containsAddress(b, a.address.join("."));
}

/** The /16, by its first two octets, that no route of the machine leads to. @throws Failure when there is none. */
export function freeRange(destinations: readonly string[]): string {
  const taken = destinations.flatMap((destination) => parseCidr(destination) ?? []);
  const free = CANDIDATES.find((prefix) => {
    const range = parseCidr(`${prefix}.0.0/16`)!;
    return !taken.some((other) => overlaps(range, other));
  });
  if (free) return free;
  throw new Failure("no private address range is free for captured workloads", {
    hint: `routes of this machine lead to all of 10.231.0.0–10.254.255.255 and 172.20.0.0–172.31.255.255: see \`ip route\``,
  });
}

/** A free address, the search beginning where the name says: neighbours remember addresses longer than processes live. */
export function freeAddress(range: string, name: string, taken: ReadonlySet<string>): string {
  const start = Bun.hash.crc32(name) % HOSTS;
  for (let i = 0; i < HOSTS; i++) {
    const number = ((start + i) % HOSTS) + 2; // 0 is the network's, 1 the bridge's
    const address = `${range}.${number >> 8}.${number & 255}`;
    if (!taken.has(address)) return address;
  }
  throw new Failure(`every address of ${range}.0.0/16 is in use`);
}

function gatewayOf(range: string): string {
  return `${range}.0.1`;
}

/** Beyond those that freeAddress gives away. */
function machineOf(range: string): string {
  return `${range}.255.254`;
}

interface AddressOutput {
  readonly addr_info?: readonly { readonly family: string; readonly local: string }[];
}

function rangeOf(ip: string): string | undefined {
  const links = JSON.parse(runTool([ip, "-json", "-4", "address", "show"])) as readonly (AddressOutput & {
    readonly ifname: string;
  })[];
  const own = links.find(({ ifname }) => ifname === BRIDGE)?.addr_info?.find(({ family }) => family === "inet");
  return own && parseAddress(own.local)?.subarray(0, 2).join(".");
}

function make(ip: string): string {
  const routes = JSON.parse(runTool([ip, "-json", "-4", "route", "show", "table", "all"])) as readonly {
    readonly dst: string;
  }[];
  const range = freeRange(routes.map(({ dst }) => dst).filter((dst) => dst !== "0.0.0.0/0"));
  const commands = [
    `link add ${BRIDGE} type bridge`,
    `address add ${gatewayOf(range)}/16 dev ${BRIDGE}`,
    `address add ${machineOf(range)}/32 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ];
  runTool([ip, "-batch", "-"], commands.join("\n"));
  return range;
}

export interface Bridge {
  readonly name: string;
  /** First two octets of its /16. */
  readonly range: string;
  /** The machine's own on it, to which its packets for elsewhere go. */
  readonly gateway: string;
  /** Behind it stands the machine's loopback interface. */
  readonly machine: string;
}

/** The bridge, made when it is not there. Within `exclusively`. */
export function ensureBridge(ip: string): Bridge {
  const range = rangeOf(ip) ?? make(ip);
  return { name: BRIDGE, range, gateway: gatewayOf(range), machine: machineOf(range) };
}

/** When nobody is left on it. Within `exclusively`. */
export function removeBridge(ip: string): void {
  runTool([ip, "link", "delete", BRIDGE]);
}
