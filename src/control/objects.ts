// The objects in force. One that is rejected does not take its last good version down.

import type { Diagnostic } from "../base/diagnostic.ts";
import { translate } from "../dialect/dialects.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { MeshParts } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";

export interface ObjectVerdict {
  readonly object: SourceObject;
  readonly accepted: boolean;
  /** Rejected, but an earlier version of it is in force. */
  readonly servesEarlier: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ObjectsTranslation {
  readonly parts: MeshParts;
  readonly sources: SourceMap;
  /** By the object's key. */
  readonly verdicts: ReadonlyMap<string, ObjectVerdict>;
}

export class Objects {
  readonly #current = new Map<string, SourceObject>();
  readonly #accepted = new Map<string, SourceObject>();

  /** Whether it is new or another version of one that was here. */
  set(object: SourceObject): "add" | "update" {
    const key = originKey(object.origin);
    const event = this.#current.has(key) ? "update" : "add";
    this.#current.set(key, object);
    return event;
  }

  /** The object that was here, if one was. */
  delete(key: string): SourceObject | undefined {
    const gone = this.#current.get(key);
    this.#current.delete(key);
    this.#accepted.delete(key);
    return gone;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Sorted by key, so that the order of arrival never shows. Objects that did not change cost little. */
  translate(settings: MeshSettings): ObjectsTranslation {
    const keys = [...this.#current.keys()].sort();
    const first = translate(
      keys.map((key) => this.#current.get(key)!),
      settings,
    );
    const verdicts = new Map<string, ObjectVerdict>();
    let replaced = false;
    first.results.forEach(({ object, accepted, diagnostics }, i) => {
      const key = keys[i]!;
      if (accepted) this.#accepted.set(key, object);
      const servesEarlier = !accepted && this.#accepted.has(key);
      replaced ||= servesEarlier;
      verdicts.set(key, { object, accepted, servesEarlier, diagnostics });
    });
    if (!replaced) return { parts: first.parts, sources: first.sources, verdicts };
    const inForce = keys.flatMap((key) =>
      verdicts.get(key)!.accepted ? this.#current.get(key)! : (this.#accepted.get(key) ?? []),
    );
    const second = translate(inForce, settings);
    return { parts: second.parts, sources: second.sources, verdicts };
  }
}
