// The contract of HTTP filters: what one sees of a request, and what it can do to it.

import type { HeaderList } from "../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { RouteFilters } from "../../table/filter/filter.ts";
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
  /** Undefined: the request has none, and will be answered 404 after the filters. */
  readonly route: Route | undefined;
  readonly virtualHost: VirtualHost | undefined;
  /** What route, virtual host and weighted cluster say of filters, by their names. */
  readonly routeFilters: RouteFilters;
  /** Claims of the caller about itself, moved out of the headers; "" without. */
  peerMetadata: string;
  /** The host that a session is bound to. */
  overrideHost: OverrideHost | undefined;
  /** Answers the request here and now. `details` are Envoy's, for the log. */
  reply(
    status: number,
    body: string,
    details: string,
    flag?: ResponseFlag,
    headers?: HeaderList,
    grpcStatus?: number,
  ): void;
  /** Puts a stage before the client that the response's body goes through; the last one put is the first to see it. */
  wrapResponseBody(wrap: (next: BodySink) => BodySink): void;
  /** A stage that had no room has some again. */
  resumeResponse(): void;
  /** The filter that said `waiting` lets the request go on. Never from within `onRequest`. */
  continueRequest(): void;
}

/**
 * - `continue`: the next filter.
 * - `waiting`: the filter will call `continueRequest` or `reply`, unless the request ends before.
 * - `answered`: the filter has replied.
 */
export type Verdict = "continue" | "waiting" | "answered";

/** A filter of one listener. It hears of the parts of a request that it has a method for. */
export interface BoundFilter {
  readonly name: string;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
  onRequest?(request: FilteredRequest): Verdict;
  /** A response, of the upstream or of the proxy itself, before its head goes out. */
  onResponse?(request: FilteredRequest, head: ResponseHead): void;
  /** The request is over, however it ended. Once. */
  onEnd?(request: FilteredRequest): void;
}
