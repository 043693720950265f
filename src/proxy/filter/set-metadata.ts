// Says things in metadata (envoy.filters.http.set_metadata).

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import * as names from "../../stats/names/filter.ts";
import type { SetMetadataFilter } from "../../table/filter/set-metadata.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Structs go together key by key, lists one after the other; everything else is replaced (Envoy: StructUtil::update). */
function updated(before: JsonObject, values: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...before };
  for (const [key, value] of Object.entries(values)) {
    const old = before[key];
    if (isObject(old) && isObject(value)) merged[key] = updated(old, value);
    else merged[key] = Array.isArray(old) && Array.isArray(value) ? [...old, ...value] : value;
  }
  return merged;
}

export class SetMetadata implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #entries: SetMetadataFilter["entries"];
  #denied = 0;

  constructor(name: string, disabled: boolean, { entries }: SetMetadataFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#entries = entries;
  }

  onRequest({ record }: FilteredRequest): Verdict {
    for (let i = 0; i < this.#entries.length; i++) {
      const { namespace, values, overwrites } = this.#entries[i]!;
      const before = record.metadata("dynamic")?.[namespace];
      if (!before) record.setMetadata(namespace, values);
      else if (overwrites) record.setMetadata(namespace, updated(before, values));
      else this.#denied++;
    }
    return "continue";
  }

  counts(statPrefix: string): readonly FilterCount[] {
    return [{ counter: names.SET_METADATA_DENIED, labels: [statPrefix], value: this.#denied }];
  }
}
