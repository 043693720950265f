// Two machines for tests: network namespaces with a cable between them. What runs in one reaches the other by its address and no other way.

import { findComponent } from "../../scripts/components.ts";
import { runTool } from "../../src/agent/run-tool.ts";

/** Addresses for documentation (RFC 5737): nobody's, and here they lead nowhere but to the other end. */
const ADDRESSES = ["192.0.2.1", "192.0.2.2"] as const;

export interface Machine {
  readonly address: string;
  /** The command of a program on it. */
  command(program: readonly string[]): readonly string[];
}

export class Machines {
  readonly machines: readonly [Machine, Machine];
  readonly #ip = findComponent("ip")!;
  readonly #names = ["a", "b"].map((end) => `heddle-${process.pid}-${end}`);

  /** Needs root on Linux. */
  constructor() {
    const [a = "", b = ""] = this.#names;
    const commands = [
      `netns add ${a}`,
      `netns add ${b}`,
      `link add eth0 netns ${a} type veth peer name eth0 netns ${b}`,
      ...this.#names.flatMap((name, i) => [
        `-netns ${name} link set lo up`,
        `-netns ${name} address add ${ADDRESSES[i]}/30 dev eth0`,
        `-netns ${name} link set eth0 up`,
      ]),
    ];
    for (const command of commands) runTool([this.#ip, ...command.split(" ")]);
    const machine = (name: string, address: string): Machine => ({
      address,
      command: (program) => [this.#ip, "netns", "exec", name, ...program],
    });
    this.machines = [machine(a, ADDRESSES[0]), machine(b, ADDRESSES[1])];
  }

  /** Pulls the cable, or puts it back. */
  cable(state: "up" | "down"): void {
    runTool([this.#ip, "-netns", this.#names[0]!, "link", "set", "eth0", state]);
  }

  close(): void {
    for (const name of this.#names) runTool([this.#ip, "netns", "delete", name]);
  }
}
