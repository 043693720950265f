// Random. Weights do not count, as they do not in Envoy's RandomLoadBalancer.

import type { Picker } from "./candidate.ts";

export class RandomChoice<C> implements Picker<C> {
  readonly #hosts: readonly C[];

  constructor(hosts: readonly C[]) {
    this.#hosts = hosts;
  }

  pick(): C {
    return this.#hosts[Math.floor(Math.random() * this.#hosts.length)]!;
  }
}
