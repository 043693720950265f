// Label and field selectors: which objects a list, a watch or a deletion is about.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

import { valueAt } from "./json.ts";
import { labelValue, qualifiedName } from "./names.ts";
import type { KubeObject } from "./object.ts";

export type LabelRequirement =
  | { readonly kind: "in" | "notin"; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: "exists" | "absent"; readonly key: string }
  | { readonly kind: "above" | "below"; readonly key: string; readonly bound: number };

export interface FieldRequirement {
  readonly path: string;
  readonly value: string;
  readonly equal: boolean;
}

/** All requirements must hold; none selects everything. */
export interface Selector {
  readonly labels: readonly LabelRequirement[];
  readonly fields: readonly FieldRequirement[];
}

export type ParsedSelector<T> =
  | { readonly kind: "ok"; readonly value: readonly T[] }
  | { readonly kind: "error"; readonly message: string };

/** Splits at the commas that are not inside parentheses. */
function splitRequirements(text: string): readonly string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function valueProblem(key: string, values: readonly string[]): string | undefined {
  const keyProblem = qualifiedName(key)[0];
  if (keyProblem !== undefined) return `key: Invalid value: ${JSON.stringify(key)}: ${keyProblem}`;
  for (const value of values) {
    const problem = labelValue(value)[0];
    if (problem !== undefined) return `values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`;
  }
  return undefined;
}

function labelRequirement(text: string): LabelRequirement | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set)
    return { kind: set[2] as "in" | "notin", key: set[1]!, values: set[3]!.split(",").map((value) => value.trim()) };
  const comparison = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*([^\s=!<>]*)$/.exec(text);
  if (comparison) {
    const [, key, operator, value] = comparison as unknown as [string, string, string, string];
    if (operator === "!=") return { kind: "notin", key, values: [value] };
    if (operator === "=" || operator === "==") return { kind: "in", key, values: [value] };
    return /^-?\d+$/.test(value)
      ? { kind: operator === ">" ? "above" : "below", key, bound: Number(value) }
      : undefined;
  }
  const existence = /^(!?)\s*([^\s=!<>(),]+)$/.exec(text);
  return existence ? { kind: existence[1] === "!" ? "absent" : "exists", key: existence[2]! } : undefined;
}

/** Parses `app=web,tier in (a, b),!legacy,size>3`; the error is a sentence for the person who wrote it. */
export function parseLabelSelector(text: string): ParsedSelector<LabelRequirement> {
  if (text.trim() === "") return { kind: "ok", value: [] };
  const value: LabelRequirement[] = [];
  for (const part of splitRequirements(text)) {
    const requirement = labelRequirement(part);
    if (!requirement) return { kind: "error", message: `unable to parse requirement: ${JSON.stringify(part)}` };
    const problem = valueProblem(requirement.key, "values" in requirement ? requirement.values : []);
    if (problem !== undefined) return { kind: "error", message: `unable to parse requirement: ${problem}` };
    value.push(requirement);
  }
  return { kind: "ok", value };
}

/** Parses `metadata.name=web,status.phase!=Failed`. Every kind has the two metadata fields; `selectable` names the others. */
export function parseFieldSelector(text: string, selectable: readonly string[]): ParsedSelector<FieldRequirement> {
  const value: FieldRequirement[] = [];
  for (const part of text.split(/(?<!\\),/).filter((requirement) => requirement !== "")) {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    if (!match) return { kind: "error", message: `invalid selector: '${part}'; can't understand '${part}'` };
    const [, path, operator, wanted] = match as unknown as [string, string, string, string];
    if (path !== "metadata.name" && path !== "metadata.namespace" && !selectable.includes(path)) {
      return { kind: "error", message: `field label not supported: ${path}` };
    }
    value.push({ path, value: wanted.replaceAll(/\\([\\,=])/g, "$1"), equal: operator !== "!=" });
  }
  return { kind: "ok", value };
}

function labelHolds(labels: Readonly<Record<string, string>>, requirement: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.kind) {
    case "in":
      return value !== undefined && requirement.values.includes(value);
    case "notin":
      return value === undefined || !requirement.values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "above":
    case "below": {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      return requirement.kind === "above" ? Number(value) > requirement.bound : Number(value) < requirement.bound;
    }
  }
}

function fieldHolds(object: KubeObject, { path, value, equal }: FieldRequirement): boolean {
  const found = valueAt(object, path);
  return (String(found ?? "") === value) === equal;
}

/** Whether all requirements hold for the object. */
export function matches(object: KubeObject, selector: Selector): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    selector.labels.every((requirement) => labelHolds(labels, requirement)) &&
    selector.fields.every((requirement) => fieldHolds(object, requirement))
  );
}

/** Whether there is no requirement. */
export function selectsEverything(selector: Selector): boolean {
  return selector.labels.length === 0 && selector.fields.length === 0;
}
