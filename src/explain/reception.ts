// What the server's side makes of a request.

import type { RequestFacts } from "../table/request.ts";
import { type FoundMetadata, NOTHING_FOUND } from "../table/route-match.ts";
import type { AuthorizationFacts } from "./explanation.ts";

export type Reception =
  /** `authz` undefined: no proxy stands before the application. */
  | {
      readonly kind: "served";
      readonly authz: AuthorizationFacts | undefined;
      /** What the verified token claims, as routes look at it. */
      readonly found: FoundMetadata;
      /** As it is passed on; undefined: bytes. */
      readonly request: RequestFacts | undefined;
    }
  /** `status` undefined: a connection that ends without an answer. */
  | {
      readonly kind: "refused";
      readonly status: number | undefined;
      readonly flags: readonly string[];
      readonly authz: AuthorizationFacts | undefined;
    };

/** Nobody asks who it is. */
export function unguarded(request: RequestFacts | undefined): Reception {
  return { kind: "served", authz: undefined, found: NOTHING_FOUND, request };
}
