// Which workloads a policy of security is for, and how those of a workload are found.

import { file, SelectorIndex } from "./label-index.ts";
import type { Workload } from "./workload.ts";

/** Empty labels select every workload. Unlike those of server policies, scopes add up: each policy that a workload is in counts. */
export type WorkloadScope =
  | { readonly kind: "mesh"; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: "namespace"; readonly namespace: string; readonly labels: Readonly<Record<string, string>> }
  /** What is sent to a service, judged at a proxy in front of it: no sidecar applies it. */
  | {
      readonly kind: "services";
      readonly services: readonly { readonly namespace: string; readonly name: string }[];
    };

/** Finds the policies of a workload, in the order they were given, those of the mesh first. */
export class ScopeIndex<T extends { readonly scope: WorkloadScope }> {
  readonly #mesh: SelectorIndex<T>;
  readonly #byNamespace: ReadonlyMap<string, SelectorIndex<T>>;

  constructor(policies: readonly T[]) {
    const mesh: T[] = [];
    const byNamespace = new Map<string, T[]>();
    for (const policy of policies) {
      if (policy.scope.kind === "mesh") mesh.push(policy);
      else if (policy.scope.kind === "namespace") file(byNamespace, policy.scope.namespace, policy);
    }
    const index = (members: readonly T[]) =>
      new SelectorIndex(members, ({ scope }) => (scope.kind === "services" ? {} : scope.labels));
    this.#mesh = index(mesh);
    this.#byNamespace = new Map([...byNamespace].map(([namespace, members]) => [namespace, index(members)]));
  }

  of({ namespace, labels }: Pick<Workload, "namespace" | "labels">): readonly T[] {
    return [...this.#mesh.matching(labels), ...(this.#byNamespace.get(namespace)?.matching(labels) ?? [])];
  }
}
