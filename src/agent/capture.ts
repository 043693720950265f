// A network of a workload's own, in which every connection leads through its proxy: the application needs no setting, and cannot go
// around the proxy by forgetting one. The agent stays outside and reaches in.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { type Bridge, ensureBridge, freeAddress, removeBridge } from "./capture-bridge.ts";
import { type Claim, claim, exclusively, forget, type HeldClaim, readClaims } from "./capture-claims.ts";
import { type CaptureScope, captureRules, PROXY_GROUP } from "./capture-rules.ts";
import { captureTools, type Tools } from "./capture-tools.ts";
import { closeWayOut, openWayOut } from "./capture-way-out.ts";
import { resolverFiles } from "./dns/resolver-files.ts";
import { NetworkNamespace } from "./network-namespace.ts";
import { applyRules, applyWithAny, type PacketFilter } from "./packet-filter.ts";
import { runTool } from "./run-tool.ts";

const log = logger("agent");

/** What stands here is mounted over /etc for whom `ip netns exec` starts (ip-netns(8)). */
const NETNS_ETC = "/etc/netns";

export interface CaptureOptions {
  /** The Pod's: unique on this machine. */
  readonly name: string;
  /** The Pod's: short names are those of its services. */
  readonly namespace: string;
  /** Ports that peers reach as they are: the mesh's, the agent's. */
  readonly openPorts: readonly number[];
}

export class Capture {
  /** The workload's own, by which this machine and the other captured workloads reach it. */
  readonly address: string;
  /** By which it reaches the programs that listen on this machine's loopback interface. */
  readonly machineAddress: string;
  /** From then on connections of that scope alone are captured. @throws Failure when the packet filter does not take it. */
  readonly narrow: (scope: CaptureScope) => void;
  readonly #tools: Tools;
  readonly #claim: HeldClaim;
  readonly #namespace: NetworkNamespace;
  #open = true;
  /** For ends that nobody catches. */
  readonly #onExit = () => this.close();

  private constructor(tools: Tools, bridge: Bridge, held: HeldClaim, narrow: (scope: CaptureScope) => void) {
    this.narrow = narrow;
    this.#tools = tools;
    this.#claim = held;
    this.address = held.address;
    this.machineAddress = bridge.machine;
    this.#namespace = new NetworkNamespace(held.name);
    process.on("exit", this.#onExit);
  }

  /**
   * Makes the network; first it takes away those of processes that were killed.
   * @throws Failure when this machine cannot do it, or when it fails; nothing is left behind then.
   */
  static open(options: CaptureOptions): Capture {
    const tools = captureTools();
    return exclusively(() => {
      const { held, stale } = readClaims();
      for (const gone of stale) {
        log.info("taking away the network of a workload that was killed", { namespace: gone.name });
        remove(tools, gone);
        forget(gone);
      }
      const bridge = ensureBridge(tools.ip);
      const address = freeAddress(bridge.range, options.name, new Set(held.map((other) => other.address)));
      const mine = claim({ name: `heddle-${options.name}`, address });
      try {
        const filter = build(tools, bridge, mine, options);
        openWayOut(filter, bridge);
        return new Capture(tools, bridge, mine, (scope) => {
          const rules = captureRules({ open: options.openPorts, nameserver: bridge.gateway, scope });
          applyRules(filter, rules, [tools.ip, "netns", "exec", mine.name]);
        });
      } catch (thrown) {
        dismantle(tools, mine);
        throw thrown;
      }
    });
  }

  /** The command of a program that is captured. */
  application(command: readonly string[]): readonly string[] {
    return [this.#tools.ip, "netns", "exec", this.#claim.name, ...command];
  }

  /** The command of the proxy, whose own connections are not. */
  proxy(command: readonly string[]): readonly string[] {
    return this.application([this.#tools.setpriv, "--regid", String(PROXY_GROUP), "--keep-groups", ...command]);
  }

  /** Sockets that `work` makes before it returns are the workload's network's, see NetworkNamespace.enter. */
  enter<T>(work: () => T): T {
    return this.#namespace.enter(work);
  }

  /** Takes the network away, and ends what still runs in it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off("exit", this.#onExit);
    this.#namespace.close();
    exclusively(() => dismantle(this.#tools, this.#claim));
  }
}

/** Interface names have 15 characters: the address tells which it is. */
function linkOf(address: string): string {
  const [, , c = "0", d = "0"] = address.split(".");
  return `heddle-${c}.${d}`;
}

/** Returns the packet filter that works here. */
function build(tools: Tools, bridge: Bridge, { name, address }: Claim, options: CaptureOptions): PacketFilter {
  const { ip, packetFilters } = tools;
  writeFiles(name, bridge, options);
  const link = linkOf(address);
  const outside = [
    `netns add ${name}`,
    `link add ${link} type veth peer name eth0 netns ${name}`,
    `link set ${link} master ${bridge.name} up`,
  ];
  runTool([ip, "-batch", "-"], outside.join("\n"));
  const inside = [
    "link set lo up",
    // Without addresses of IPv6 there is no way around the rules, which are IPv4's.
    ...(existsSync("/proc/sys/net/ipv6") ? ["link set eth0 addrgenmode none"] : []),
    `address add ${address}/16 dev eth0`,
    "link set eth0 up",
    `route add default via ${bridge.gateway}`,
  ];
  runTool([ip, "-netns", name, "-batch", "-"], inside.join("\n"));
  const rules = captureRules({ open: options.openPorts, nameserver: bridge.gateway });
  return applyWithAny(packetFilters, rules, [ip, "netns", "exec", name]);
}

/** The files of /etc by which its programs come to the DNS proxy. */
function writeFiles(name: string, { gateway }: Bridge, { namespace }: CaptureOptions): void {
  const folder = join(NETNS_ETC, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(resolverFiles(gateway, namespace))) writeFileSync(join(folder, file), text);
}

function dismantle(tools: Tools, mine: HeldClaim): void {
  remove(tools, mine);
  mine.release();
  if (readClaims().held.length > 0) return;
  quietly(() => closeWayOut());
  quietly(() => removeBridge(tools.ip));
}

/** What is not there any more needs no removal: each step is tried, whatever became of the one before. */
function remove({ ip }: Tools, { name, address }: Claim): void {
  quietly(() => {
    for (const pid of runTool([ip, "netns", "pids", name]).split("\n").filter(Boolean))
      process.kill(Number(pid), "SIGKILL");
  });
  quietly(() => runTool([ip, "link", "delete", linkOf(address)]));
  quietly(() => runTool([ip, "netns", "delete", name]));
  rmSync(join(NETNS_ETC, name), { recursive: true, force: true });
}

function quietly(step: () => unknown): void {
  try {
    step();
  } catch (thrown) {
    log.debug("not removed", { reason: Failure.from(thrown).message });
  }
}
