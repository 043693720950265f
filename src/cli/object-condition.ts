// Waiting for a condition of objects: what the control plane says of the object as it is now, never of the one before.

import { EXIT, Failure } from "../base/failure.ts";
import { conditionsOf, hasMeshStatus } from "../control/status/condition.ts";
import { isJsonObject, type Json } from "../kube/json.ts";
import type { KubeObject, ObjectName } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { notFound } from "../kube/status.ts";
import { shownName } from "./kinds.ts";

export interface AwaitedCondition {
  /** Compared without case, as kubectl does. */
  readonly type: string;
  readonly status: string;
}

export interface AwaitedObject {
  readonly type: ResourceType;
  readonly name: ObjectName;
}

const POLL_MS = 100;

/** `programmed`, which istioctl calls `distribution`, `accepted`, `condition=Conflicted=False`. */
export function awaitedCondition(text: string): AwaitedCondition {
  const [, named, status = "True"] = /^condition=([^=\s]+)(?:=([^=\s]+))?$/.exec(text) ?? [];
  const type =
    named ?? { accepted: "Accepted", programmed: "Programmed", distribution: "Programmed" }[text.toLowerCase()];
  if (type !== undefined) return { type, status };
  const hint = "--for=programmed, --for=accepted or --for=condition=TYPE[=STATUS]";
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
  { type, name }: AwaitedObject,
  wanted: AwaitedCondition,
  deadline: number,
): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    const object = await find({ type, name });
    if (!object) throw notFound(type, name.name);
    const found = currentCondition(object, wanted.type);
    if (found && sameText(String(found.status), wanted.status)) return;
    const rejected = wanted.status === "True" ? rejectionOf(object) : undefined;
    if (rejected !== undefined)
      throw new Failure(`${shownName(type, name.name)} was rejected: ${rejected}`, { exit: EXIT.data });
    const now = performance.now();
    if (now >= deadline) throw timedOut(type, name, wanted, found);
    await Bun.sleep(Math.max(POLL_MS, (now - startedAt) * REST));
  }
}

function timedOut(
  type: ResourceType,
  { name }: ObjectName,
  wanted: AwaitedCondition,
  found: ReturnType<typeof currentCondition>,
): Failure {
  const said = found
    ? `${found.type} is ${found.status}, ${found.reason}: ${found.message}`
    : `nothing is said of ${wanted.type} yet`;
  return new Failure(`timed out waiting for ${wanted.type}=${wanted.status} of ${shownName(type, name)}: ${said}`);
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
