// What browsers of other origins may do (Fetch Standard, section 3.2).

import type { StringMatch } from "./match.ts";

export interface CorsPolicy {
  /** Any of them. */
  readonly origins: readonly StringMatch[];
  readonly methods: readonly string[];
  readonly requestHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  /** Whole seconds that a browser keeps the answer to a preflight; undefined: the browser's own. */
  readonly maxAgeS?: number | undefined;
  readonly credentials?: boolean | undefined;
  /** A preflight of an origin that is not allowed goes on to the application; otherwise it is answered here. */
  readonly forwardsUnmatched: boolean;
}
