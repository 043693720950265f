// The contract of HTTP filters: what one sees of a request, and what it can do to it.

import type { HeaderList } from "../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { CounterDefinition } from "../../stats/definition.ts";
import type { RouteFilters } from "../../table/filter/filter.ts";
import type { FilterMetadata } from "../../table/metadata.ts";
import type { ConnectionFacts } from "../../table/request.ts";
import type { Route, VirtualHost } from "../../table/route.ts";
import type { AccessRecord } from "../access-record.ts";
import type { ProxyContext } from "../context.ts";
import type { ResponseFlag } from "../response-flags.ts";
import type { OverrideHost } from "../upstream/load-balancer-context.ts";

/** Where a body goes. Chunks are valid only during the call. */
export interface BodySink {
  /** False: no more until there is room again. */
  data(chunk: Uint8Array): boolean;
  end(trailers: HeaderList | undefined): void;
}

/** A request, as filters see and change it. What a filter keeps of a request it keeps in a WeakMap of its own. */
export interface FilteredRequest {
  readonly head: RequestHead;
  readonly connection: { readonly context: ProxyContext; readonly facts: ConnectionFacts };
  readonly record: AccessRecord;
  readonly isGrpc: boolean;
  /** Neither a body nor trailers are here or to come. */
  readonly isHeadOnly: boolean;
  /** Of the client, as x-forwarded-for says it where that is trusted. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Undefined: the request has none, and will be answered 404 after the filters. */
  readonly route: Route | undefined;
  readonly virtualHost: VirtualHost | undefined;
  /** What route, virtual host and weighted cluster say of filters, by their names. */
  readonly routeFilters: RouteFilters;
  /** Claims of the caller about itself, moved out of the headers; "" without. */
  peerMetadata: string;
  /** The host that a session is bound to. */
  overrideHost: OverrideHost | undefined;
  /** The client has heard of a response: there can be no other. */
  readonly isCommitted: boolean;
  /** Answers the request here and now. `details` are Envoy's, for the log. */
  reply(
    status: number,
    body: string | Uint8Array,
    details: string,
    flag?: ResponseFlag,
    headers?: HeaderList,
    grpcStatus?: number,
  ): void;
  metadata(of: "dynamic" | "route"): FilterMetadata | undefined;
  /** Looks for the route again, after the head has changed. */
  refreshRoute(): void;
  /** Puts a stage before the router that the request's body goes through, what has come of it at once; during `onRequest` alone, and when it has one. */
  wrapRequestBody<Stage extends BodySink>(wrap: (next: BodySink) => Stage): Stage;
  /** The request's body is this; what its stages send on is dropped. Before the router has it alone. */
  replaceRequestBody(body: Uint8Array): void;
  /** Nothing more of the request's body until what follows the stage has room again, or `resumeRequest`. */
  pauseRequest(): void;
  /** A stage that had no room has some again. */
  resumeRequest(): void;
  /** Puts a stage before the client that the response's body goes through; the last one put is the first to see it. */
  wrapResponseBody(wrap: (next: BodySink) => BodySink): void;
  /** Nothing more of the response's body until what follows the stage has room again, or `resumeResponse`. */
  pauseResponse(): void;
  /** A stage that had no room has some again. */
  resumeResponse(): void;
  /** The filter that said `waiting` lets the request go on. Never from within `onRequest`. */
  continueRequest(): void;
  /** The filter that said `waiting` lets the response's head go on. `withBody`: one follows, whether it had one or not. Never from within `onResponse`. */
  continueResponse(withBody?: boolean): void;
  /** The response has begun and cannot be finished. */
  cutOff(flag: ResponseFlag | undefined, details: string): void;
}

/**
 * - `continue`: the next filter.
 * - `waiting`: the filter will call `continueRequest` or `reply`, unless the request ends before.
 * - `answered`: the filter has replied.
 */
export type Verdict = "continue" | "waiting" | "answered";

/** One of its counters, with the values of its labels. */
export interface FilterCount {
  readonly counter: CounterDefinition;
  readonly labels: readonly string[];
  readonly value: number;
}

/** A filter of one listener. It hears of the parts of a request that it has a method for. */
export interface BoundFilter {
  readonly name: string;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
  /** Whether it would take the request for a health check of this proxy. */
  isHealthCheck?(request: FilteredRequest): boolean;
  onRequest?(request: FilteredRequest): Verdict;
  /**
   * A response, of the upstream or of the proxy itself, before its head goes out; `end`: it is all. A filter that says `waiting` has put a
   * stage before the client that keeps what comes of the body meanwhile; it will call `continueResponse` or `reply`.
   */
  onResponse?(request: FilteredRequest, head: ResponseHead, end: boolean): "continue" | "waiting";
  /** For a scrape. `statPrefix`: of the connection manager. */
  counts?(statPrefix: string): readonly FilterCount[];
  /** The request is over, however it ended. Once. */
  onEnd?(request: FilteredRequest): void;
}
