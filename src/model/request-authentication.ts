// Whose tokens a workload believes. A token that is there must be valid; that one is there is the matter of authorization.

import type { Authored } from "./origin.ts";
import type { WorkloadScope } from "./workload-scope.ts";

/** `fetched`: by the control plane, see KeySet. */
export type TokenKeys =
  | { readonly kind: "inline"; readonly jwks: string }
  | { readonly kind: "fetched"; readonly uri: string };

export interface TokenIssuer {
  /** Empty: whoever the token says, as long as one of the keys has signed it. */
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: TokenKeys;
  /** Where tokens are looked for. All empty: `Authorization: Bearer …`, then the parameter `access_token`. */
  readonly headers: readonly { readonly name: string; readonly prefix: string }[];
  readonly parameters: readonly string[];
  readonly cookies: readonly string[];
  /** The header that carries the payload on, base64url; undefined: none. */
  readonly payloadHeader?: string | undefined;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Whether the application sees the token itself. */
  readonly forwardsToken: boolean;
  readonly fetchTimeoutMs: number;
  readonly spaceDelimitedClaims: readonly string[];
}

export interface RequestAuthentication extends Authored {
  readonly scope: WorkloadScope;
  readonly issuers: readonly TokenIssuer[];
}

/** Keys that the control plane fetched. Where a URI has none, every token of its issuer is refused. */
export interface KeySet {
  readonly uri: string;
  readonly jwks: string;
}
