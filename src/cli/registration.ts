// A running program's place in the API: made when it starts, kept while it lives, taken away when it ends.

import { logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { isJsonObject } from "../kube/json.ts";
import { type KubeObject, nameOf, timestamp } from "../kube/object.ts";
import { type ResourceType, resource } from "../kube/resources.ts";
import { hasReason } from "../kube/status.ts";
import { type PodPlan, podOf, type Readiness, serviceAccountOf, serviceOf, statusOf } from "./pod.ts";

const log = logger("run");

/** How soon a registration is put right that a control plane lost, or marked unready while it did not hear of the proxy. */
const KEEP_INTERVAL_MS = 2_000;

export class Registration {
  readonly #client: KubeClient;
  readonly #plan: PodPlan;
  #readiness: Readiness = { ready: false, reason: "Starting" };
  #timer: ReturnType<typeof setInterval> | undefined;
  /** One write after the other: what was said last is what stands there. */
  #last: Promise<void> = Promise.resolve();

  constructor(client: KubeClient, plan: PodPlan) {
    this.#client = client;
    this.#plan = plan;
  }

  /** Registers the Pod, not ready yet, and what it needs, where that is missing. */
  async start(): Promise<void> {
    const { namespace, port } = this.#plan;
    await this.#ensure(resource.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    await this.#ensure(resource.serviceAccounts, serviceAccountOf(this.#plan));
    if (port !== undefined) await this.#ensureService();
    await this.#write();
    this.#timer = setInterval(() => void this.#keep(), KEEP_INTERVAL_MS);
  }

  set(readiness: Readiness): Promise<void> {
    this.#readiness = readiness;
    return this.#inTurn(() => this.#writeStatus());
  }

  /** Takes the Pod away; the Service stays, for it may have other instances. Never rejects: a control plane that is gone forgets it. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    try {
      await this.#inTurn(async () => void (await this.#client.delete(resource.pods, this.#plan)));
    } catch (error) {
      log.debug("the registration cannot be taken away", { error });
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // its caller is told; the next one is not concerned
    return turn;
  }

  async #ensure(type: ResourceType, object: KubeObject): Promise<void> {
    if (await this.#client.get(type, nameOf(object))) return;
    try {
      await this.#client.create(type, object);
    } catch (error) {
      if (!hasReason(error, "AlreadyExists")) throw error; // another instance was faster
    }
  }

  async #ensureService(): Promise<void> {
    const wanted = serviceOf(this.#plan);
    await this.#ensure(resource.services, wanted);
    const found = await this.#client.get(resource.services, nameOf(wanted));
    if (found && !leadsTo(found, this.#plan)) {
      log.warn("the Service does not lead to this program: nothing will be sent to it", {
        service: `${this.#plan.namespace}/${this.#plan.app}`,
        wanted: `a port with targetPort ${this.#plan.protocol} or ${this.#plan.port}`,
      });
    }
  }

  async #write(): Promise<void> {
    await this.#client.apply(resource.pods, podOf(this.#plan), { force: true });
    await this.#writeStatus();
  }

  async #writeStatus(): Promise<void> {
    const status = statusOf(this.#plan, this.#readiness, timestamp(new Date()));
    await this.#client.patch(
      resource.pods,
      this.#plan,
      { kind: "merge", patch: { status } },
      { subresource: "status" },
    );
  }

  /** The control plane may have been away, lost its store, or taken this program for dead. */
  async #keep(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        const pod = await this.#client.get(resource.pods, this.#plan);
        if (!pod) await this.#write();
        else if (isReady(pod) !== this.#readiness.ready) await this.#writeStatus();
      });
    } catch (error) {
      log.debug("the registration cannot be looked after now", { error });
    }
  }
}

function isReady({ status }: KubeObject): boolean {
  const conditions = isJsonObject(status) && Array.isArray(status.conditions) ? status.conditions : [];
  return conditions.some(
    (condition) => isJsonObject(condition) && condition.type === "Ready" && condition.status === "True",
  );
}

function leadsTo({ spec }: KubeObject, { protocol, port }: PodPlan): boolean {
  const ports = isJsonObject(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  return ports.some(
    (entry) => isJsonObject(entry) && (entry.targetPort === protocol || (entry.targetPort ?? entry.port) === port),
  );
}
