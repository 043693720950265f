// Health checks of this proxy by others (envoy.filters.http.health_check).

import type { HeaderMatch } from "../header-match.ts";

export interface HealthCheckFilter {
  readonly kind: "health-check";
  /** A request is a check when all match. */
  readonly headers: readonly HeaderMatch[];
  /**
   * - `pass-through`: the application answers; `cacheMs`: and what it said holds for so long.
   * - `local`: the proxy answers, by the share of healthy hosts that each of these clusters must have.
   */
  readonly mode:
    | { readonly kind: "pass-through"; readonly cacheMs: number }
    | { readonly kind: "local"; readonly minHealthyPercents: ReadonlyMap<string, number> };
}
