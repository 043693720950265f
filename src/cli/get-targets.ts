// What `heddle get` is asked for, in kubectl's forms: `vs`, `vs web api`, `vs,dr`, `vs/web dr/web`, `all`.

import { EXIT, Failure } from "../base/failure.ts";
import type { ResourceType } from "../kube/resources.ts";
import { categoryNamed, kindNamed } from "./kinds.ts";

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
      .flatMap((kind) => namedKinds(kind, others)),
  );
}

function namedKinds(text: string, names: readonly string[]): readonly Target[] {
  const category = categoryNamed(text);
  if (!category) return [{ type: kindNamed(text), names }];
  if (names.length === 0) return category.map((type) => ({ type, names }));
  const hint = `heddle get ${text}, or heddle get KIND ${names.join(" ")}`;
  throw new Failure(`${text} is several kinds, and takes no name`, { hint, exit: EXIT.usage });
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
