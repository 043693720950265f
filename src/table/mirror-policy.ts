// Copies of requests that go to another cluster besides (envoy.config.route.v3.RouteAction.RequestMirrorPolicy).

import type { RuntimeFraction } from "./fraction.ts";

export interface MirrorPolicy {
  readonly cluster:
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "header"; readonly header: string };
  readonly fraction: RuntimeFraction;
  /** The copy's host gets the suffix `-shadow`. */
  readonly hostSuffix: boolean;
  /** Whether the copy's trace is sampled; undefined: as the request's. */
  readonly traceSampled: boolean | undefined;
}
