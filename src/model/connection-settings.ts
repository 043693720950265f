// What a proxy does with connections of its clients, as far as somebody says it; the rest is the compiler's.

/** 0 is for ever, where a time may be so. */
export interface ConnectionSettings {
  /** Of each connection and direction. */
  readonly bufferBytes?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly maxConnectionMs?: number | undefined;
  readonly streamIdleMs?: number | undefined;
  readonly requestMs?: number | undefined;
  readonly requestHeadersMs?: number | undefined;
  readonly maxStreamMs?: number | undefined;
  readonly drainMs?: number | undefined;
  readonly maxConcurrentStreams?: number | undefined;
  readonly streamWindowBytes?: number | undefined;
  readonly connectionWindowBytes?: number | undefined;
  /** What becomes of headers with an underscore in their names. */
  readonly underscores?: "allow" | "reject" | "drop" | undefined;
  /** Undefined, like `escapedSlashes`: as the mesh normalises paths. */
  readonly mergeSlashes?: boolean | undefined;
  readonly escapedSlashes?: "keep" | "reject" | "redirect" | "forward" | undefined;
}

/** What Envoy advises at an edge, and Istio's profile EDGE has. */
export const EDGE_CONNECTIONS: ConnectionSettings = {
  bufferBytes: 32_768,
  idleMs: 3_600_000,
  streamIdleMs: 300_000,
  requestMs: 300_000,
  requestHeadersMs: 60_000,
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  underscores: "reject",
  mergeSlashes: true,
  escapedSlashes: "redirect",
};
