// What `heddle get` is asked for, in kubectl's forms: `vs`, `vs web api`, `vs,dr`, `vs/web dr/web`.

import { EXIT, Failure } from "../base/failure.ts";
import type { ResourceType } from "../kube/resources.ts";
import { kindNamed } from "./kinds.ts";

export interface Target {
  readonly type: ResourceType;
  /** None: all of the kind. */
  readonly names: readonly string[];
}

/** One for each kind, in the order in which they are first named. */
export function targetsOf(first: string, others: readonly string[]): readonly Target[] {
  const all = [first, ...others];
  if (all.some((text) => text.includes("/"))) return together(all.map(pair));
  return together(
    first
      .split(",")
      .filter((kind) => kind !== "")
      .map((kind) => ({ type: kindNamed(kind), names: others })),
  );
}

function pair(text: string): Target {
  const [kind = "", name = "", ...rest] = text.split("/");
  if (kind !== "" && name !== "" && rest.length === 0) return { type: kindNamed(kind), names: [name] };
  throw new Failure(`not KIND/NAME, as the others are: ${JSON.stringify(text)}`, {
    hint: "vs/web dr/web, or vs web",
    exit: EXIT.usage,
  });
}

function together(targets: readonly Target[]): readonly Target[] {
  if (targets.length === 0) throw new Failure("no kind is named", { hint: "heddle get vs,dr", exit: EXIT.usage });
  return [...Map.groupBy(targets, ({ type }) => type)].map(([type, members]) => ({
    type,
    names: [...new Set(members.flatMap(({ names }) => names))],
  }));
}
