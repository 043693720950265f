// The header-to-metadata filter (envoy.filters.http.header_to_metadata): moves request headers into metadata.

export interface HeaderToMetadataFilter {
  readonly kind: "header-to-metadata";
  readonly rules: readonly {
    readonly header: string;
    readonly namespace: string;
    readonly key: string;
    readonly type: "string" | "number";
    /** The header does not go on. */
    readonly remove: boolean;
  }[];
}
