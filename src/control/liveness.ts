// Off Kubernetes there is no kubelet: whether a registered process lives is known by two signs, its proxy's stream and the lease that its
// agent renews. When one is gone, so is the workload's readiness, and after a while its registration.

import { logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { keyOf, type ObjectName, timestamp } from "../kube/object.ts";
import { everyStanding, isRegistered, readinessCondition, type Standing, standingFor } from "./standing.ts";

const log = logger("control");

/** A machine that vanished closes no connection: its proxy's stream may seem to live for minutes. The lease does not. */
export type Sign = "proxy" | "lease";

const REASONS = { proxy: "ProxyDisconnected", lease: "LeaseExpired" } as const;

export interface LivenessOptions {
  readonly client: KubeClient;
  /** Without a stream for so long, a workload takes no new requests: a proxy that reconnects does so within it. */
  readonly unreadyAfterMs: number;
  /** After a start, a proxy of an earlier life has so long to come back while its agent renews the lease: it may be in a long back-off. */
  readonly returnWithinMs: number;
  /** And for so long, it is forgotten; but not while its agent renews the lease. */
  readonly forgetAfterMs: number;
}

/** Envoy's longest back-off of a discovery stream is 30 s. */
export const DEFAULT_LIVENESS = { unreadyAfterMs: 1_500, returnWithinMs: 35_000, forgetAfterMs: 60_000 } as const;

/** A Pod of which a sign is gone. Compared by identity: one that comes back while its Pod is being marked must not be forgotten later. */
interface Loss {
  readonly missing: Set<Sign>;
  timer: ReturnType<typeof setTimeout> | undefined;
  marked: boolean;
  /** Of an earlier life, with a lease: time is given to it. */
  returning: boolean;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #losses = new Map<string, Loss>();

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Registrations of an earlier life of the control plane: those that do not connect are of processes that are gone. */
  async start(): Promise<void> {
    for (const { object } of await everyStanding(this.#options.client))
      this.#lose({ namespace: object.metadata.namespace ?? "", name: object.metadata.name }, "proxy", true);
  }

  onAlive(pod: ObjectName, sign: Sign): void {
    const loss = this.#losses.get(keyOf(pod));
    if (!loss?.missing.delete(sign) || loss.missing.size > 0) return;
    this.onGone(pod);
  }

  onLost(pod: ObjectName, sign: Sign): void {
    const before = this.#losses.get(keyOf(pod));
    if (!before) {
      this.#lose(pod, sign, false);
      return;
    }
    before.missing.add(sign);
    if (!before.returning) return;
    clearTimeout(before.timer);
    before.returning = false;
    this.#after(pod, before, this.#options.unreadyAfterMs, () => this.#markUnready(pod, before));
  }

  #lose(pod: ObjectName, sign: Sign, returning: boolean): void {
    const loss: Loss = { missing: new Set([sign]), timer: undefined, marked: false, returning };
    this.#losses.set(keyOf(pod), loss);
    const { returnWithinMs, unreadyAfterMs } = this.#options;
    this.#after(pod, loss, returning ? returnWithinMs : unreadyAfterMs, () => this.#markUnready(pod, loss));
  }

  /** It left by itself: nothing of it is to be looked after. */
  onGone(pod: ObjectName): void {
    clearTimeout(this.#losses.get(keyOf(pod))?.timer);
    this.#losses.delete(keyOf(pod));
  }

  /** Why a workload that calls itself ready is not to be sent anything; undefined when nothing speaks against it. */
  objection(pod: ObjectName): string | undefined {
    const loss = this.#losses.get(keyOf(pod));
    return loss?.marked ? reasonOf(loss) : undefined;
  }

  stop(): void {
    for (const { timer } of this.#losses.values()) clearTimeout(timer);
    this.#losses.clear();
  }

  #after(pod: ObjectName, loss: Loss, delayMs: number, act: () => Promise<void>): void {
    loss.timer = setTimeout(() => {
      act().catch((error) => log.warn("cannot update the registration of a workload", { pod: keyOf(pod), error }));
    }, delayMs);
  }

  /** What stands for it, if that is ours. */
  async #ours(pod: ObjectName): Promise<Standing | undefined> {
    const standing = await standingFor(this.#options.client, pod);
    return standing && isRegistered(standing) ? standing : undefined;
  }

  async #markUnready(pod: ObjectName, loss: Loss): Promise<void> {
    const standing = await this.#ours(pod);
    if (this.#losses.get(keyOf(pod)) !== loss) return;
    if (!standing) {
      this.#losses.delete(keyOf(pod));
      return;
    }
    log.info("workload shows no sign of life: it gets no new requests", { pod: keyOf(pod), reason: reasonOf(loss) });
    loss.marked = true;
    loss.returning = false;
    // Before the API is asked: a failure there must not keep the registration of a dead process for ever.
    this.#after(pod, loss, this.#options.forgetAfterMs, () => this.#forget(pod, loss));
    const condition = {
      type: readinessCondition(standing.type),
      status: "False",
      reason: reasonOf(loss),
      lastTransitionTime: timestamp(new Date()),
    };
    // Custom resources know no strategic merge; of an entry that is ours every condition is.
    const kind = standing.type.builtIn ? "strategic" : "merge";
    const patch = { status: { conditions: [condition] } };
    await this.#options.client.patch(standing.type, pod, { kind, patch }, { subresource: "status" });
  }

  async #forget(pod: ObjectName, loss: Loss): Promise<void> {
    if (!loss.missing.has("lease")) {
      this.#after(pod, loss, this.#options.forgetAfterMs, () => this.#forget(pod, loss));
      return;
    }
    const standing = await this.#ours(pod);
    if (this.#losses.get(keyOf(pod)) !== loss) return;
    this.#losses.delete(keyOf(pod));
    if (!standing) return;
    log.info("workload is forgotten", { pod: keyOf(pod) });
    await this.#options.client.delete(standing.type, pod);
  }
}

function reasonOf({ missing }: Loss): string {
  return missing.has("proxy") ? REASONS.proxy : REASONS.lease;
}
