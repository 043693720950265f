// Cross-origin requests of browsers (envoy.filters.http.cors, CorsPolicy).

import type { RuntimeFraction } from "../fraction.ts";
import type { StringMatch } from "../string-match.ts";

/** On a listener the filter has no settings: routes bring their policies. */
export interface CorsFilter {
  readonly kind: "cors";
}

export interface CorsPolicy {
  readonly kind: "cors";
  readonly allowOrigins: readonly StringMatch[];
  /** Values of the headers of that name; "" leaves the header out. */
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly allowPrivateNetwork: boolean;
  /** A preflight of an origin that is not allowed goes on to the upstream; else it is answered here, without permission. */
  readonly forwardNotMatchingPreflights: boolean;
  /** Share of requests that the policy holds for. */
  readonly enabled: RuntimeFraction;
}
