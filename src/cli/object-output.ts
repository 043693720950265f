// Objects as `heddle get` writes them, and what it is asked for.

import { InvalidArgumentError, Option } from "commander";
import { stringify } from "yaml";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { parseTemplate, renderTemplate, type Template } from "./json-path.ts";
import { shownName } from "./kinds.ts";
import { columnsText, type ObjectColumn, parseColumns } from "./object-columns.ts";

/** Those that are a word. */
const WORDS = ["table", "wide", "json", "yaml", "name"] as const;
/** Those that say more behind `=`, as in kubectl. */
const WRITTEN = ["jsonpath=", "custom-columns="] as const;
const OUTPUTS: readonly string[] = [...WORDS, ...WRITTEN];

export type Output =
  | { readonly kind: (typeof WORDS)[number] }
  | { readonly kind: "jsonpath"; readonly template: Template }
  | { readonly kind: "columns"; readonly columns: readonly ObjectColumn[] };

export function outputOption(): Option {
  return new Option("-o, --output <form>", "jsonpath=TEMPLATE and custom-columns=HEADING:PATH,… as kubectl")
    .choices(OUTPUTS) // for the help and for shells
    .argParser(outputOf)
    .default({ kind: "table" } satisfies Output, "table");
}

/** Throws commander's InvalidArgumentError, or a Failure for what is wrong behind `=`. */
function outputOf(text: string): Output {
  const word = WORDS.find((one) => one === text);
  if (word) return { kind: word };
  const written = WRITTEN.find((one) => text.startsWith(one));
  const rest = text.slice(written?.length);
  if (written === "jsonpath=" && rest !== "") return { kind: "jsonpath", template: parseTemplate(templateOf(rest)) };
  if (written === "custom-columns=" && rest !== "") return { kind: "columns", columns: parseColumns(rest) };
  throw new InvalidArgumentError(`Allowed choices are ${OUTPUTS.join(", ")}.`);
}

/** As kubectl, a path without braces. */
function templateOf(text: string): string {
  return text.includes("{") ? text : `{${/^[.[$@]/.test(text) ? "" : "."}${text}}`;
}

/** `namespace` "" is all of them, `name` "" all objects. */
export interface Wanted {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly selector: string | undefined;
}

/** Without the record of who owns which field, which is longer than the object. */
export function readable(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Of one, `headings` false where others of them stand above. A table is the API's. */
export function objectText(type: ResourceType, object: KubeObject, output: Output, headings = true): string {
  const { metadata } = object;
  if (output.kind === "name") return shownName(type, metadata.name);
  if (output.kind === "columns") return columnsText(output.columns, [object], headings);
  return documentText(readable(object), output);
}

/** JSON, YAML or what a template makes of it. */
export function documentText(document: object, output: Output): string {
  if (output.kind === "jsonpath") return renderTemplate(output.template, document);
  return output.kind === "json" ? JSON.stringify(document, null, 2) : stringify(document).trimEnd();
}

export function isTable({ kind }: Output): boolean {
  return kind === "table" || kind === "wide";
}
