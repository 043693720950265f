// The contract between a request, as its client sent it, and the router that forwards it.

import type { HeaderList } from "../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { InternalRedirectPolicy } from "../../table/internal-redirect.ts";
import type { AccessRecord } from "../access-record.ts";
import type { Downstream } from "../downstream.ts";
import type { ResponseFlag } from "../response-flags.ts";
import type { RequestTrace } from "../tracing/request-trace.ts";
import type { OverrideHost } from "../upstream/load-balancer-context.ts";
import type { RedirectHistory, RedirectTarget } from "./internal-redirect.ts";
import type { RequestBody } from "./request-body.ts";

/** The client's side of a request that is forwarded. */
export interface ForwardedRequest {
  readonly connection: Downstream;
  readonly head: RequestHead;
  readonly record: AccessRecord;
  readonly isGrpc: boolean;
  /** Undefined: it is not sampled. */
  readonly trace: RequestTrace | undefined;
  /** Undefined: the request is its head alone. */
  readonly body: RequestBody | undefined;
  /** True when the request is its head alone, so that it can be sent in one frame. */
  readonly requestIsHeadOnly: boolean;
  readonly responseStarted: boolean;
  /** The host that a session is bound to. */
  readonly overrideHost: OverrideHost | undefined;
  /** The internal redirects so far, and the scheme that the client came by. */
  readonly redirects: RedirectHistory;
  readonly scheme: string;
  /** False: the policy does not admit the route there. Else this router's work is over. */
  redirectTo(target: RedirectTarget, policy: InternalRedirectPolicy): boolean;
  resumeRequest(): void;
  /** From now on, in place of what was set before; 0 is none. */
  setTimeout(timeoutMs: number): void;
  setIdle(idleMs: number): void;
  inform(status: number, headers: HeaderList): void;
  respond(head: ResponseHead, end: boolean): void;
  /** False: wait for `Router.resumeResponse`. */
  respondData(chunk: Uint8Array): boolean;
  respondEnd(trailers: HeaderList | undefined): void;
  /** The response has begun and cannot be finished. */
  cutOff(flag: ResponseFlag, details: string): void;
  reply(status: number, body: string, details: string, flag?: ResponseFlag, headers?: HeaderList): void;
  /** The tunnel stands: the client was told so with this head. */
  tunnelOpened(head: ResponseHead): void;
  tunnelOver(received: number, sent: number): void;
}
