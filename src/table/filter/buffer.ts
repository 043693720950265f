// Requests that are sent on when they are whole (envoy.filters.http.buffer).

export interface BufferFilter {
  readonly kind: "buffer";
  readonly maxBytes: number;
}
