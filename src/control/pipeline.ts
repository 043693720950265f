// From objects to snapshots: source → dialect → model → compile. One change, or one burst, is one compilation; what did not change keeps its bytes.

import type { Diagnostic } from "../base/diagnostic.ts";
import { logger } from "../base/log.ts";
import { CompileCache } from "../compile/cache.ts";
import { compileProxies, compileShared } from "../compile/compile.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { reachedOtherwise } from "../compile/reach-versions.ts";
import type { SourceObject } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { Registry } from "../stats/registry.ts";
import { Debounce, type DebounceOptions } from "./debounce.ts";
import { type FetchText, KeySets } from "./key-sets.ts";
import { ControlMetrics, type Trigger } from "./metrics.ts";
import { Objects, type ObjectVerdict, type Overruled } from "./objects.ts";
import { overruledFinding } from "./overruled.ts";
import type { SourceListener } from "./source/source.ts";

const log = logger("control");

/** Istio's PILOT_DEBOUNCE_AFTER, and a maximum that people do not notice. */
export const DEFAULT_DEBOUNCE: DebounceOptions = { quietMs: 100, maxMs: 1_000 };

/** What one compilation found and made. */
export interface Compilation {
  readonly mesh: Mesh;
  /** Of the workloads that have a proxy. */
  readonly snapshots: ReadonlyMap<WorkloadKey, ProxySnapshot>;
  readonly verdicts: ReadonlyMap<string, ObjectVerdict>;
  readonly overruled: readonly Overruled[];
  /** Of files that could not be read, and of objects that do not fit each other. */
  readonly findings: readonly Diagnostic[];
  readonly tookMs: number;
  /** On the clock of performance.now(): the first of the changes that it is made of. */
  readonly changedAt: number;
}

/** What does not depend on proxies that come, go and acknowledge. */
type Understood = Pick<Compilation, "mesh" | "verdicts" | "overruled" | "findings">;

export class Pipeline {
  /** What was said at the start; an object may say otherwise. */
  readonly #base: MeshSettings;
  readonly #publish: (compilation: Compilation) => void;
  readonly #objects: Objects;
  readonly #unreadable = new Map<string, readonly Diagnostic[]>();
  readonly #acknowledged = new Map<WorkloadKey, ReadonlySet<string>>();
  readonly #cache = new CompileCache();
  readonly #debounce: Debounce;
  readonly #keySets: KeySets;
  #last: Compilation | undefined;
  #synced = false;
  readonly #metrics: ControlMetrics;
  #triggers = new Set<Trigger>();
  #changedAt = 0;

  /** `sources`: their names; of objects with one name, those of the first count. */
  constructor(
    base: MeshSettings,
    debounce: DebounceOptions,
    sources: readonly string[],
    publish: (compilation: Compilation) => void,
    metrics: ControlMetrics = new ControlMetrics(new Registry()),
    fetchKeys?: FetchText,
  ) {
    this.#metrics = metrics;
    this.#base = base;
    this.#objects = new Objects(sources);
    this.#publish = publish;
    this.#keySets = new KeySets(() => this.#touch("config"), fetchKeys);
    this.#debounce = new Debounce(debounce, () => this.#compile());
  }

  /** The newest compilation; undefined before the sources told what they have. */
  get last(): Compilation | undefined {
    return this.#last;
  }

  /** Hears what the source of that rank tells. */
  listener(rank: number): Omit<SourceListener, "onSynced"> {
    return {
      onObject: (object: SourceObject) =>
        this.#touch(this.#metrics.received(object.origin.kind, this.#objects.set(rank, object))),
      onDeleted: (key) => {
        const gone = this.#objects.delete(rank, key);
        if (gone) this.#touch(this.#metrics.received(gone.origin.kind, "delete"));
      },
      onUnreadable: (place, diagnostics) => this.#onUnreadable(place, diagnostics),
    };
  }

  #onUnreadable(place: string, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length === 0 && !this.#unreadable.has(place)) return;
    if (diagnostics.length === 0) this.#unreadable.delete(place);
    else this.#unreadable.set(place, diagnostics);
    this.#touch("config");
  }

  onSynced(): void {
    this.#synced = true;
    this.#compile();
  }

  /**
   * The server names that a workload's proxy takes now; undefined when it is not connected, or did not say yet. Mostly they are those that it
   * was trusted to take, and nothing is to be done.
   */
  acknowledge(workload: WorkloadKey, serverNames: ReadonlySet<string> | undefined): void {
    const before = this.#acknowledged.get(workload);
    if (serverNames) this.#acknowledged.set(workload, serverNames);
    else this.#acknowledged.delete(workload);
    const mesh = this.#last?.mesh;
    if (mesh && reachedOtherwise(mesh, workload, before, serverNames).size > 0) this.#touch("proxy");
  }

  #touch(trigger: Trigger): void {
    if (this.#triggers.size === 0) this.#changedAt = performance.now();
    this.#triggers.add(trigger);
    if (this.#synced) this.#debounce.touch();
  }

  stop(): void {
    this.#keySets.stop();
    this.#debounce.cancel();
  }

  /** The mesh, and what was found in it. */
  #understand(): Understood {
    const { settings, parts, sources, verdicts, overruled } = this.#objects.translate(this.#base);
    const mesh = buildMesh(settings, { ...parts, keySets: this.#keySets.current }, this.#last?.mesh);
    this.#keySets.want(mesh);
    const findings = [
      ...[...this.#unreadable.values()].flat(),
      ...overruled.map(overruledFinding),
      ...validateMesh(mesh, parts, sources),
    ];
    return { mesh, verdicts, overruled, findings };
  }

  #compile(): void {
    const startedAt = performance.now();
    const onlyProxies = this.#triggers.size === 1 && this.#triggers.has("proxy");
    const understood = (onlyProxies && this.#last) || this.#understand();
    const { mesh } = understood;
    this.#metrics.compiled(this.#triggers, performance.now() - startedAt);
    const changedAt = this.#triggers.size > 0 ? this.#changedAt : startedAt;
    this.#triggers = new Set();
    const shared = compileShared(mesh, this.#acknowledged, this.#cache);
    const snapshots = compileProxies(shared);
    const tookMs = performance.now() - startedAt;
    const { verdicts, overruled, findings } = understood;
    this.#last = { mesh, verdicts, overruled, findings, snapshots, tookMs, changedAt };
    log.debug("compiled", {
      objects: verdicts.size,
      services: mesh.services.length,
      proxies: snapshots.size,
      tookMs: Math.round(tookMs),
    });
    this.#publish(this.#last);
  }
}
