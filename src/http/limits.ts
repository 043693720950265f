// What a peer may make a connection hold. Every default says where it comes from; all of them can be set per listener and cluster.

export interface HttpLimits {
  /** Bytes of a head (request line or pseudo-headers, and fields; with 32 a field in HTTP/2, RFC 9113 6.5.2), and of trailers. */
  readonly maxHeadBytes: number;
  /** Fields of a head; also bounds trailers. */
  readonly maxHeaders: number;
  /** Bytes of a request target. */
  readonly maxTargetBytes: number;
  /** Bytes of chunk extensions in one message (HTTP/1.1). They are dropped. */
  readonly maxChunkExtensionBytes: number;
  /** Bytes of a request's body that are read and dropped after an early response, before the connection is closed (HTTP/1.1). */
  readonly maxDrainBytes: number;
  /** Bytes waiting for a slow receiver before its source is paused. */
  readonly highWaterBytes: number;
  /** From the first byte of a head to its last; 0 is off. */
  readonly headTimeoutMs: number;
  /** A connection without a request; 0 is off. */
  readonly idleTimeoutMs: number;
  /** A response that is complete here and of which its receiver takes nothing more; 0 is off. */
  readonly flushTimeoutMs: number;
  /** Interim responses (1xx) to one request. */
  readonly maxInterimResponses: number;
  /** HTTP/2: SETTINGS_MAX_CONCURRENT_STREAMS that is offered. */
  readonly maxConcurrentStreams: number;
  /** HTTP/2: SETTINGS_INITIAL_WINDOW_SIZE that is offered. */
  readonly streamWindowBytes: number;
  /** HTTP/2: window of the connection, opened with a WINDOW_UPDATE. */
  readonly connectionWindowBytes: number;
  /** HTTP/2: a PING so often, 0 is never; the connection is given up when nothing comes for the time-out after it. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  /** HTTP/2: CONTINUATION frames of one header block (CVE-2024-30255). */
  readonly maxContinuations: number;
  /** HTTP/2: frames of control (SETTINGS and PING acknowledgements, RST_STREAM) that may wait for a peer that does not read (CVE-2019-9512, 9515). */
  readonly maxOutboundControlFrames: number;
  /** HTTP/2: consecutive frames without payload or end of stream (CVE-2019-9518). */
  readonly maxConsecutiveEmptyFrames: number;
  /** HTTP/2: streams that either end reset before they were answered, beyond which (and if they are more than half of all) the connection is closed (CVE-2023-44487, CVE-2025-8671). */
  readonly maxPrematureResets: number;
  /** HTTP/2: SETTINGS, PING, PRIORITY and WINDOW_UPDATE frames a second (CVE-2019-9511 to 9517). */
  readonly maxControlFramesPerSecond: number;
}

/** Envoy's defaults where it has one (core/v3/protocol.proto, hcm.proto), its advice for the edge where that is stricter. */
export const DEFAULT_LIMITS: HttpLimits = {
  maxHeadBytes: 60 * 1024, // max_request_headers_kb
  maxHeaders: 100, // max_headers_count
  maxTargetBytes: 32 * 1024,
  maxChunkExtensionBytes: 4 * 1024,
  maxDrainBytes: 64 * 1024,
  highWaterBytes: 96 * 1024, // with a frame on top it fits the buffer of 128 KiB that is kept for reuse
  headTimeoutMs: 10_000, // request_headers_timeout, edge
  idleTimeoutMs: 3_600_000, // common_http_protocol_options.idle_timeout
  flushTimeoutMs: 300_000, // stream_flush_timeout, which falls back to stream_idle_timeout
  maxInterimResponses: 100, // a 103 and a 102 every few seconds are usual; endless ones would fill a client that does not read
  maxConcurrentStreams: 1024, // Envoy's default since 1.40's h2 codec; a mesh leg multiplexes many callers
  streamWindowBytes: 512 * 1024, // what one read brings: half of it would wait in a copy
  connectionWindowBytes: 32 * 1024 * 1024, // streams that nobody reads hold their part of it: 64 of them must not stop the leg
  keepaliveIntervalMs: 0,
  keepaliveTimeoutMs: 0,
  maxContinuations: 16,
  maxOutboundControlFrames: 1_000,
  maxConsecutiveEmptyFrames: 1,
  maxPrematureResets: 500, // overload.premature_reset_total_stream_count
  maxControlFramesPerSecond: 1_000,
};
