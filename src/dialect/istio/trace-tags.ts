// Tags that spans get, as Telemetry and the mesh's settings write them.

import type { TraceTag } from "../../model/telemetry.ts";
import { emptyValue } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { checkOperators } from "./log-settings.ts";
import { tagOfNoKind } from "./telemetry-diagnostics.ts";
import type { CustomTagSpec } from "./telemetry-schema.ts";

/** Sorted by name. */
export function readTags(
  specs: Readonly<Record<string, CustomTagSpec>>,
  path: string,
  reporter: Reporter,
): Readonly<Record<string, TraceTag>> {
  const tags = Object.entries(specs).flatMap(([name, spec]): (readonly [string, TraceTag])[] => {
    const at = joinPath(path, name);
    if (name === "") reporter.report(at, emptyValue("the name of a tag"));
    const tag = tagOf(spec);
    if (tag?.kind === "format") checkOperators(tag.format, joinPath(joinPath(at, "formatter"), "value"), reporter);
    if (!tag) reporter.report(at, tagOfNoKind(name));
    return tag ? [[name, tag]] : [];
  });
  return Object.fromEntries(tags.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function tagOf({ literal, environment, header, formatter }: CustomTagSpec): TraceTag | undefined {
  if (literal) return { kind: "literal", value: literal.value };
  if (environment) return { kind: "environment", name: environment.name, byDefault: environment.defaultValue };
  if (header) return { kind: "header", name: header.name.toLowerCase(), byDefault: header.defaultValue };
  return formatter && { kind: "format", format: formatter.value };
}
