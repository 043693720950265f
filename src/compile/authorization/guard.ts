// What stands before a workload's application: the stages that judge requests, and whose tokens are believed.

import type { StageOfWorkload } from "../../model/authorization.ts";
import type { Authorizer } from "../../model/authorizer.ts";
import { authorizationOf, tokenIssuersOf } from "../../model/lookup.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { TokenIssuer } from "../../model/request-authentication.ts";
import type { Workload } from "../../model/workload.ts";

/** An issuer with its keys; undefined as long as the control plane has none of them. */
export interface KeyedIssuer {
  readonly issuer: TokenIssuer;
  readonly jwks: string | undefined;
}

/** Plain data: the memo compares it. */
export interface Guard {
  readonly stages: readonly StageOfWorkload[];
  readonly issuers: readonly KeyedIssuer[];
  /** Who is asked at the stages that delegate; undefined: nobody can be asked, so that who matches there is refused. */
  readonly authorizer: Authorizer | undefined;
  /** The objects that it was made from. */
  readonly origins: readonly Origin[];
}

/** Undefined: nothing is asked, everybody gets in. */
export function guardOf(mesh: Mesh, workload: Workload): Guard | undefined {
  const stages = authorizationOf(mesh, workload);
  const issuers = tokenIssuersOf(mesh, workload).map((issuer) => ({ issuer, jwks: keysOf(mesh, issuer) }));
  if (stages.length === 0 && issuers.length === 0) return undefined;
  const { authorizationPolicies, requestAuthentications } = mesh.index;
  const origins = [...authorizationPolicies.of(workload), ...requestAuthentications.of(workload)];
  return { stages, issuers, authorizer: authorizerOf(mesh, stages), origins: origins.map(({ origin }) => origin) };
}

function keysOf(mesh: Mesh, { keys }: TokenIssuer): string | undefined {
  return keys.kind === "inline" ? keys.jwks : mesh.index.keySets.get(keys.uri)?.jwks;
}

/** Two authorizers on one workload are none, as with Istio: in which order they would be asked nobody said. */
function authorizerOf(mesh: Mesh, stages: readonly StageOfWorkload[]): Authorizer | undefined {
  const names = stages.flatMap(({ effect }) => (effect.kind === "delegate" ? [effect.authorizer] : []));
  return names.length === 1 ? mesh.settings.authorizers.find(({ name }) => name === names[0]) : undefined;
}
