// Findings about authentication and authorization: what a workload's proxy cannot do, and whom nobody can ask.

import { nearest } from "../base/nearest.ts";
import type { AuthorizationPolicy } from "./authorization.ts";
import * as findings from "./findings.ts";
import { proxiedWorkloads } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Origin, originKey } from "./origin.ts";
import type { Workload } from "./workload.ts";

export interface SecurityFinding {
  readonly origin: Origin;
  readonly path: string;
  readonly message: Message;
}

const PROVIDER = "spec.provider.name";

/** Of each kind one for a policy: a hundred replicas have the same mistake. */
export function securityFindings(mesh: Mesh): readonly SecurityFinding[] {
  if (mesh.authorizationPolicies.length + mesh.requestAuthentications.length === 0) return [];
  const found = new Map<string, SecurityFinding>();
  const report = (origin: Origin, path: string, message: Message) => {
    const key = `${originKey(origin)} ${message.code}`;
    if (!found.has(key)) found.set(key, { origin, path, message });
  };
  for (const { origin, stage } of mesh.authorizationPolicies) {
    const names = mesh.settings.authorizers.map(({ name }) => name);
    if (stage.effect.kind !== "delegate" || names.includes(stage.effect.authorizer)) continue;
    const { authorizer } = stage.effect;
    report(origin, PROVIDER, findings.unknownAuthorizer(authorizer, nearest(authorizer, names)));
  }
  for (const workload of proxiedWorkloads(mesh)) ofWorkload(mesh, workload, report);
  return [...found.values()];
}

function authorizerOf({ stage }: AuthorizationPolicy): string | undefined {
  return stage.effect.kind === "delegate" ? stage.effect.authorizer : undefined;
}

function ofWorkload(
  { index }: Mesh,
  workload: Workload,
  report: (origin: Origin, path: string, message: Message) => void,
): void {
  const name = `${workload.namespace}/${workload.name}`;
  const asking = index.authorizationPolicies.of(workload).filter((policy) => authorizerOf(policy) !== undefined);
  const authorizers = [...new Set(asking.flatMap((policy) => authorizerOf(policy) ?? []))].sort();
  for (const { origin } of asking) {
    if (authorizers.length > 1) report(origin, PROVIDER, findings.severalAuthorizers(name, authorizers));
    if (workload.proxy?.kind === "heddle") report(origin, PROVIDER, findings.authorizerNotAsked(name));
  }
  if (workload.proxy?.kind !== "heddle") return;
  for (const { origin, issuers } of index.requestAuthentications.of(workload))
    if (issuers.length > 0) report(origin, "spec.jwtRules", findings.tokensNotVerified(name));
}
