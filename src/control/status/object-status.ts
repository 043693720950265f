// Keeps the conditions of the mesh's objects in the API: what changed is written, in the background, a bounded number at a time. A write makes no compilation: source/api.ts tells nobody of it.

import { conflictsAmong } from "../../analyze/claims.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { logger } from "../../base/log.ts";
import type { JsonObject, SourceObject } from "../../dialect/object.ts";
import type { KubeClient } from "../../kube/client/client.ts";
import { valueAt } from "../../kube/json.ts";
import { timestamp } from "../../kube/object.ts";
import { resourceByKind } from "../../kube/resources.ts";
import { hasReason } from "../../kube/status.ts";
import type { Origin } from "../../model/origin.ts";
import { Debounce, type DebounceOptions } from "../debounce.ts";
import type { Compilation } from "../pipeline.ts";
import { type Condition, conditionsOf, hasMeshStatus, merged, urgencyOf } from "./condition.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { type ProxyProgress, type Reach, ReachCounter } from "./reach.ts";
import { conditionsOfObject, conditionsOfOverruled, generationOf } from "./verdict.ts";

const log = logger("control");

/** Answers of a rollout come within milliseconds of each other: what is told is what they led to. */
export const STATUS_DEBOUNCE: DebounceOptions = { quietMs: 200, maxMs: 1_000 };

export const STATUS_PACE: PaceOptions = { firstMs: 1_000, maxMs: 8_000, startMs: 10_000 };

/** Objects written in one go. When a thousand proxies come or go, five thousand objects have another count: that is not worth a storm. */
const MAX_WRITES = 500;

/** A look takes time by proxies, and rests so many times as long: it is to cost no more than a twentieth of a core while a thousand of them come. */
const REST = 20;

export interface StatusOptions {
  readonly client: KubeClient;
  /** What the API holds. */
  held(): Iterable<SourceObject>;
  /** Connected proxies. */
  proxies(): Iterable<ProxyProgress>;
  readonly debounce?: DebounceOptions;
  readonly pace?: PaceOptions;
}

/** What an object's status says, or is to say. */
export interface ObjectConditions {
  readonly origin: Origin;
  /** The object as it was compiled. */
  readonly value: JsonObject;
  readonly conditions: readonly Condition[];
}

/** What an object that the API holds is to say. */
interface Change {
  readonly object: SourceObject;
  readonly conditions: readonly Condition[];
}

interface Changes {
  readonly facts: readonly Change[];
  /** They may wait. */
  readonly counts: readonly Change[];
  readonly isStarting: boolean;
}

interface Look {
  /** The conditions of an object; undefined while the object as it is has not been compiled. */
  wantedOf(object: SourceObject): readonly Condition[] | undefined;
  /** Some proxy has yet to ask for what it is to have, or to say that it has it. */
  readonly isStarting: boolean;
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
  readonly #pace: Pace;
  #restsUntil = 0;
  /** Looks again when counts may wait no longer. */
  #later: ReturnType<typeof setTimeout> | undefined;
  #compilation: Compilation | undefined;
  #found: Found | undefined;
  #writing = false;
  /** By key, what is written now, or was written last. */
  #said: ReadonlyMap<string, readonly Condition[]> = new Map();
  /** Something happened while the last changes were being written. */
  #again = false;
  #stopped = false;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#debounce = new Debounce(options.debounce ?? STATUS_DEBOUNCE, () => this.#flush());
    this.#pace = new Pace(options.pace ?? STATUS_PACE);
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
    const { wantedOf } = this.#look(compilation);
    for (const { object } of compilation.verdicts.values()) {
      const conditions = hasMeshStatus(object.origin) ? wantedOf(object) : undefined;
      if (conditions) yield { origin: object.origin, value: object.value, conditions };
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#debounce.cancel();
    clearTimeout(this.#later);
  }

  #flush(): void {
    clearTimeout(this.#later);
    const compilation = this.#compilation;
    if (!compilation) return;
    if (this.#writing) {
      this.#again = true;
      return;
    }
    const startedAt = performance.now();
    if (startedAt < this.#restsUntil) {
      this.#lookIn(this.#restsUntil - startedAt);
      return;
    }
    const changes = this.#changes(compilation);
    const lookedAt = performance.now();
    this.#restsUntil = lookedAt + (lookedAt - startedAt) * REST;
    const all = [...changes.facts, ...this.#dueCounts(changes)];
    if (all.length === 0) return;
    const now = all.slice(0, MAX_WRITES);
    this.#again = all.length > now.length;
    this.#writing = true;
    this.#said = new Map(now.map(({ object, conditions }) => [object.key, conditions]));
    void this.#writeAll(now).finally(() => {
      this.#writing = false;
      if (this.#again) this.touch();
    });
  }

  /** All of them, or none of them yet. */
  #dueCounts({ counts, isStarting }: Changes): readonly Change[] {
    if (counts.length === 0) {
      this.#pace.rest();
      return counts;
    }
    const now = performance.now();
    const left = this.#pace.left(now, isStarting);
    if (left <= 0) {
      this.#pace.told(now);
      return counts;
    }
    this.#lookIn(left);
    return [];
  }

  #lookIn(ms: number): void {
    this.#later = setTimeout(() => this.#flush(), ms);
  }

  #changes(compilation: Compilation): Changes {
    const facts: Change[] = [];
    const counts: Change[] = [];
    const { wantedOf, isStarting } = this.#look(compilation);
    for (const object of this.#options.held()) {
      const conditions = hasMeshStatus(object.origin) ? wantedOf(object) : undefined;
      if (!conditions) continue;
      const urgency = urgencyOf(conditionsOf(object.value), conditions);
      if (urgency !== "none") (urgency === "fact" ? facts : counts).push({ object, conditions });
    }
    return { facts, counts, isStarting };
  }

  #look(compilation: Compilation): Look {
    const { reaches, isStarting } = this.#counter.count(this.#options.proxies(), compilation.mesh);
    return { isStarting, wantedOf: this.#wanted(compilation, reaches) };
  }

  #wanted(compilation: Compilation, reaches: ReadonlyMap<string, Reach>): Look["wantedOf"] {
    const { verdicts } = compilation;
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

  async #writeAll(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if (this.#stopped) return;
      try {
        await this.#write(change);
      } catch (error) {
        // Gone, or written by somebody else meanwhile: its event comes, and with it another look.
        if (hasReason(error, "NotFound")) continue;
        this.#again = true;
        if (!hasReason(error, "Conflict"))
          log.warn("cannot write the status of an object", { object: change.object.origin, error });
      }
    }
  }

  /** Of the version that is held: where that is not the newest any more, the API says so. */
  async #write({ object: { origin, value }, conditions }: Change): Promise<void> {
    const type = resourceByKind(origin.group, origin.kind);
    const resourceVersion = valueAt(value, "metadata.resourceVersion");
    if (!type?.status || typeof resourceVersion !== "string") return;
    const patch = {
      metadata: { resourceVersion },
      status: { conditions: merged(conditionsOf(value), conditions, timestamp(new Date())) },
    };
    await this.#options.client.patch(type, origin, { kind: "merge", patch }, { subresource: "status" });
  }
}

function nameKey({ kind, namespace, name }: NonNullable<Diagnostic["object"]>): string {
  return `${kind} ${namespace}/${name}`;
}
