// One patch as it is applied to a proxy's resources, and what happens to lists of named things.

import { clone, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { EnvoyPatch, PatchTarget } from "../../model/envoy-patch.ts";
import type { Origin } from "../../model/origin.ts";
import { PATCHABLE } from "../../xds/envoy-types.ts";
import { mergeMessage, written } from "../../xds/merge.ts";
import type { Source } from "../provenance.ts";

export interface Patch extends EnvoyPatch {
  readonly source: Source;
  /** Of the target; undefined when nothing is put in. */
  readonly message: Message | undefined;
}

export function patchOf(origin: Origin, patch: EnvoyPatch): Patch {
  const { target, value, path } = patch;
  const message = value === undefined ? undefined : written(PATCHABLE[target], value);
  return { ...patch, source: { origin, path }, message };
}

/** What changed a resource, in the order of the changes. */
export class Changed {
  readonly #by = new Set<Source>();

  by({ source }: { readonly source: Source }): void {
    this.#by.add(source);
  }

  get sources(): readonly Source[] {
    return [...this.#by];
  }
}

/** A copy of what the patch puts in; undefined when it puts nothing in. */
export function inserted<Schema extends DescMessage>(
  schema: Schema,
  { message }: Patch,
): MessageShape<Schema> | undefined {
  return message && clone(schema, message as MessageShape<Schema>);
}

/** Merges the patch into a message, whose name it leaves: resources are found by theirs. */
export function merge(schema: DescMessage, target: Message, { message, operation }: Patch): boolean {
  if (!message || (operation !== "merge" && operation !== "merge-replacing-lists")) return false;
  mergeMessage(schema, target, message, operation === "merge" ? "grow" : "are replaced");
  return true;
}

export interface ListRules<T> {
  /** Whether the patch speaks of the item, by its name. */
  readonly matches: (item: T, patch: Patch) => boolean;
  /** Whether the patch names an item at all. Inserting before or after none is inserting first or last. */
  readonly names: (patch: Patch) => boolean;
  /** Where an item that is not here would stand; undefined: nowhere. */
  readonly anchor?: (items: readonly T[], patch: Patch) => number | undefined;
}

/** The list with a patch applied to it; the list itself when it changes nothing. */
export function patchList<Schema extends DescMessage>(
  schema: Schema,
  items: MessageShape<Schema>[],
  patch: Patch,
  rules: ListRules<MessageShape<Schema>>,
): MessageShape<Schema>[] {
  const at = items.findIndex((item) => rules.matches(item, patch));
  const insert = (position: number | undefined) => {
    const item = inserted(schema, patch);
    return item && position !== undefined ? items.toSpliced(position, 0, item) : items;
  };
  const elsewhere = () => rules.anchor?.(items, patch);
  switch (patch.operation) {
    case "add":
      return insert(items.length);
    case "insert-first":
      return insert(0);
    case "insert-before":
      if (!rules.names(patch)) return insert(0);
      return insert(at < 0 ? elsewhere() : at);
    case "insert-after":
      if (!rules.names(patch)) return insert(items.length);
      return insert(at < 0 ? elsewhere() : at + 1);
    case "replace": {
      const item = inserted(schema, patch);
      return item && at >= 0 && rules.names(patch) ? items.toSpliced(at, 1, item) : items;
    }
    case "remove": {
      const kept = items.filter((item) => !rules.matches(item, patch));
      return kept.length === items.length ? items : kept;
    }
    default: {
      const merged = items.filter((item) => rules.matches(item, patch) && merge(schema, item, patch));
      return merged.length > 0 ? [...items] : items;
    }
  }
}

export function patchesOf(patches: readonly Patch[], ...targets: readonly PatchTarget[]): readonly Patch[] {
  return patches.filter(({ target }) => targets.includes(target));
}
