// Patches of EnvoyFilters that depend on what others do, or that nothing comes of (pkg/config/analysis/analyzers/envoyfilter).

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type Patch } from "../kinds.ts";
import { viewAs } from "../view.ts";

const RELATIVE: ReadonlySet<string> = new Set(["INSERT_BEFORE", "INSERT_AFTER", "REPLACE", "MERGE", "REMOVE"]);
const ROUTES: ReadonlySet<string> = new Set(["ROUTE_CONFIGURATION", "HTTP_ROUTE"]);
const FILTERS: ReadonlySet<string> = new Set(["HTTP_FILTER", "NETWORK_FILTER"]);

const REMEDY =
  "Using the INSERT_FIRST or ADD option or setting the priority may help in ensuring the EnvoyFilter is applied correctly";

export const envoyFilters: ObjectAnalyzer = {
  name: "envoyfilter.EnvoyPatchAnalyzer",
  about: "patches fit what they are applied to, and their order is said",
  codes: ["IST0151", "IST0152", "IST0153", "IST0154", "IST0155"],
  scope: "object",
  analyze(object, report) {
    const spec = viewAs(kinds.envoyFilter, object)?.value.spec;
    for (const [i, patch] of (spec?.configPatches ?? []).entries()) {
      const path = `spec.configPatches[${i}].patch.operation`;
      for (const message of problemsOf(patch, spec?.priority)) report(object, path, message);
    }
  },
};

function problemsOf({ applyTo = "", match, patch }: Patch, priority: number | undefined) {
  const operation = patch?.operation ?? "";
  const found: ReturnType<typeof finding>[] = [];
  if (operation === "REPLACE" && !FILTERS.has(applyTo))
    found.push(
      finding("IST0152", "The REPLACE operation is only valid for HTTP_FILTER and NETWORK_FILTER", "operation: MERGE"),
    );
  if (operation === "ADD" && ROUTES.has(applyTo)) found.push(finding("IST0153", ignored("ADD"), "operation: MERGE"));
  if (operation === "REMOVE" && ROUTES.has(applyTo))
    found.push(finding("IST0154", ignored("REMOVE"), "applyTo: VIRTUAL_HOST"));
  if (found.length > 0 || !RELATIVE.has(operation) || (priority !== undefined && priority !== 0)) return found;
  const versioned = match?.proxy?.proxyVersion !== undefined;
  return [
    versioned
      ? finding(
          "IST0155",
          `This EnvoyFilter does not have a priority and has a relative patch operation (${operation}) and proxyVersion set which can cause the EnvoyFilter not to be applied during an upgrade. ${REMEDY}`,
          "priority: 10",
        )
      : finding(
          "IST0151",
          `This EnvoyFilter does not have a priority and has a relative patch operation set which can cause the EnvoyFilter not to be applied. ${REMEDY}`,
          "priority: 10",
        ),
  ];
}

function ignored(operation: string): string {
  return `The ${operation} operation will be ignored when applyTo is set to ROUTE_CONFIGURATION, or HTTP_ROUTE`;
}
