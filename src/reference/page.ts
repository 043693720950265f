// The reference page of a kind: every field by its record, as a table.

import { MESH_CONFIG } from "../dialect/istio/mesh-config-schema.ts";
import type { ChoiceSchema, Fields, Format, NumberSchema, RecordSchema, Schema } from "../dialect/schema.ts";
import { joinApiVersion } from "../kube/object.ts";
import { partOf, type ReferenceKind } from "./kinds.ts";
import { SETTINGS_ABOUT, SETTINGS_EXAMPLE, settingsWords } from "./settings.ts";
import type { FieldWords, WordsByPath } from "./words.ts";

const FORMATS: Readonly<Record<Format, string>> = {
  address: "IP address",
  base64: "base64",
  cidr: "IP address or CIDR",
  "dns-label": "name of letters, digits and -",
  "header-name": "header name",
  "header-word": "header name of letters, digits, - and _",
  host: "host",
  "host-or-address": "host or IP address",
  "label-value": "label value",
  regex: "RE2",
  "regex-or-any": "RE2, or *",
  "wildcard-host": "host, *.host or *",
};

export function pageName({ type }: ReferenceKind): string {
  return `${type.kind.toLowerCase()}.md`;
}

export function page(kind: ReferenceKind): string {
  const { type, about, proxies, example } = kind;
  const short = type.shortNames.filter((name) => name !== type.singular);
  const names = [type.plural, ...short].map((name) => `\`${name}\``).join(", ");
  const versions = type.versions.map((version) => `\`${joinApiVersion(type.group, version)}\``).join(", ");
  const spec = partOf(kind, "spec");
  const status = partOf(kind, "status");
  const tables = new Tables(kind.words);
  return [
    `# ${type.kind}`,
    `<!-- Written by npm run generate from the tables of src/dialect and the words of src/reference. -->`,
    `${about}. ${proxies}`,
    `${versions}; ${names}. All versions mean the same. JSON schema: [${type.kind.toLowerCase()}.json](../../deploy/schemas/${type.kind.toLowerCase()}.json), or \`heddle schema ${type.singular}\`.`,
    `\`\`\`yaml\n${example}\`\`\``,
    ...(spec ? tables.of(spec, "spec", ["spec"]) : []),
    ...(status && Object.keys(status.fields).length > 0 ? tables.of(status, "status", ["status"]) : []),
  ]
    .join("\n\n")
    .concat("\n");
}

/** MeshConfig's page. */
export function settingsPage(): string {
  const tables = new Tables(settingsWords);
  return [
    "# MeshConfig",
    "<!-- Written by npm run generate from the tables of src/dialect and the words of src/reference. -->",
    `${SETTINGS_ABOUT}. Where it is written, and what each field has an effect on, is in [mesh-config.md](../mesh-config.md). JSON schema: [meshconfig.json](../../deploy/schemas/meshconfig.json), or \`heddle schema meshconfig\`.`,
    `\`\`\`yaml\n${SETTINGS_EXAMPLE}\`\`\``,
    ...tables.of(MESH_CONFIG, "MeshConfig", []),
  ]
    .join("\n\n")
    .concat("\n");
}

export function index(kinds: readonly ReferenceKind[]): string {
  const rows = kinds.map((kind) => `| [${kind.type.kind}](${pageName(kind)}) | ${kind.type.group} | ${kind.about} |`);
  return `# Reference

<!-- Written by npm run generate. -->

Every kind that Heddle reads beside Kubernetes' own, with every field: its type, what holds without it, and what it does. Both of the proxies do it, Heddle's and
Envoy, unless the field says otherwise. *Not acted on* means that the field is taken, named in a warning (HED1108), and kept.

Names may be written in camel case or as protobuf has them (\`perTryTimeout\`, \`per_try_timeout\`); a cluster's API server keeps camel case alone. Durations are Go's: \`1.5s\`, \`1m30s\`.

| kind | group | what it says |
|---|---|---|
${rows.join("\n")}
| [MeshConfig](meshconfig.md) | | ${SETTINGS_ABOUT} |

- [deploy/crds](../../deploy/crds) has the definitions for a cluster: \`kubectl apply --server-side -f deploy/crds\`, or \`heddle schema --crd | kubectl apply --server-side -f -\`. They have Istio's names, versions and
  columns, and take the place of Istio's own: objects stay (\`--force-conflicts\` where another tool applied those).
- [deploy/schemas](../../deploy/schemas) has JSON schemas for editors. With yaml-language-server: \`# yaml-language-server: $schema=deploy/schemas/all.json\` at the top of a file, or
  \`heddle schema > heddle.json\` and that in the editor's settings. It takes objects of other kinds as they are.
`;
}

/** A table for each record on the way; one that stands at several places is shown at the first. */
class Tables {
  readonly #words: WordsByPath;
  readonly #shown = new Map<Fields, string>();

  constructor(words: WordsByPath) {
    this.#words = words;
  }

  of(record: RecordSchema, title: string, path: readonly string[]): readonly string[] {
    this.#shown.set(record.fields, title);
    const rows: string[] = [];
    const below: { readonly record: RecordSchema; readonly title: string; readonly path: readonly string[] }[] = [];
    for (const [name, field] of Object.entries(record.fields)) {
      const at = [...path, name];
      const { inner, mark } = insideOf(field);
      const innerTitle = `${title}.${name}${mark}`;
      const known = inner && this.#shown.get(inner.fields);
      if (inner && known === undefined && Object.keys(inner.fields).length > 0) {
        this.#shown.set(inner.fields, innerTitle);
        below.push({ record: inner, title: innerTitle, path: at });
      }
      const link = inner && Object.keys(inner.fields).length > 0 ? anchor(known ?? innerTitle) : undefined;
      rows.push(row(name, field, this.#words(at), link));
    }
    const groups = (record.exclusive ?? []).map(
      (group) => `At most one of ${group.map((name) => `\`${name}\``).join(", ")}.`,
    );
    const table = ["| field | type | default | |", "|---|---|---|---|", ...rows].join("\n");
    return [
      `## \`${title}\``,
      table,
      ...(groups.length > 0 ? [groups.join(" ")] : []),
      ...below.flatMap((next) => this.of(next.record, next.title, next.path)),
    ];
  }
}

/** The record that a field holds, by itself or in lists and maps. */
function insideOf(schema: Schema): { readonly inner?: RecordSchema; readonly mark: string } {
  switch (schema.type) {
    case "record":
      return { inner: schema, mark: "" };
    case "list": {
      const { inner, mark } = insideOf(schema.items);
      return { ...(inner ? { inner } : {}), mark: `[]${mark}` };
    }
    case "map": {
      const { inner, mark } = insideOf(schema.values);
      return { ...(inner ? { inner } : {}), mark: `{}${mark}` };
    }
    default:
      return { mark: "" };
  }
}

/** GitHub's anchor of a title: letters, digits and hyphens are left. */
function anchor(title: string): string {
  return `#${title.toLowerCase().replace(/[^a-z0-9-]/g, "")}`;
}

function row(name: string, field: Schema, words: FieldWords | undefined, link: string | undefined): string {
  const notes = [
    ...(words ? [words.says] : []),
    ...(field.type === "later" ? [`*Not acted on*: ${field.instead}`] : []),
    ...(words?.deprecated === undefined ? [] : [`*Deprecated*: ${words.deprecated}`]),
    ...(words?.heddle === undefined ? [] : [`Heddle's proxy: ${words.heddle}`]),
    ...(words?.envoy === undefined ? [] : [`Envoy: ${words.envoy}`]),
  ];
  const type = link === undefined ? typeOf(field) : `[${typeOf(field)}](${link})`;
  const otherwise = field.required ? "*required*" : (words?.default ?? "");
  return `| \`${name}\` | ${cell(type)} | ${cell(otherwise)} | ${cell(notes.join(". "))} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("*.", "\\*.");
}

function upTo(most: number | undefined): string {
  return most === undefined ? "" : `, ${most} characters at most`;
}

function typeOf(schema: Schema): string {
  switch (schema.type) {
    case "text":
      return `${schema.format ? FORMATS[schema.format] : "text"}${schema.notEmpty && !schema.format ? ", not empty" : ""}${upTo(schema.most)}`;
    case "choice":
      return choices(schema);
    case "duration":
      return schema.minMs === 1
        ? "duration"
        : `duration, ${schema.minMs === 0 ? "0s too" : `at least ${schema.minMs}ms`}`;
    case "whole":
    case "number":
      return range(schema);
    case "flag":
      return "true or false";
    case "port-or-name":
      return "port or its name";
    case "list":
      return `list of ${typeOf(schema.items)}`;
    case "map":
      return `map to ${typeOf(schema.values)}`;
    case "record":
      return schema.open && Object.keys(schema.fields).length === 0 ? "any object" : "object";
    case "later":
      return "any";
  }
}

/** More than these are named by what they are of. */
const MAX_CHOICES = 12;

function choices({ choices: all }: ChoiceSchema): string {
  const shown = all.slice(0, MAX_CHOICES).map((one) => `\`${one}\``);
  return [...shown, ...(all.length > MAX_CHOICES ? [`and ${all.length - MAX_CHOICES} more`] : [])].join(", ");
}

function range({ type, min, max }: NumberSchema): string {
  const what = type === "whole" ? "whole number" : "number";
  if (min === 1 && max === 65_535) return "port number";
  return max >= 2 ** 31 - 1 ? `${what}, ${min} or more` : `${what}, ${min} to ${max}`;
}
