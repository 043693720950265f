// VirtualService `corsPolicy`.

import type { CorsPolicy } from "../../model/cors.ts";
import type { StringMatch } from "../../model/match.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { stringMatch } from "./http-match.ts";
import * as refusals from "./refusals.ts";
import type { CorsPolicySpec } from "./virtual-service-schema.ts";

/** Of RFC 9110 section 9 and RFC 5789, and every one. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

export function readCors(spec: CorsPolicySpec | undefined, path: string, reporter: Reporter): CorsPolicy | undefined {
  if (!spec) return undefined;
  const { maxAge } = spec;
  if (maxAge !== undefined && maxAge % 1_000 !== 0)
    reporter.report(joinPath(path, "maxAge"), diagnostics.wholeSeconds(maxAge));
  for (const [i, method] of (spec.allowMethods ?? []).entries())
    if (!METHODS.includes(method))
      reporter.report(joinPath(joinPath(path, "allowMethods"), i), refusals.corsMethod(method, METHODS));
  return {
    origins: readOrigins(spec, path, reporter),
    methods: spec.allowMethods ?? [],
    requestHeaders: spec.allowHeaders ?? [],
    exposedHeaders: spec.exposeHeaders ?? [],
    maxAgeS: maxAge === undefined ? undefined : maxAge / 1_000,
    credentials: spec.allowCredentials,
    forwardsUnmatched: spec.unmatchedPreflights !== "IGNORE",
  };
}

/** The deprecated list counts where the other is empty. */
function readOrigins(spec: CorsPolicySpec, path: string, reporter: Reporter): readonly StringMatch[] {
  const { allowOrigins = [], allowOrigin = [] } = spec;
  if (allowOrigins.length === 0) return allowOrigin.map((value) => ({ kind: "exact", value }));
  const at = joinPath(path, "allowOrigins");
  return allowOrigins.flatMap((origin, i) => {
    const match = stringMatch(origin, joinPath(at, i), reporter);
    if (!match) reporter.report(joinPath(at, i), diagnostics.originWithoutMatch());
    return match ?? [];
  });
}
