// Requests and responses that an external server looks at and changes (envoy.filters.http.ext_proc).

import type { StringMatch } from "../string-match.ts";

/**
 * - `streamed`: each chunk as it comes, while others are under way.
 * - `buffered`: the whole of it, and nothing goes on before.
 * - `buffered-partial`: as much of it as may be held.
 * - `full-duplex`: each chunk as it comes, and the server sends back what it likes when it likes.
 */
export type BodyMode = "none" | "streamed" | "buffered" | "buffered-partial" | "full-duplex";

/** What is sent to the server. */
export interface ProcessingMode {
  readonly requestHeaders: boolean;
  readonly responseHeaders: boolean;
  readonly requestBody: BodyMode;
  readonly responseBody: BodyMode;
  readonly requestTrailers: boolean;
  readonly responseTrailers: boolean;
}

/** Which headers the server may set and remove (envoy.config.common.mutation_rules.v3.HeaderMutationRules). */
export interface MutationRules {
  /** `host`, `:authority`, `:scheme` and `:method`. */
  readonly routing: boolean;
  /** `x-envoy-…`. */
  readonly envoy: boolean;
  /** `host` and what begins with a colon. */
  readonly system: boolean;
  readonly all: boolean;
  readonly allow: StringMatch | undefined;
  readonly disallow: StringMatch | undefined;
  /** What may not be done fails the request, in place of being left out. */
  readonly isError: boolean;
}

export interface ProcessorService {
  readonly cluster: string;
  /** "": the cluster's name. */
  readonly authority: string;
  /** Names and values in turns. */
  readonly metadata: readonly string[];
  /** Of the whole call; 0 is none. */
  readonly timeoutMs: number;
}

/** Namespaces of dynamic metadata that are sent, and taken. */
export interface MetadataNamespaces {
  readonly sent: readonly string[];
  readonly taken: ReadonlySet<string>;
}

export interface ExtProcFilter {
  readonly kind: "ext-proc";
  readonly service: ProcessorService;
  readonly mode: ProcessingMode;
  readonly failureModeAllow: boolean;
  /** For each answer of the server. */
  readonly messageTimeoutMs: number;
  /** What the server may ask for; 0: nothing. */
  readonly maxMessageTimeoutMs: number;
  readonly rules: MutationRules;
  /** Undefined: all. */
  readonly allowedHeaders: readonly StringMatch[] | undefined;
  readonly disallowedHeaders: readonly StringMatch[];
  readonly allowModeOverride: boolean;
  readonly ignoreImmediateResponse: boolean;
  /** Whether the route is chosen again after the request's headers were processed: when the server says so, always, never. */
  readonly routeCache: "default" | "clear" | "retain";
  readonly metadata: MetadataNamespaces;
}

/** What a route says otherwise. */
export interface ExtProcRoute {
  readonly kind: "ext-proc-route";
  readonly mode: ProcessingMode | undefined;
  readonly service: ProcessorService | undefined;
  readonly metadata: MetadataNamespaces | undefined;
  /** Beside that of the service. */
  readonly initialMetadata: readonly string[];
}
