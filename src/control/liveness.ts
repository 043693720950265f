// Off Kubernetes there is no kubelet: whether a registered process lives is known by its proxy's stream. When that is gone, so is the
// workload's readiness, and after a while its registration.

import { logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { type ObjectName, timestamp } from "../kube/object.ts";
import { resource } from "../kube/resources.ts";

const log = logger("control");

/** Marks Pods that `heddle run` registered: they are ours to take away. Kubernetes' own Pods never are. */
export const REGISTERED_BY = "heddle.dev/registered-by";

export interface LivenessOptions {
  readonly client: KubeClient;
  /** Without a stream for so long, a workload takes no new requests: a proxy that reconnects does so within it. */
  readonly unreadyAfterMs: number;
  /** And for so long, it is forgotten. */
  readonly forgetAfterMs: number;
}

export const DEFAULT_LIVENESS = { unreadyAfterMs: 1_500, forgetAfterMs: 60_000 } as const;

function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Pods without a stream: one that connects while its Pod is being marked must not be forgotten later. */
  readonly #lost = new Map<string, symbol>();

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Registrations of an earlier life of the control plane: those that do not connect are of processes that are gone. */
  async start(): Promise<void> {
    const { objects } = await this.#options.client.list(resource.pods, {});
    for (const { metadata } of objects)
      this.onDisconnected({ namespace: metadata.namespace ?? "", name: metadata.name });
  }

  onConnected(pod: ObjectName): void {
    clearTimeout(this.#timers.get(keyOf(pod)));
    this.#timers.delete(keyOf(pod));
    this.#lost.delete(keyOf(pod));
  }

  onDisconnected(pod: ObjectName): void {
    this.onConnected(pod);
    const loss = Symbol();
    this.#lost.set(keyOf(pod), loss);
    this.#after(pod, this.#options.unreadyAfterMs, () => this.#markUnready(pod, loss));
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#lost.clear();
  }

  #after(pod: ObjectName, delayMs: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(keyOf(pod));
      act().catch((error) => log.warn("cannot update the registration of a workload", { pod: keyOf(pod), error }));
    }, delayMs);
    this.#timers.set(keyOf(pod), timer);
  }

  async #isOurs(pod: ObjectName): Promise<boolean> {
    const object = await this.#options.client.get(resource.pods, pod);
    return object?.metadata.annotations?.[REGISTERED_BY] !== undefined;
  }

  async #markUnready(pod: ObjectName, loss: symbol): Promise<void> {
    const isLost = () => this.#lost.get(keyOf(pod)) === loss;
    if (!(await this.#isOurs(pod)) || !isLost()) return;
    log.info("workload has lost its proxy: it gets no new requests", { pod: keyOf(pod) });
    // Before the API is asked: a failure there must not keep the registration of a dead process for ever.
    this.#after(pod, this.#options.forgetAfterMs, () => this.#forget(pod, isLost));
    const condition = {
      type: "Ready",
      status: "False",
      reason: "ProxyDisconnected",
      lastTransitionTime: timestamp(new Date()),
    };
    await this.#options.client.patch(
      resource.pods,
      pod,
      { kind: "strategic", patch: { status: { conditions: [condition] } } },
      { subresource: "status" },
    );
  }

  async #forget(pod: ObjectName, isLost: () => boolean): Promise<void> {
    if (!(await this.#isOurs(pod)) || !isLost()) return;
    this.#lost.delete(keyOf(pod));
    log.info("workload is forgotten", { pod: keyOf(pod) });
    await this.#options.client.delete(resource.pods, pod);
  }
}
