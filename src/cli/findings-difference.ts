// What `heddle analyze` would say after a change and did not before, and what it would say no more.

import { analyze } from "../analyze/analyze.ts";
import type { Finding } from "../analyze/code.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { MeshSettings } from "../model/settings.ts";
import { sortFindings } from "./analysis-output.ts";

export interface FindingsDifference {
  readonly added: readonly Finding[];
  readonly removed: readonly Finding[];
}

export const NO_FINDINGS: FindingsDifference = { added: [], removed: [] };

export function findingsDifference(
  before: readonly SourceObject[],
  after: readonly SourceObject[],
  settings: MeshSettings,
): FindingsDifference {
  const was = analyze(before, settings);
  const is = analyze(after, settings);
  return { added: beyond(is, was), removed: beyond(was, is) };
}

/** By what they say of whom: a rule that moves down takes its findings along, and that is no difference. Of several alike the last. */
function beyond(these: readonly Finding[], those: readonly Finding[]): readonly Finding[] {
  const known = Map.groupBy(those, identity);
  const groups = Map.groupBy(these, identity).entries();
  return sortFindings(groups.flatMap(([key, members]) => members.slice(known.get(key)?.length ?? 0)).toArray());
}

function identity({ code, object, message }: Finding): string {
  return JSON.stringify([code, object?.kind, object?.namespace, object?.name, message]);
}
