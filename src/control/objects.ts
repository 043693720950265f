// The objects in force. Sources have a rank: of two that hold an object of one name the first counts, whatever came when, so that neither
// takes turns with the other. An object that is rejected does not take its last good version down.

import type { Diagnostic } from "../base/diagnostic.ts";
import { settingsAmong, translate, type WholeTranslation } from "../dialect/dialects.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { MeshParts } from "../model/mesh.ts";

import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";

export interface ObjectVerdict {
  readonly object: SourceObject;
  readonly accepted: boolean;
  /** Rejected, but an earlier version of it is in force. */
  readonly servesEarlier: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** An object without effect, because a source of higher rank holds one of the same name. */
export interface Overruled {
  readonly object: SourceObject;
  readonly by: SourceObject;
  /** Names of the sources. */
  readonly loser: string;
  readonly winner: string;
}

export interface ObjectsTranslation {
  /** In force: those given, with what one of the objects says of them. */
  readonly settings: MeshSettings;
  readonly parts: MeshParts;
  readonly sources: SourceMap;
  /** By the object's key. */
  readonly verdicts: ReadonlyMap<string, ObjectVerdict>;
  readonly overruled: readonly Overruled[];
}

/** What one source holds. Its last good versions are its own: one of another source is another object. */
interface Holding {
  readonly source: string;
  readonly current: Map<string, SourceObject>;
  readonly accepted: Map<string, SourceObject>;
}

interface Judged {
  readonly keys: readonly string[];
  readonly translation: WholeTranslation;
  readonly verdicts: ReadonlyMap<string, ObjectVerdict>;
}

function servesEarlier(verdicts: ReadonlyMap<string, ObjectVerdict>): boolean {
  for (const verdict of verdicts.values()) if (verdict.servesEarlier) return true;
  return false;
}

export class Objects {
  readonly #holdings: readonly Holding[];
  /** By key: the first source that holds it. */
  readonly #holders = new Map<string, Holding>();
  /** Undefined since a key came or went. */
  #keys: readonly string[] | undefined;
  #last: Judged | undefined;
  /** What was made of the objects in force, since one of them is not the newest. */
  #inForce: WholeTranslation | undefined;

  /** Names of the sources, the one that counts first. */
  constructor(sources: readonly string[]) {
    this.#holdings = sources.map((source) => ({ source, current: new Map(), accepted: new Map() }));
  }

  /** Whether it is new or another version of one that was here. */
  set(rank: number, object: SourceObject): "add" | "update" {
    const key = object.key;
    const current = this.#holdings[rank]?.current;
    const event = current?.has(key) ? "update" : "add";
    current?.set(key, object);
    if (event === "add") this.#settleHolder(key);
    return event;
  }

  /** The object that was here, if one was. */
  delete(rank: number, key: string): SourceObject | undefined {
    const holding = this.#holdings[rank];
    const gone = holding?.current.get(key);
    holding?.current.delete(key);
    holding?.accepted.delete(key);
    this.#settleHolder(key);
    return gone;
  }

  #settleHolder(key: string): void {
    const holder = this.#holdings.find(({ current }) => current.has(key));
    if (this.#holders.has(key) !== (holder !== undefined)) this.#keys = undefined;
    if (holder) this.#holders.set(key, holder);
    else this.#holders.delete(key);
  }

  /** Sorted by key, so that the order of arrival never shows. Objects that did not change cost little. */
  translate(base: MeshSettings): ObjectsTranslation {
    const holders = this.#holders;
    this.#keys ??= [...holders.keys()].sort();
    const keys = this.#keys;
    const currentOf = (key: string) => holders.get(key)!.current.get(key)!;
    const current = keys.map(currentOf);
    const first = translate(current, this.#lastGoodSettings(current, base), this.#last?.translation);
    const verdicts = this.#judge(keys, first);
    this.#last = { keys, translation: first, verdicts };
    const overruled = this.#overruled();
    const common = { settings: first.settings, verdicts, overruled };
    if (!servesEarlier(verdicts)) return { ...common, parts: first.parts, sources: first.sources };
    const inForce = keys.flatMap((key) =>
      verdicts.get(key)!.accepted ? currentOf(key) : (holders.get(key)!.accepted.get(key) ?? []),
    );
    const second = translate(inForce, base, this.#inForce);
    this.#inForce = second;
    return { ...common, settings: second.settings, parts: second.parts, sources: second.sources };
  }

  /** A verdict on what was judged before is the same object. */
  #judge(keys: readonly string[], { results }: WholeTranslation): ReadonlyMap<string, ObjectVerdict> {
    const before = this.#last?.keys === keys ? this.#last : undefined;
    const verdicts = new Map(before?.verdicts);
    for (const [i, result] of results.entries()) {
      if (result === before?.translation.results[i]) continue;
      const { object, accepted, diagnostics } = result;
      const { accepted: good } = this.#holders.get(keys[i]!)!;
      if (accepted) good.set(keys[i]!, object);
      const earlier = !accepted && good.has(keys[i]!);
      verdicts.set(keys[i]!, { object, accepted, servesEarlier: earlier, diagnostics });
    }
    return verdicts;
  }

  /** What objects are read by while the settings that one of them holds are wrong; `base` otherwise. */
  #lastGoodSettings(current: readonly SourceObject[], base: MeshSettings): MeshSettings {
    if (settingsAmong(current, base) !== base) return base;
    const good = current.flatMap(({ key }) => this.#holders.get(key)!.accepted.get(key) ?? []);
    return settingsAmong(good, base);
  }

  #overruled(): readonly Overruled[] {
    return this.#holdings.slice(1).flatMap((holding) =>
      [...holding.current.keys()].sort().flatMap((key) => {
        const winner = this.#holders.get(key)!;
        if (winner === holding) return [];
        const object = holding.current.get(key)!;
        return [{ object, by: winner.current.get(key)!, loser: holding.source, winner: winner.source }];
      }),
    );
  }
}
