// The objects in force. Sources have a rank: of two that hold an object of one name the first counts, whatever came when, so that neither
// takes turns with the other. An object that is rejected does not take its last good version down.

import { correctedList, differingPlaces } from "../base/corrected-list.ts";
import { corrected } from "../base/corrected-map.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { settingsAmong, translate } from "../dialect/dialects.ts";
import type { SourceObject } from "../dialect/object.ts";
import { holdsSettings } from "../dialect/readers.ts";
import type { WholeTranslation } from "../dialect/whole-translation.ts";
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
  /** Keys of those of which an earlier version is in force. */
  readonly earlier: ReadonlySet<string>;
}

/** The objects that count, by key. */
interface Ordered {
  readonly keys: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  readonly objects: readonly SourceObject[];
  /** Places of those that hold the mesh's settings. */
  readonly settings: readonly number[];
}

export class Objects {
  readonly #holdings: readonly Holding[];
  /** By key: the first source that holds it. */
  readonly #holders = new Map<string, Holding>();
  /** Keys that several sources hold. */
  readonly #contested = new Set<string>();
  /** Undefined since a key came or went. */
  #ordered: Ordered | undefined;
  /** Keys whose objects are others than in `#ordered`. */
  readonly #changed = new Set<string>();
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
    this.#changed.add(key);
    if (event === "add") this.#settleHolder(key);
    return event;
  }

  /** The object that was here, if one was. */
  delete(rank: number, key: string): SourceObject | undefined {
    const holding = this.#holdings[rank];
    const gone = holding?.current.get(key);
    holding?.current.delete(key);
    holding?.accepted.delete(key);
    this.#changed.add(key);
    this.#settleHolder(key);
    return gone;
  }

  #settleHolder(key: string): void {
    const [holder, ...losers] = this.#holdings.filter(({ current }) => current.has(key));
    if (losers.length > 0) this.#contested.add(key);
    else this.#contested.delete(key);
    if (this.#holders.has(key) !== (holder !== undefined)) this.#ordered = undefined;
    if (holder) this.#holders.set(key, holder);
    else this.#holders.delete(key);
  }

  /** Sorted by key, so that the order of arrival never shows. Objects that did not change cost little. */
  translate(base: MeshSettings): ObjectsTranslation {
    const ordered = this.#inOrder();
    const { keys, objects } = ordered;
    const first = translate(objects, this.#lastGoodSettings(ordered, base), this.#last?.translation);
    this.#last = this.#judge(keys, first);
    const { verdicts, earlier } = this.#last;
    const overruled = this.#overruled();
    const common = { settings: first.settings, verdicts, overruled };
    if (earlier.size === 0) return { ...common, parts: first.parts, sources: first.sources };
    const inForce = keys.flatMap((key, i) =>
      verdicts.get(key)!.accepted ? objects[i]! : (this.#holders.get(key)!.accepted.get(key) ?? []),
    );
    const second = translate(inForce, base, this.#inForce);
    this.#inForce = second;
    return { ...common, settings: second.settings, parts: second.parts, sources: second.sources };
  }

  #inOrder(): Ordered {
    const before = this.#ordered;
    if (before) {
      const changed = [...this.#changed].flatMap((key): [number, SourceObject][] => {
        const place = before.places.get(key);
        return place === undefined ? [] : [[place, this.#currentOf(key)]];
      });
      this.#ordered = { ...before, objects: correctedList(before.objects, changed) };
    } else {
      const keys = [...this.#holders.keys()].sort();
      const objects = keys.map((key) => this.#currentOf(key));
      const settings = objects.flatMap((object, i) => (holdsSettings(object) ? [i] : []));
      this.#ordered = { keys, places: new Map(keys.map((key, i) => [key, i])), objects, settings };
    }
    this.#changed.clear();
    return this.#ordered;
  }

  #currentOf(key: string): SourceObject {
    return this.#holders.get(key)!.current.get(key)!;
  }

  /** A verdict on what was judged before is the same object. */
  #judge(keys: readonly string[], translation: WholeTranslation): Judged {
    const { results } = translation;
    const before = this.#last?.keys === keys ? this.#last : undefined;
    const judged: [string, ObjectVerdict][] = [];
    const earlier = new Set(before?.earlier);
    for (const i of differingPlaces(before?.translation.results ?? [], results)) {
      const result = results[i]!;
      const key = keys[i]!;
      const { object, accepted, diagnostics } = result;
      const { accepted: good } = this.#holders.get(key)!;
      if (accepted) good.set(key, object);
      const servesEarlier = !accepted && good.has(key);
      if (servesEarlier) earlier.add(key);
      else earlier.delete(key);
      judged.push([key, { object, accepted, servesEarlier, diagnostics }]);
    }
    const verdicts = before ? corrected(before.verdicts, judged) : new Map(judged);
    return { keys, translation, verdicts, earlier };
  }

  /** What objects are read by while the settings that one of them holds are wrong; `base` otherwise. */
  #lastGoodSettings({ keys, objects, settings }: Ordered, base: MeshSettings): MeshSettings {
    const current = settings.map((place) => objects[place]!);
    if (current.length === 0 || settingsAmong(current, base) !== base) return base;
    const good = settings.flatMap((place) => this.#holders.get(keys[place]!)!.accepted.get(keys[place]!) ?? []);
    return settingsAmong(good, base);
  }

  #overruled(): readonly Overruled[] {
    const contested = [...this.#contested].sort();
    return this.#holdings.slice(1).flatMap((holding) =>
      contested.flatMap((key) => {
        const winner = this.#holders.get(key)!;
        const object = holding.current.get(key);
        if (!object || winner === holding) return [];
        return [{ object, by: winner.current.get(key)!, loser: holding.source, winner: winner.source }];
      }),
    );
  }
}
