// Keeps the conditions of the mesh's objects in the API: what changed is written, in the background, a bounded number at a time. A write makes no compilation: source/api.ts tells nobody of it.

import { conflictsAmong } from "../../analyze/claims.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { logger } from "../../base/log.ts";
import type { SourceObject } from "../../dialect/object.ts";
import type { KubeClient } from "../../kube/client/client.ts";
import { timestamp } from "../../kube/object.ts";
import { resourceByKind } from "../../kube/resources.ts";
import { hasReason } from "../../kube/status.ts";
import { type Origin, originKey } from "../../model/origin.ts";
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

/** What an object's status says, or is to say. */
export interface ObjectConditions {
  readonly origin: Origin;
  readonly conditions: readonly Condition[];
}

/** What does not change while proxies come, go and answer. */
interface Found {
  readonly compilation: Compilation;
  /** Names of sources by the keys of objects that they overrule. */
  readonly winners: ReadonlyMap<string, string>;
  readonly conflicts: ReturnType<typeof conflictsAmong>;
  /** By `nameKey`. */
  readonly about: ReadonlyMap<string, readonly Diagnostic[]>;
}

function foundIn(compilation: Compilation): Found {
  const { verdicts, overruled, findings, mesh } = compilation;
  const accepted = verdicts.values().filter((verdict) => verdict.accepted && hasMeshStatus(verdict.object.origin));
  const ofObjects = findings.filter(({ object }) => object !== undefined);
  return {
    compilation,
    winners: new Map(overruled.map(({ object, winner }) => [object.key, winner])),
    conflicts: conflictsAmong(
      accepted.map(({ object }) => object),
      mesh.settings,
    ),
    about: Map.groupBy(ofObjects, ({ object }) => nameKey(object!)),
  };
}

export class ObjectStatus {
  readonly #options: StatusOptions;
  readonly #debounce: Debounce;
  readonly #counter = new ReachCounter();
  #compilation: Compilation | undefined;
  #found: Found | undefined;
  #writing = false;
  /** By originKey, what is written now, or was written last. */
  #said: ReadonlyMap<string, readonly Condition[]> = new Map();
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

  /** Somebody wrote a status. What was written here last comes back, too, and is no news. */
  onWritten(object: SourceObject): void {
    const said = this.#said.get(object.key);
    if (!said || urgencyOf(conditionsOf(object.value), said) !== "none") this.touch();
  }

  /** Proxies answered, came or went. */
  touch(): void {
    if (this.#stopped) return;
    if (this.#writing) this.#again = true;
    else this.#debounce.touch();
  }

  /** Of the objects that count, wherever they were read: those of files have no status in which it could be written. */
  *inForce(): Iterable<ObjectConditions> {
    const compilation = this.#compilation;
    if (!compilation) return;
    const wantedOf = this.#wanted(compilation);
    for (const { object } of compilation.verdicts.values()) {
      const conditions = hasMeshStatus(object.origin) ? wantedOf(object) : undefined;
      if (conditions) yield { origin: object.origin, conditions };
    }
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
    this.#said = new Map(now.map(({ origin, conditions }) => [originKey(origin), conditions]));
    void this.#writeAll(now).finally(() => {
      this.#writing = false;
      if (this.#again) this.touch();
    });
  }

  /** What is to be written now, and whether something is left for later. */
  #changes(compilation: Compilation): { readonly now: readonly ObjectConditions[]; readonly later: boolean } {
    const facts: ObjectConditions[] = [];
    const messages: ObjectConditions[] = [];
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
  #wanted(compilation: Compilation): (object: SourceObject) => readonly Condition[] | undefined {
    const { verdicts, mesh } = compilation;
    const reaches = this.#counter.count(this.#options.proxies(), mesh);
    if (this.#found?.compilation !== compilation) this.#found = foundIn(compilation);
    const { winners, conflicts, about } = this.#found;
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

  async #writeAll(changes: readonly ObjectConditions[]): Promise<void> {
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
