// The reference as Markdown.

import { DIFFERENCES, NO_EFFECT } from "./notes.ts";
import type { Verdict } from "./probe.ts";
import type { FieldReference, MessageReference } from "./reference.ts";

export interface ResourceReference {
  readonly title: string;
  readonly messages: readonly MessageReference[];
}

const INTRODUCTION = `# What Heddle's proxy takes of xDS

Written by \`npm run generate\`, which asks the proxy's own acceptance functions about each field; \`npm run check\` fails when this page says otherwise than they do.

- A **field** of a table is taken. With *no effect* it may be there, and nothing comes of it: the note says why.
- What is **refused** makes the whole resource be refused (NACK), by the path of the field. What was in force stays in force.
- An Any is taken with the listed messages alone. A message stands with the resource that it is met in first.
- Values of \`google.protobuf\` are what they are everywhere: durations, structs, wrappers.
`;

function anchor(typeName: string): string {
  return typeName.toLowerCase().replaceAll(".", "");
}

function shortName(typeName: string): string {
  return typeName.replace(/^envoy\.(?:config|extensions|type)\./, "");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** Of the field, or of all fields of its name. */
function noteFor(typeName: string, { name, verdict }: FieldReference): string | undefined {
  const notes = verdict === "no-effect" ? NO_EFFECT : DIFFERENCES;
  return notes[`${typeName}.${name}`] ?? notes[`*.${name}`];
}

function noteOf(typeName: string, field: FieldReference): string {
  const { verdict, extensions, refusedValues, deprecated } = field;
  const note = noteFor(typeName, field);
  const notes = [
    ...(deprecated ? ["deprecated"] : []),
    ...(verdict === "no-effect" ? ["*no effect*"] : []),
    ...(note === undefined ? [] : [note]),
    ...(refusedValues.length > 0 ? [`refused: ${refusedValues.map((value) => `\`${value}\``).join(", ")}`] : []),
    ...(extensions.length > 0 ? [extensions.map((type) => `[${shortName(type)}](#${anchor(type)})`).join(", ")] : []),
  ];
  return notes.join("; ");
}

function message({ typeName, fields }: MessageReference): string {
  const taken = fields.filter(({ verdict }) => verdict !== "refused");
  const refused = fields.filter(({ verdict }) => verdict === "refused");
  const rows = taken.map((field) => `| \`${field.name}\` | ${field.type} | ${cell(noteOf(typeName, field))} |`);
  const table = rows.length === 0 ? [] : ["| field | type | notes |", "|---|---|---|", ...rows, ""];
  const rest = refused.length === 0 ? [] : [`Refused: ${refused.map(({ name }) => `\`${name}\``).join(", ")}.`, ""];
  const empty = fields.length === 0 ? ["It has no fields.", ""] : [];
  return [`### ${typeName}`, "", ...table, ...rest, ...empty].join("\n");
}

export function render(resources: readonly ResourceReference[]): string {
  const contents = resources.map(
    ({ title, messages }) => `- [${title}](#${title.toLowerCase().replaceAll(" ", "-")}): ${messages.length} messages`,
  );
  const sections = resources.map(({ title, messages }) => [`## ${title}`, "", ...messages.map(message)].join("\n"));
  return `${[INTRODUCTION, ...contents, "", ...sections].join("\n").trimEnd()}\n`;
}

/** Notes that are not of a field with that verdict: each would mislead. */
export function staleNotes(resources: readonly ResourceReference[]): readonly string[] {
  const named = (wanted: Verdict) =>
    new Set(
      resources.flatMap(({ messages }) =>
        messages.flatMap(({ typeName, fields }) =>
          fields
            .filter(({ verdict }) => verdict === wanted)
            .flatMap(({ name }) => [`${typeName}.${name}`, `*.${name}`]),
        ),
      ),
    );
  const ignored = named("no-effect");
  const taken = named("taken");
  return [
    ...Object.keys(NO_EFFECT).filter((name) => !ignored.has(name)),
    ...Object.keys(DIFFERENCES).filter((name) => !taken.has(name)),
  ];
}

/** Fields that are taken without effect, and no note says why. */
export function unexplained(resources: readonly ResourceReference[]): readonly string[] {
  return resources.flatMap(({ messages }) =>
    messages.flatMap(({ typeName, fields }) =>
      fields
        .filter((field) => field.verdict === "no-effect" && noteFor(typeName, field) === undefined)
        .map(({ name }) => `${typeName}.${name}`),
    ),
  );
}
