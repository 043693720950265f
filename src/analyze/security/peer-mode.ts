// Which mutual TLS the workloads that a policy is for demand, by PeerAuthentications alone: the workloads need not run yet.

import { labelsMatch } from "../../model/workload.ts";
import { kinds } from "../kinds.ts";
import type { World } from "../world.ts";

/** The workloads' policy, the namespace's, the mesh's; undefined when none says. */
export function peerMode(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  world: World,
): string | undefined {
  const policies = world.views(kinds.peerAuthentication).map((view) => ({
    namespace: view.namespace,
    labels: view.value.spec?.selector?.matchLabels ?? {},
    mode: view.value.spec?.mtls?.mode,
  }));
  const saying = policies.filter(({ mode }) => mode !== undefined && mode !== "UNSET");
  const isWide = (policy: { readonly labels: object }): boolean => Object.keys(policy.labels).length === 0;
  return (
    saying.find((policy) => policy.namespace === namespace && !isWide(policy) && labelsMatch(policy.labels, labels)) ??
    saying.find((policy) => policy.namespace === namespace && isWide(policy)) ??
    saying.find((policy) => world.isRoot(policy.namespace) && isWide(policy))
  )?.mode;
}
