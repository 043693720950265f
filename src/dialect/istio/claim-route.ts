// Routing by what a token claims: Istio writes a claim where a header's name stands, and gateways alone know claims (jwt.ToRoutingClaim).

import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { MESH_GATEWAY } from "./names.ts";
import type { VirtualServiceSpec } from "./virtual-service-schema.ts";

const CLAIMS = "@request.auth.claims";

/** The way to a claim, of `@request.auth.claims.a.b` or, where names have dots, `@request.auth.claims[a][b.c]`; undefined: no claim is named. */
export function claimPath(name: string): readonly string[] | undefined {
  if (name.slice(0, CLAIMS.length).toLowerCase() !== CLAIMS) return undefined;
  const rest = name.slice(CLAIMS.length);
  if (/^\.[^.[\]]+(\.[^.[\]]+)*$/.test(rest)) return rest.slice(1).split(".");
  if (/^(\[[^[\]]+\])+$/.test(rest)) return rest.slice(1, -1).split("][");
  return undefined;
}

/** Istio's ValidateVirtualService: no sidecar has a route by a claim, and a delegate does not say where it will be. */
export function checkClaimRoutes({ gateways = [], http = [] }: VirtualServiceSpec, reporter: Reporter): void {
  if (gateways.length > 0 && !gateways.includes(MESH_GATEWAY)) return;
  for (const [i, { match = [] }] of http.entries())
    for (const [j, block] of match.entries())
      for (const field of ["headers", "withoutHeaders"] as const)
        for (const name of Object.keys(block[field] ?? {}))
          if (claimPath(name))
            reporter.report(
              joinPath(`spec.http[${i}].match[${j}].${field}`, name),
              diagnostics.claimsNeedGateway(name),
            );
}
