// What any selector of workloads must say. Wildcards are no labels: the tables refuse them.

import type { Reporter } from "../reporter.ts";
import * as refusals from "./refusals.ts";

/** `isThere`: the block is written, with labels or without. */
export function checkSelector(
  labels: Readonly<Record<string, string>> | undefined,
  isThere: boolean,
  path: string,
  reporter: Reporter,
): void {
  if (isThere && Object.keys(labels ?? {}).length === 0) reporter.report(path, refusals.selectorWithoutLabels());
}
