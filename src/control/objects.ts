// The objects in force. Sources have a rank: of two that hold an object of one name the first counts, whatever came when, so that neither
// takes turns with the other. An object that is rejected does not take its last good version down.

import type { Diagnostic } from "../base/diagnostic.ts";
import { correctedList, itemOf, type List, listDifference, listOf, MapOfList } from "../base/list.ts";
import { settingsAmong, translate } from "../dialect/dialects.ts";
import type { SourceObject } from "../dialect/object.ts";
import { holdsSettings } from "../dialect/readers.ts";
import { keyOfObject, keyOfResult, type WholeTranslation } from "../dialect/whole-translation.ts";
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
  readonly translation: WholeTranslation;
  /** Sorted by key. */
  readonly verdicts: List<ObjectVerdict>;
  /** Keys of those that are rejected. */
  readonly rejected: ReadonlySet<string>;
}

/** The objects that count. */
interface Ordered {
  /** Sorted by key. */
  readonly objects: List<SourceObject>;
  /** Keys of those that hold the mesh's settings. */
  readonly settings: readonly string[];
}

/** Changes beyond which all are put in order anew. */
const MANY = 1_000;

const keyOfVerdict = ({ object }: ObjectVerdict): string => object.key;

export class Objects {
  readonly #holdings: readonly Holding[];
  /** By key: the first source that holds it. */
  readonly #holders = new Map<string, Holding>();
  /** Keys that several sources hold. */
  readonly #contested = new Set<string>();
  #ordered: Ordered | undefined;
  /** Keys whose objects are others than in `#ordered`, or are not there, or no more. */
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
    if (holder) this.#holders.set(key, holder);
    else this.#holders.delete(key);
  }

  /** Sorted by key, so that the order of arrival never shows. Objects that did not change cost little. */
  translate(base: MeshSettings): ObjectsTranslation {
    const ordered = this.#inOrder();
    this.#ordered = ordered;
    const first = translate(ordered.objects, this.#lastGoodSettings(ordered, base), this.#last?.translation);
    this.#last = this.#judge(first);
    const { rejected } = this.#last;
    const verdicts = new MapOfList(this.#last.verdicts, keyOfVerdict);
    const overruled = this.#overruled();
    const common = { settings: first.settings, verdicts, overruled };
    const lastGood = [...rejected].map((key) => [key, this.#lastGoodOf(key)] as const);
    if (lastGood.every(([, good]) => !good)) return { ...common, parts: first.parts, sources: first.sources };
    const second = translate(correctedList(ordered.objects, keyOfObject, lastGood), base, this.#inForce);
    this.#inForce = second;
    return { ...common, settings: second.settings, parts: second.parts, sources: second.sources };
  }

  #inOrder(): Ordered {
    const before = this.#ordered;
    const changed = [...this.#changed].map((key) => [key, this.#holders.get(key)?.current.get(key)] as const);
    this.#changed.clear();
    if (!before || changed.length > MANY) return this.#orderedAnew();
    const objects = correctedList(before.objects, keyOfObject, changed);
    const settings = new Set(before.settings);
    for (const [key, object] of changed)
      if (object && holdsSettings(object)) settings.add(key);
      else settings.delete(key);
    return { objects, settings: [...settings].sort() };
  }

  #orderedAnew(): Ordered {
    const keys = [...this.#holders.keys()].sort();
    const objects = keys.map((key) => this.#holders.get(key)!.current.get(key)!);
    return { objects: listOf(objects), settings: objects.filter(holdsSettings).map(keyOfObject) };
  }

  #lastGoodOf(key: string): SourceObject | undefined {
    return this.#holders.get(key)!.accepted.get(key);
  }

  /** A verdict on what was judged before is the same object. */
  #judge(translation: WholeTranslation): Judged {
    const before = this.#last;
    const { gone, come } = listDifference(before?.translation.results ?? [], translation.results);
    const rejected = new Set(before?.rejected);
    const corrections = new Map<string, ObjectVerdict | undefined>();
    for (const result of gone) {
      const key = keyOfResult(result);
      corrections.set(key, undefined);
      rejected.delete(key);
    }
    for (const { object, accepted, diagnostics } of come) {
      const { accepted: good } = this.#holders.get(object.key)!;
      if (accepted) good.set(object.key, object);
      else rejected.add(object.key);
      const servesEarlier = !accepted && good.has(object.key);
      corrections.set(object.key, { object, accepted, servesEarlier, diagnostics });
    }
    const made = [...corrections.values()].filter((verdict) => verdict !== undefined);
    const verdicts = before ? correctedList(before.verdicts, keyOfVerdict, corrections) : listOf(made);
    return { translation, verdicts, rejected };
  }

  /** What objects are read by while the settings that one of them holds are wrong; `base` otherwise. */
  #lastGoodSettings({ objects, settings }: Ordered, base: MeshSettings): MeshSettings {
    const current = settings.flatMap((key) => itemOf(objects, key, keyOfObject) ?? []);
    if (current.length === 0 || settingsAmong(current, base) !== base) return base;
    return settingsAmong(
      settings.flatMap((key) => this.#lastGoodOf(key) ?? []),
      base,
    );
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
