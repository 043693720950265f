// What any selector of workloads must say. Wildcards are no labels: the tables refuse them.

import type { Reporter } from "../reporter.ts";
import * as refusals from "./refusals.ts";

/** `labels`: undefined where no selector is written. */
export function checkSelector(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
  reporter: Reporter,
): void {
  if (labels && Object.keys(labels).length === 0) reporter.report(path, refusals.selectorWithoutLabels());
}
