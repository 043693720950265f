// Of two hosts drawn at random, the one whose response is to be expected first: by how long it took lately, and how many wait for it.

import type { Candidate, Picker } from "./candidate.ts";
import { HostLatency } from "./latency.ts";

function cost({ latency, active, weight }: Candidate): number {
  return (latency?.cost(active) ?? 0) / weight;
}

export class PeakEwma<C extends Candidate> implements Picker<C> {
  readonly #hosts: readonly C[];

  constructor(hosts: readonly C[], decayMs: number) {
    this.#hosts = hosts;
    for (const host of hosts) host.latency ??= new HostLatency(decayMs, performance.now());
  }

  pick(): C {
    const hosts = this.#hosts;
    if (hosts.length === 1) return hosts[0]!;
    const first = Math.floor(Math.random() * hosts.length);
    // Never the same twice: with two hosts there would be no choice half of the time.
    const second = (first + 1 + Math.floor(Math.random() * (hosts.length - 1))) % hosts.length;
    return cost(hosts[second]!) < cost(hosts[first]!) ? hosts[second]! : hosts[first]!;
  }
}
