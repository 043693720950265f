// What `exportTo` must keep by itself (validateExportTo).

import { isDnsLabel } from "../formats.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";

const ALONE = ["*", "~"] as const;

/** `.` is the object's own namespace, which must not stand beside it by name. */
export function checkExportTo(exportTo: readonly string[] | undefined, { namespace, reporter }: Reading): void {
  if (!exportTo) return;
  const seen = new Set<string>();
  for (const [i, name] of exportTo.entries()) {
    const path = `spec.exportTo[${i}]`;
    const key = name === "." ? namespace : name;
    if (seen.has(key)) reporter.report(path, refusals.exportTwice(name));
    else if (key !== "*" && key !== "~" && !isDnsLabel(key)) reporter.report(path, refusals.badNamespaceOfExport(name));
    seen.add(key);
  }
  const alone = ALONE.find((name) => exportTo.includes(name));
  if (alone && exportTo.length > 1) reporter.report("spec.exportTo", refusals.exportToEverybodyAndOthers(alone));
}
