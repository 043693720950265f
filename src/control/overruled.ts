// What is told of an object that a source of higher rank overrules: to who wrote the winner, by a finding; to who wrote the loser, by a
// condition in its status and a warning at each write.

import type { Diagnostic } from "../base/diagnostic.ts";
import { logger } from "../base/log.ts";
import * as diagnostics from "../dialect/diagnostics.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { isJsonObject, type Json } from "../kube/json.ts";
import { keyOf, timestamp } from "../kube/object.ts";
import { resourceByKind } from "../kube/resources.ts";
import { hasReason } from "../kube/status.ts";
import { diagnose } from "../model/message.ts";
import { type Origin, originKey } from "../model/origin.ts";
import type { Overruled } from "./objects.ts";
import { REGISTERED_BY } from "./standing.ts";

const log = logger("control");

/** Type of the condition. Absent from the status of every other object. */
export const IN_FORCE = "heddle.dev/InForce";

/** One for both: it names the object and stands where the winner was written. */
export function overruledFinding({ object, by, loser, winner }: Overruled): Diagnostic {
  const found = diagnose(diagnostics.overruled(by.origin.kind, winner, loser), by.origin, "metadata.name", by.spans);
  // Made because there was none: that a person's own takes its place is what both are for.
  return object.annotations[REGISTERED_BY] === undefined ? found : { ...found, severity: "info" };
}

/** Keeps the condition in the status of the objects that the API holds. */
export class OverruledStatus {
  readonly #client: KubeClient;
  #last: Promise<void> = Promise.resolve();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /**
   * `held`: what the API holds. What its statuses say already is compared with what they should: the condition is put back where
   * somebody wrote over it, and one of an earlier life of the control plane goes.
   */
  update(held: Iterable<{ readonly origin: Origin; readonly value: unknown }>, overruled: readonly Overruled[]): void {
    const winners = new Map(overruled.map(({ object, winner }) => [object.key, winner]));
    for (const { origin, value } of held) {
      const winner = winners.get(originKey(origin));
      const message = winner && messageOf(winner);
      if (conditionOf(value) === message) continue;
      this.#last = this.#last
        .then(() => this.#write(origin, message))
        .catch((error) => log.warn("cannot write the status of an object", { object: originKey(origin), error }));
    }
  }

  async #write(origin: Origin, message: string | undefined): Promise<void> {
    const type = resourceByKind(origin.group, origin.kind);
    const object = type?.status ? await this.#client.get(type, origin) : undefined;
    if (!type || !object || conditionOf(object) === message) return;
    const others = conditionsOf(object).filter((condition) => !isInForce(condition));
    const condition = {
      type: IN_FORCE,
      status: "False",
      reason: "Overruled",
      message: message ?? "",
      lastTransitionTime: timestamp(new Date()),
    };
    const conditions: Json[] = message === undefined ? others : [...others, condition];
    const patch = {
      metadata: { resourceVersion: object.metadata.resourceVersion ?? "" },
      status: { conditions: conditions.length === 0 ? null : conditions },
    };
    try {
      await this.#client.patch(type, origin, { kind: "merge", patch }, { subresource: "status" });
    } catch (error) {
      // Whoever wrote in between makes another compilation, and that looks again.
      if (!hasReason(error, "Conflict") && !hasReason(error, "NotFound")) throw error;
      log.debug("an object changed while its status was written", { object: keyOf(origin) });
    }
  }
}

/** Ends up in the status and in warnings. */
export function messageOf(winner: string): string {
  return `${winner} holds an object of this name, which counts: this one has no effect, however it is changed`;
}

function conditionsOf(value: unknown): readonly Json[] {
  const status = isJsonObject(value as Json) ? (value as { readonly status?: Json }).status : undefined;
  return isJsonObject(status) && Array.isArray(status.conditions) ? status.conditions : [];
}

function isInForce(condition: Json): boolean {
  return isJsonObject(condition) && condition.type === IN_FORCE;
}

/** Message of the condition; undefined without one. */
function conditionOf(value: unknown): string | undefined {
  const found = conditionsOf(value).find(isInForce);
  return isJsonObject(found) ? String(found.message ?? "") : undefined;
}
