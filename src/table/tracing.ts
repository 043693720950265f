// Which requests are traced and what is told of them to whom (HttpConnectionManager.Tracing, Route.Tracing).

import type { Format } from "./format/part.ts";

/** As Envoy compares it with a number below 10,000 of the request's id. */
export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

export interface TraceSampling {
  readonly client: Share;
  readonly random: Share;
  readonly overall: Share;
}

export type CustomTag =
  | { readonly kind: "literal"; readonly name: string; readonly value: string }
  | { readonly kind: "header"; readonly name: string; readonly header: string; readonly byDefault: string }
  | {
      readonly kind: "metadata";
      readonly name: string;
      readonly of: "dynamic" | "route" | "cluster" | "upstream-host";
      readonly namespace: string;
      readonly path: readonly string[];
      readonly byDefault: string;
    }
  | { readonly kind: "format"; readonly name: string; readonly format: Format };

export interface ZipkinTracer {
  readonly kind: "zipkin";
  readonly cluster: string;
  readonly path: string;
  readonly authority: string;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** Names and values in turns. */
  readonly headers: readonly string[];
  /** W3C's context is read where B3's is not there, and goes on beside it. */
  readonly passesW3c: boolean;
  /** New traces have ids of 128 bits. */
  readonly wideIds: boolean;
  /** A server's span has the id of its client's. */
  readonly sharesIds: boolean;
}

export interface OtlpTracer {
  readonly kind: "opentelemetry";
  /** Of the resource, in order: names and values in turns. */
  readonly resource: readonly string[];
  readonly cluster: string;
  readonly authority: string;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** Names and values in turns. */
  readonly headers: readonly string[];
  /** Undefined: by gRPC. */
  readonly httpPath: string | undefined;
}

export type Tracer = ZipkinTracer | OtlpTracer;

export interface Tracing {
  readonly sampling: TraceSampling;
  /** Undefined: nobody is told; context is made and passed on all the same, in both forms. */
  readonly tracer: Tracer | undefined;
  readonly tags: readonly CustomTag[];
  /** Of `http.url`. */
  readonly maxPathLength: number;
  /** Attempts have spans of their own below the request's. */
  readonly spansOfAttempts: boolean;
  /** The next hop is told of the trace. */
  readonly propagates: boolean;
}

/** What a route says in place of its connection manager; undefined: nothing of it. */
export interface RouteTracing {
  readonly sampling: TraceSampling | undefined;
  /** Under one name that both have, the route's. */
  readonly tags: readonly CustomTag[];
  /** `decorator.operation`, "" without one. */
  readonly operation: string;
  /** The operation goes on to the server, and the server's to the client. */
  readonly propagates: boolean;
}

/** How x-request-id carries the decision (envoy.extensions.request_id.uuid.v3). */
export interface RequestIdRules {
  readonly packsReason: boolean;
  readonly decidesTracing: boolean;
}
