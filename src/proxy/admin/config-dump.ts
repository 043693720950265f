// `/config_dump`: envoy.admin.v3.ConfigDump as Envoy writes it, one resource decoded and written at a time.

import { RE2JS } from "re2js";
import { json, streamed, text } from "./answer.ts";
import { bootstrapSection, type Section, type SectionItem } from "./config-section.ts";
import {
  clustersSection,
  endpointsSection,
  listenersSection,
  routesSection,
  secretsSection,
} from "./config-sections.ts";
import { applyMask, type MaskTree, maskFits, parseMask } from "./field-mask.ts";
import type { AdminState } from "./state.ts";

const TYPE_URL = "type.googleapis.com/envoy.admin.v3.";
const CONTENT_TYPE = "application/json";

interface Selection {
  readonly mask: MaskTree | undefined;
  readonly matches: (name: string) => boolean;
}

function sectionsOf(state: AdminState, includeEds: boolean): readonly Section[] {
  return [
    bootstrapSection(state),
    clustersSection(state),
    ...(includeEds ? [endpointsSection(state)] : []),
    listenersSection(state),
    routesSection(state),
    secretsSection(state),
  ];
}

function* written(item: SectionItem, mask: MaskTree | undefined, type: string | undefined): Generator<string> {
  const content = mask ? applyMask(item.json(), mask) : item.json();
  yield JSON.stringify(type === undefined ? content : { "@type": type, ...content }, null, 1);
}

function* list(items: Iterable<SectionItem>, selection: Selection, mask: MaskTree | undefined): Generator<string> {
  let first = true;
  for (const item of items) {
    if (!selection.matches(item.name)) continue;
    if (!first) yield ",\n";
    first = false;
    yield* written(item, mask, undefined);
  }
}

/** `"field": […]` for each field that has an element; nothing for the others, as protobuf's JSON leaves empty lists out. */
function* sectionBody({ fields, lists }: Section, selection: Selection): Generator<string> {
  const { mask } = selection;
  const plain = mask ? applyMask(fields(), mask) : fields();
  for (const [name, value] of Object.entries(plain))
    yield `,\n${JSON.stringify(name)}: ${JSON.stringify(value, null, 1)}`;
  for (const { field, items } of lists) {
    const below = mask && mask.size > 0 ? mask.get(field) : mask;
    if (mask && mask.size > 0 && !below) continue;
    let opened = false;
    for (const piece of list(items(), selection, below)) {
      if (!opened) yield `,\n${JSON.stringify(field)}: [`;
      opened = true;
      yield piece;
    }
    if (opened) yield "]";
  }
}

function* wholeDump(sections: readonly Section[], selection: Selection): Generator<string> {
  yield '{\n"configs": [\n';
  let first = true;
  for (const section of sections) {
    if (!first) yield ",\n";
    first = false;
    yield `{\n"@type": ${JSON.stringify(TYPE_URL + section.type)}`;
    yield* sectionBody(section, selection);
    yield "\n}";
  }
  yield "\n]\n}\n";
}

function* resourceDump(type: string, items: Iterable<SectionItem>, selection: Selection): Generator<string> {
  yield '{\n"configs": [\n';
  let first = true;
  for (const item of items) {
    if (!selection.matches(item.name)) continue;
    if (!first) yield ",\n";
    first = false;
    yield* written(item, selection.mask, TYPE_URL + type);
  }
  yield "\n]\n}\n";
}

function resourceAnswer(sections: readonly Section[], resource: string, selection: Selection): Response {
  for (const { fieldNames, lists } of sections) {
    const found = lists.find(({ field }) => field === resource);
    if (found) return streamed(resourceDump(found.type, found.items(), selection), CONTENT_TYPE);
    if (fieldNames.includes(resource))
      return text(`${resource} is not a repeated field. Use ?mask=${resource} to get only this field`, 400);
  }
  return text(`${resource} not found in config dump`, 404);
}

export function configDump(state: AdminState, query: URLSearchParams): Response {
  const regex = query.get("name_regex");
  let pattern: RE2JS | undefined;
  try {
    pattern = regex === null ? undefined : RE2JS.compile(regex);
  } catch (thrown) {
    return text(`Error while parsing name_regex from ${regex}: ${(thrown as Error).message}`, 400);
  }
  const maskText = query.get("mask");
  const mask = maskText === null ? undefined : parseMask(maskText);
  const selection: Selection = { mask, matches: (name) => pattern === undefined || pattern.matches(name) };
  const sections = sectionsOf(state, query.has("include_eds"));
  const resource = query.get("resource");
  if (resource !== null) return resourceAnswer(sections, resource, selection);
  if (!mask) return streamed(wholeDump(sections, selection), CONTENT_TYPE);
  const fitting = sections.filter(({ fieldNames, lists }) =>
    maskFits(mask, [...fieldNames, ...lists.map(({ field }) => field)]),
  );
  if (fitting.length === 0) return text(`FieldMask ${maskText} could not be successfully applied to any configs.`, 400);
  return fitting.length > 0 ? streamed(wholeDump(fitting, selection), CONTENT_TYPE) : json({});
}
