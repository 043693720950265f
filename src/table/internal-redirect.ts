// Redirects of the upstream that the proxy follows itself (envoy.config.route.v3.InternalRedirectPolicy).

export type RedirectPredicate =
  /** Never a route that this request was redirected to before. */
  | { readonly kind: "previous-routes" }
  | { readonly kind: "allow-listed-routes"; readonly names: ReadonlySet<string> }
  /** From http to https only where the client came by https. */
  | { readonly kind: "safe-cross-scheme" };

export interface InternalRedirectPolicy {
  readonly max: number;
  readonly statuses: ReadonlySet<number>;
  readonly predicates: readonly RedirectPredicate[];
  readonly allowCrossScheme: boolean;
  /** Of the redirect, which the next request carries. */
  readonly responseHeadersToCopy: readonly string[];
}
