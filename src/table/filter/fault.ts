// Faults that are injected to see what callers make of them (envoy.filters.http.fault).

import type { RuntimeFraction } from "../fraction.ts";
import type { HeaderMatch } from "../header-match.ts";

/** `header`: the request says how long, in x-envoy-fault-delay-request, and may lower the share. */
export type FaultDelay = { readonly fraction: RuntimeFraction } & (
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "header" }
);

export type FaultAbort = { readonly fraction: RuntimeFraction } & (
  | { readonly kind: "http"; readonly status: number }
  | { readonly kind: "grpc"; readonly status: number }
  /** The request says which, in x-envoy-fault-abort-request or x-envoy-fault-abort-grpc-request. */
  | { readonly kind: "header" }
);

/** Of the response's body, in KiB a second. */
export type FaultRateLimit = { readonly fraction: RuntimeFraction } & (
  | { readonly kind: "fixed"; readonly kibPerSecond: number }
  | { readonly kind: "header" }
);

export interface FaultFilter {
  readonly kind: "fault";
  readonly delay: FaultDelay | undefined;
  readonly abort: FaultAbort | undefined;
  readonly rateLimit: FaultRateLimit | undefined;
  /** Only requests to this cluster; "" for all. */
  readonly cluster: string;
  readonly headers: readonly HeaderMatch[];
  /** Only callers that say that they are one of these nodes; empty for all. */
  readonly downstreamNodes: ReadonlySet<string>;
  readonly maxActive: number;
}
