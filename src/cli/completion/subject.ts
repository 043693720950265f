// What a value or an argument names, by the word that stands for it in the help: `<kind>`, `--namespace <name>`.

import type { Argument, Option } from "commander";
import { kindNamed } from "../kinds.ts";

export type Subject =
  | { readonly kind: "choices"; readonly choices: readonly string[] }
  | { readonly kind: "files" }
  /** `categories`: of several kinds, too. */
  | { readonly kind: "kinds"; readonly categories?: true }
  | { readonly kind: "namespaces" }
  /** Of a kind as people write it; `qualified` as `namespace/name`. */
  | { readonly kind: "objects"; readonly of: string; readonly qualified: boolean }
  /** Something that only its writer knows. */
  | { readonly kind: "free" };

const FREE: Subject = { kind: "free" };
const FILES: Subject = { kind: "files" };
const PODS: Subject = { kind: "objects", of: "pods", qualified: true };

const BY_PLACEHOLDER: Readonly<Record<string, Subject>> = {
  file: FILES,
  files: FILES,
  folder: FILES,
  command: FILES,
  kind: { kind: "kinds" },
  kinds: { kind: "kinds", categories: true },
  objects: { kind: "kinds" },
  workload: PODS,
  proxy: PODS,
  "namespace/workload": PODS,
  "namespace/name": PODS,
};

/** Of `heddle describe`: what owns Pods is called by their names. */
const POD_KINDS: readonly string[] = ["pod", "workload"];

/** Options of the same placeholder `<name>` that name different things. */
const BY_OPTION: Readonly<Record<string, Subject>> = {
  "--namespace": { kind: "namespaces" },
  "--for": { kind: "choices", choices: ["programmed", "accepted", "create", "delete", "condition=", "jsonpath="] },
  "--gateway": { kind: "objects", of: "gateways", qualified: false },
  "--service-account": { kind: "objects", of: "serviceaccounts", qualified: false },
  "--group": { kind: "objects", of: "workloadgroups", qualified: true },
};

export function subjectOfOption({ argChoices, flags, long }: Option): Subject {
  if (argChoices) return { kind: "choices", choices: argChoices };
  const placeholder = /[<[]([^\]>]+?)(?:\.\.\.)?[\]>]/.exec(flags)?.[1] ?? "";
  return BY_OPTION[long ?? ""] ?? BY_PLACEHOLDER[placeholder] ?? FREE;
}

/** What stands behind a kind: one of its objects. */
export function subjectOfName(kind: string): Subject {
  return { kind: "objects", of: POD_KINDS.includes(kind) ? "pods" : kind, qualified: false };
}

/** `before`: the arguments in front of it. A name behind a kind is one of that kind's; a word with `/` among them makes all of them KIND/NAME. */
export function subjectOfArgument(argument: Argument, before: readonly string[]): Subject {
  if (argument.argChoices) return { kind: "choices", choices: argument.argChoices };
  const [kind] = before;
  if ((argument.name() === "name" || argument.name() === "objects") && kind !== undefined)
    return kind.includes("/") ? { kind: "kinds" } : subjectOfName(kind);
  return BY_PLACEHOLDER[argument.name()] ?? FREE;
}

/** Undefined: no kind is called so, and none of its objects can be named. */
export function typeOf(kind: string): ReturnType<typeof kindNamed> | undefined {
  try {
    return kindNamed(kind);
  } catch {
    return undefined;
  }
}
