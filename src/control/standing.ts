// What stands for a workload off Kubernetes: its Pod, or the WorkloadEntry of one that registered by a WorkloadGroup. Which of them is found by
// looking: an instance has one name.

import { HEALTHY } from "../dialect/istio/workload-entry.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { isJsonObject } from "../kube/json.ts";
import type { KubeObject, ObjectName } from "../kube/object.ts";
import { type ResourceType, resource } from "../kube/resources.ts";

/** Marks objects that were registered: they are ours to take away. Kubernetes' own Pods never are. */
export const REGISTERED_BY = "heddle.dev/registered-by";

export interface Standing {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

const TYPES = [resource.pods, resource.workloadEntries];

export async function standingFor(client: KubeClient, name: ObjectName): Promise<Standing | undefined> {
  for (const type of TYPES) {
    const object = await client.get(type, name);
    if (object) return { type, object };
  }
  return undefined;
}

export async function everyStanding(client: KubeClient): Promise<readonly Standing[]> {
  const lists = await Promise.all(TYPES.map(async (type) => ({ type, found: await client.list(type, {}) })));
  return lists.flatMap(({ type, found }) => found.objects.map((object) => ({ type, object })));
}

export function isRegistered({ object }: Standing): boolean {
  return object.metadata.annotations?.[REGISTERED_BY] !== undefined;
}

/** The service account that it runs as. */
export function accountOf({ type, object: { spec } }: Standing): string {
  const account = isJsonObject(spec)
    ? spec[type === resource.pods ? "serviceAccountName" : "serviceAccount"]
    : undefined;
  return typeof account === "string" && account !== "" ? account : "default";
}

/** The condition that says whether it is to be sent requests: Kubernetes' of a Pod, Istio's of a WorkloadEntry. */
export function readinessCondition(type: ResourceType): string {
  return type === resource.pods ? "Ready" : HEALTHY;
}

/** Whether its status says so, whoever wrote it. */
export function conditionIs(
  { type, object: { status } }: Standing,
  wanted: { readonly status: "True" | "False"; readonly reason: string | undefined },
): boolean {
  if (!isJsonObject(status) || !Array.isArray(status.conditions)) return false;
  const name = readinessCondition(type);
  return status.conditions.some(
    (condition) =>
      isJsonObject(condition) &&
      condition.type === name &&
      condition.status === wanted.status &&
      condition.reason === wanted.reason,
  );
}
