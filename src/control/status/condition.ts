// Conditions by Kubernetes' conventions, and how those of the control plane stand among others'.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties

import { isJsonObject, type Json } from "../../kube/json.ts";

/** Types of the conditions that the control plane writes on every object of the mesh. `Reconciled` says what Istio's does, in its words. */
export const OBJECT_CONDITIONS = ["Accepted", "Programmed", "Reconciled", "Conflicted"] as const;
export type ObjectCondition = (typeof OBJECT_CONDITIONS)[number];

export interface Condition {
  readonly type: ObjectCondition;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** metadata.generation of the object that it is about; undefined for an object that counts none. */
  readonly observedGeneration: number | undefined;
}

/** Kinds whose objects get a status: Istio's. Kubernetes' own are others' to report on. */
export function hasMeshStatus({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  // The conditions of a WorkloadEntry are written whole by whoever looks after its health.
  return group.endsWith(".istio.io") && kind !== "WorkloadEntry";
}

/** All conditions of an object as the API gives it, whoever wrote them. */
export function conditionsOf(value: unknown): readonly Json[] {
  const status = isJsonObject(value) ? value.status : undefined;
  return isJsonObject(status) && Array.isArray(status.conditions) ? status.conditions : [];
}

/** Whether it is one of ours. */
export function isObjectCondition(condition: Json): boolean {
  return isJsonObject(condition) && OBJECT_CONDITIONS.some((type) => type === condition.type);
}

/**
 * How urgent a change is. Somebody waits for `fact`: that the object as it is now was looked at, that it is programmed at last, that a proxy refuses it. `count`: on
 * how many proxies it is, and that it is no longer on all of them because others came.
 */
export type Urgency = "none" | "count" | "fact";

export function urgencyOf(present: readonly Json[], wanted: readonly Condition[]): Urgency {
  let urgency: Urgency = "none";
  for (const condition of wanted) {
    const found = present.find((other) => isJsonObject(other) && other.type === condition.type);
    if (!isJsonObject(found) || found.observedGeneration !== condition.observedGeneration) return "fact";
    const { status, reason, message } = condition;
    if (found.status === status && found.reason === reason && found.message === message) continue;
    if (!isCount(condition) || (found.status !== status && status === "True")) return "fact";
    if (found.reason !== reason && !MOVING.has(reason)) return "fact";
    urgency = "count";
  }
  return urgency;
}

/** What becomes of `Programmed` by proxies that come, go and acknowledge. */
const MOVING: ReadonlySet<string> = new Set(["NoProxies", "Pending", "Programmed"]);

function isCount({ type }: Condition): boolean {
  return type === "Programmed" || type === "Reconciled";
}

/** What is to be written: others' stay as they are and where they are, and a time stays while the status does. */
export function merged(present: readonly Json[], wanted: readonly Condition[], now: string): readonly Json[] {
  const written = wanted.map((condition) => {
    const before = present.find((other) => isJsonObject(other) && other.type === condition.type);
    const isSame = isJsonObject(before) && before.status === condition.status;
    const { observedGeneration, ...fields } = condition;
    const lastTransitionTime = isSame ? (before.lastTransitionTime ?? now) : now;
    return { ...fields, ...(observedGeneration === undefined ? {} : { observedGeneration }), lastTransitionTime };
  });
  return [...present.filter((condition) => !isObjectCondition(condition)), ...written];
}
