// What the server's side makes of a request.

import type { AuthorizationFacts } from "./explanation.ts";

export type Reception =
  /** `authz` undefined: no proxy stands before the application. */
  | { readonly kind: "served"; readonly authz: AuthorizationFacts | undefined }
  /** `status` undefined: a connection that ends without an answer. */
  | {
      readonly kind: "refused";
      readonly status: number | undefined;
      readonly flags: readonly string[];
      readonly authz: AuthorizationFacts | undefined;
    };
