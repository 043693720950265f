// The filter that says things in metadata (envoy.filters.http.set_metadata).

import type { JsonObject } from "@bufbuild/protobuf";

export interface SetMetadataFilter {
  readonly kind: "set-metadata";
  readonly entries: readonly {
    readonly namespace: string;
    readonly values: JsonObject;
    /** Else it is left alone where the namespace has something already. */
    readonly overwrites: boolean;
  }[];
}
