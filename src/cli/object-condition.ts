// Waiting for something of objects: what the control plane says of the object as it is now, never of the one before; or that it comes or goes.

import { EXIT, Failure } from "../base/failure.ts";
import { conditionsOf, hasMeshStatus } from "../control/status/condition.ts";
import { isJsonObject, type Json } from "../kube/json.ts";
import type { KubeObject, ObjectName } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { notFound } from "../kube/status.ts";
import { type Path, parsePath, valuesAt } from "./json-path.ts";
import { shownName } from "./kinds.ts";

export interface StatusCondition {
  readonly kind: "condition";
  /** Compared without case, as kubectl does. */
  readonly type: string;
  readonly status: string;
}

export type AwaitedCondition =
  | StatusCondition
  | { readonly kind: "creation" }
  | { readonly kind: "deletion" }
  /** `value` undefined: whatever stands there. */
  | { readonly kind: "field"; readonly path: Path; readonly written: string; readonly value: string | undefined };

export const PROGRAMMED: StatusCondition = { kind: "condition", type: "Programmed", status: "True" };

export interface AwaitedObject {
  readonly type: ResourceType;
  readonly name: ObjectName;
}

const POLL_MS = 100;

const NAMED: Readonly<Record<string, AwaitedCondition>> = {
  accepted: { kind: "condition", type: "Accepted", status: "True" },
  programmed: PROGRAMMED,
  distribution: PROGRAMMED,
  create: { kind: "creation" },
  delete: { kind: "deletion" },
};

/** `programmed`, which istioctl calls `distribution`, `accepted`, and kubectl's `condition=Conflicted=False`, `delete`, `jsonpath={.spec.hosts[0]}=web`. */
export function awaitedCondition(text: string): AwaitedCondition {
  const [, type, status = "True"] = /^condition=([^=\s]+)(?:=([^=\s]+))?$/.exec(text) ?? [];
  if (type !== undefined) return { kind: "condition", type, status };
  const [, path, value] = /^jsonpath=(\{.*\}|[^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (path !== undefined) return { kind: "field", path: parsePath(path), written: text, value };
  const known = Object.hasOwn(NAMED, text.toLowerCase()) ? NAMED[text.toLowerCase()] : undefined;
  if (known) return known;
  const hint = "--for=programmed, accepted, create, delete, condition=TYPE[=STATUS] or jsonpath='{PATH}'[=VALUE]";
  throw new Failure(`--for is no condition: ${JSON.stringify(text)}`, { hint, exit: EXIT.usage });
}

/** Whether the control plane writes conditions on objects of that kind. */
export function isJudged(type: ResourceType): boolean {
  return hasMeshStatus(type);
}

/** The object as it is now; undefined: it is not there. */
export type Find = (object: AwaitedObject) => Promise<KubeObject | undefined>;

/** Looking costs no more than a fifth of a core, however many files it takes. */
const REST = 4;

/** Resolves when it is met. Rejects when it cannot be any more, when the object is not there, and at `deadline` (of performance.now()). */
export async function awaitCondition(
  find: Find,
  awaited: AwaitedObject,
  wanted: AwaitedCondition,
  deadline: number,
): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    const said = pending(awaited, await find(awaited), wanted);
    if (said === undefined) return;
    const now = performance.now();
    if (now >= deadline) throw new Failure(`timed out waiting for ${said}`);
    await Bun.sleep(Math.max(POLL_MS, (now - startedAt) * REST));
  }
}

/** What is still waited for, and how it stands; undefined: it is met. Throws when it cannot be met any more. */
function pending(
  { type, name }: AwaitedObject,
  object: KubeObject | undefined,
  wanted: AwaitedCondition,
): string | undefined {
  const shown = shownName(type, name.name);
  if (wanted.kind === "deletion") return object && `the deletion of ${shown}: it is still there`;
  if (wanted.kind === "creation") return object ? undefined : `the creation of ${shown}: it is not there`;
  if (!object) throw notFound(type, name.name);
  return wanted.kind === "field" ? pendingField(shown, object, wanted) : pendingCondition(shown, object, wanted);
}

function pendingField(
  shown: string,
  object: KubeObject,
  { path, written, value }: Extract<AwaitedCondition, { kind: "field" }>,
): string | undefined {
  const found = valuesAt(path, object).map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  if (value === undefined ? found.length > 0 : found.includes(value)) return undefined;
  return `${written} of ${shown}: ${found.length > 0 ? `it is ${found.join(", ")}` : "there is no such field"}`;
}

function pendingCondition(shown: string, object: KubeObject, wanted: StatusCondition): string | undefined {
  const found = currentCondition(object, wanted.type);
  if (found && sameText(String(found.status), wanted.status)) return undefined;
  const rejected = wanted.status === "True" ? rejectionOf(object) : undefined;
  if (rejected !== undefined) throw new Failure(`${shown} was rejected: ${rejected}`, { exit: EXIT.data });
  const said = found
    ? `${found.type} is ${found.status}, ${found.reason}: ${found.message}`
    : `nothing is said of ${wanted.type} yet`;
  return `${wanted.type}=${wanted.status} of ${shown}: ${said}`;
}

/** Undefined as long as it is about an earlier version of the object. */
function currentCondition(object: KubeObject, type: string): Readonly<Record<string, Json>> | undefined {
  const found = conditionsOf(object).find(
    (condition) => isJsonObject(condition) && sameText(String(condition.type), type),
  );
  if (!isJsonObject(found)) return undefined;
  const { observedGeneration } = found;
  const isOld = typeof observedGeneration === "number" && observedGeneration < (object.metadata.generation ?? 0);
  return isOld ? undefined : found;
}

/** Why it was rejected; an object that is can be neither accepted nor programmed until somebody changes it. */
function rejectionOf(object: KubeObject): string | undefined {
  const accepted = currentCondition(object, "Accepted");
  return accepted?.status === "False" ? String(accepted.message) : undefined;
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
