// Patches of EnvoyFilters that depend on what others do, or that nothing comes of (pkg/config/analysis/analyzers/envoyfilter).

import type { MeshAnalyzer, ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type Patch } from "../kinds.ts";
import { viewAs } from "../view.ts";

const RELATIVE: ReadonlySet<string> = new Set(["INSERT_BEFORE", "INSERT_AFTER", "REPLACE", "REMOVE"]);
const ROUTES: ReadonlySet<string> = new Set(["ROUTE_CONFIGURATION", "HTTP_ROUTE"]);
const FILTERS: ReadonlySet<string> = new Set(["HTTP_FILTER", "NETWORK_FILTER"]);

const REMEDY =
  "Using the INSERT_FIRST or ADD option or setting the priority may help in ensuring the EnvoyFilter is applied correctly";

export const envoyFilters: ObjectAnalyzer = {
  name: "envoyfilter.EnvoyPatchAnalyzer",
  about: "patches fit what they are applied to",
  codes: ["IST0152", "IST0153", "IST0154"],
  scope: "object",
  analyze(object, report) {
    const spec = viewAs(kinds.envoyFilter, object)?.value.spec;
    for (const [i, patch] of (spec?.configPatches ?? []).entries()) {
      const problem = problemOf(patch);
      if (problem) report(object, pathOf(i), problem);
    }
  },
};

/** Istio, too, asks whether a patch before it, in the order of names, was for the same filter and for one version. */
export const envoyFilterOrder: MeshAnalyzer = {
  name: "envoyfilter.EnvoyPatchOrderAnalyzer",
  about: "the order of patches is said",
  codes: ["IST0151", "IST0155"],
  scope: "mesh",
  analyze(world, report) {
    const versioned = new Set<string>();
    for (const { object, value } of world.views(kinds.envoyFilter)) {
      const { configPatches = [], priority = 0 } = value.spec ?? {};
      for (const [i, patch] of configPatches.entries()) {
        const filter = filterOf(patch);
        if (priority === 0 && isRelative(patch))
          report(object, pathOf(i), versioned.has(filter) ? relativeForVersions(patch) : RELATIVE_PATCH);
        if (patch.match?.proxy?.proxyVersion) versioned.add(filter);
      }
    }
  },
};

const RELATIVE_PATCH = finding(
  "IST0151",
  `This EnvoyFilter does not have a priority and has a relative patch operation set which can cause the EnvoyFilter not to be applied. ${REMEDY}`,
  "priority: 10",
);

function relativeForVersions({ patch }: Patch) {
  return finding(
    "IST0155",
    `This EnvoyFilter does not have a priority and has a relative patch operation (${patch?.operation}) and proxyVersion set which can cause the EnvoyFilter not to be applied during an upgrade. ${REMEDY}`,
    "priority: 10",
  );
}

function pathOf(index: number): string {
  return `spec.configPatches[${index}].patch.operation`;
}

function isRelative(patch: Patch): boolean {
  return RELATIVE.has(patch.patch?.operation ?? "") && problemOf(patch) === undefined;
}

/** What the patch brings, or else what it is applied to. */
function filterOf({ match, patch }: Patch): string {
  return patch?.value?.name ?? match?.listener?.filterChain?.filter?.name ?? "";
}

function problemOf({ applyTo = "", patch }: Patch) {
  const operation = patch?.operation ?? "";
  if (operation === "REPLACE" && !FILTERS.has(applyTo))
    return finding(
      "IST0152",
      "The REPLACE operation is only valid for HTTP_FILTER and NETWORK_FILTER",
      "operation: MERGE",
    );
  if (operation === "ADD" && ROUTES.has(applyTo)) return finding("IST0153", ignored("ADD"), "operation: MERGE");
  if (operation === "REMOVE" && ROUTES.has(applyTo))
    return finding("IST0154", ignored("REMOVE"), "applyTo: VIRTUAL_HOST");
  return undefined;
}

function ignored(operation: string): string {
  return `The ${operation} operation will be ignored when applyTo is set to ROUTE_CONFIGURATION, or HTTP_ROUTE`;
}
