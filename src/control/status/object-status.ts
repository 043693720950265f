// Keeps the conditions of the mesh's objects in the API: what changed is written, in the background, a bounded number at a time. A write makes no compilation: source/api.ts tells nobody of it.

import { conflictsAmong } from "../../analyze/claims.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { logger } from "../../base/log.ts";
import type { SourceObject } from "../../dialect/object.ts";
import type { KubeClient } from "../../kube/client/client.ts";
import { timestamp } from "../../kube/object.ts";
import { resourceByKind } from "../../kube/resources.ts";
import { hasReason } from "../../kube/status.ts";
import type { Origin } from "../../model/origin.ts";
import { Debounce, type DebounceOptions } from "../debounce.ts";
import type { Compilation } from "../pipeline.ts";
import { type Condition, conditionsOf, hasMeshStatus, merged, urgencyOf } from "./condition.ts";
import { type ProxyProgress, ReachCounter } from "./reach.ts";
import { conditionsOfObject, conditionsOfOverruled, generationOf } from "./verdict.ts";

const log = logger("control");

/** Answers of a rollout come within milliseconds of each other: what is told is what they led to. */
export const STATUS_DEBOUNCE: DebounceOptions = { quietMs: 200, maxMs: 1_000 };

/** Objects written in one go. When a thousand proxies come or go, five thousand objects have another count: that is not worth a storm. */
const MAX_FACTS = 500;
const MAX_MESSAGES = 50;

export interface StatusOptions {
  readonly client: KubeClient;
  /** What the API holds. */
  held(): Iterable<SourceObject>;
  /** Connected proxies. */
  proxies(): Iterable<ProxyProgress>;
  readonly debounce?: DebounceOptions;
}

interface Change {
  readonly origin: Origin;
  readonly conditions: readonly Condition[];
}

export class ObjectStatus {
  readonly #options: StatusOptions;
  readonly #debounce: Debounce;
  readonly #counter = new ReachCounter();
  #compilation: Compilation | undefined;
  #writing = false;
  /** Something happened while the last changes were being written. */
  #again = false;
  #stopped = false;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#debounce = new Debounce(options.debounce ?? STATUS_DEBOUNCE, () => this.#flush());
  }

  onCompiled(compilation: Compilation): void {
    this.#compilation = compilation;
    this.touch();
  }

  /** Proxies answered, came or went, or somebody wrote a status. */
  touch(): void {
    if (this.#stopped) return;
    if (this.#writing) this.#again = true;
    else this.#debounce.touch();
  }

  stop(): void {
    this.#stopped = true;
    this.#debounce.cancel();
  }

  #flush(): void {
    const compilation = this.#compilation;
    if (!compilation) return;
    const { now, later } = this.#changes(compilation);
    if (now.length === 0) return;
    this.#again = later;
    this.#writing = true;
    void this.#writeAll(now).finally(() => {
      this.#writing = false;
      if (this.#again) this.touch();
    });
  }

  /** What is to be written now, and whether something is left for later. */
  #changes(compilation: Compilation): { readonly now: readonly Change[]; readonly later: boolean } {
    const facts: Change[] = [];
    const messages: Change[] = [];
    const wantedOf = this.#wanted(compilation);
    for (const object of this.#options.held()) {
      const wanted = hasMeshStatus(object.origin) ? wantedOf(object) : undefined;
      if (!wanted) continue;
      const urgency = urgencyOf(conditionsOf(object.value), wanted);
      if (urgency === "none") continue;
      (urgency === "fact" ? facts : messages).push({ origin: object.origin, conditions: wanted });
    }
    const now = [...facts.slice(0, MAX_FACTS), ...messages.slice(0, MAX_MESSAGES)];
    return { now, later: facts.length + messages.length > now.length };
  }

  /** The conditions of an object; undefined while the object as it is has not been compiled. */
  #wanted({
    verdicts,
    overruled,
    findings,
    mesh,
  }: Compilation): (object: SourceObject) => readonly Condition[] | undefined {
    const reaches = this.#counter.count(this.#options.proxies());
    const winners = new Map(overruled.map(({ object, winner }) => [object.key, winner]));
    const accepted = [...verdicts.values()].filter((verdict) => verdict.accepted);
    const conflicts = conflictsAmong(
      accepted.map(({ object }) => object).filter(({ origin }) => hasMeshStatus(origin)),
      mesh.settings,
    );
    const about = Map.groupBy(
      findings.filter(({ object }) => object !== undefined),
      ({ object }) => nameKey(object!),
    );
    return (object) => {
      const winner = winners.get(object.key);
      if (winner !== undefined) return conditionsOfOverruled(object.value, winner);
      const verdict = verdicts.get(object.key);
      if (!verdict || generationOf(verdict.object.value) !== generationOf(object.value)) return undefined;
      return conditionsOfObject({
        verdict,
        findings: about.get(nameKey(object.origin)) ?? [],
        conflicts: conflicts.get(object.key) ?? [],
        reach: reaches.get(object.key),
      });
    };
  }

  async #writeAll(changes: readonly Change[]): Promise<void> {
    for (const { origin, conditions } of changes) {
      if (this.#stopped) return;
      try {
        await this.#write(origin, conditions);
      } catch (error) {
        // Gone, or written by somebody else meanwhile: its event comes, and with it another look.
        if (hasReason(error, "NotFound")) continue;
        this.#again = true;
        if (!hasReason(error, "Conflict")) log.warn("cannot write the status of an object", { object: origin, error });
      }
    }
  }

  async #write(origin: Origin, wanted: readonly Condition[]): Promise<void> {
    const type = resourceByKind(origin.group, origin.kind);
    const object = type?.status ? await this.#options.client.get(type, origin) : undefined;
    if (!type || !object) return;
    const present = conditionsOf(object);
    if (urgencyOf(present, wanted) === "none") return;
    const patch = {
      metadata: { resourceVersion: object.metadata.resourceVersion ?? "" },
      status: { conditions: merged(present, wanted, timestamp(new Date())) },
    };
    await this.#options.client.patch(type, origin, { kind: "merge", patch }, { subresource: "status" });
  }
}

function nameKey({ kind, namespace, name }: NonNullable<Diagnostic["object"]>): string {
  return `${kind} ${namespace}/${name}`;
}
