// serviceEntryVisibility of MeshConfig → how far ServiceEntries are seen by sidecars and gateways.

import type { EntryScope, EntryVisibility } from "../../model/entry-visibility.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { readDiscovery } from "./discovery-selectors.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { visibilityOfAmbient } from "./settings-diagnostics.ts";

type Spec = NonNullable<MeshConfigSpec["serviceEntryVisibility"]>;
type Rules = NonNullable<NonNullable<Spec["policies"]>[number]["matchingRules"]>;

function scopeOf(visibility: Spec["defaultVisibility"]): EntryScope {
  if (visibility === "NAMESPACE") return "own-namespace";
  return visibility === "NONE" ? "nobody" : "public";
}

const NO_LABELS: EntryVisibility["labels"] = new Map();

/** Without applyToSidecars it is for the proxies of ambient meshes, of which there are none here. */
export function readEntryVisibility(spec: Spec, path: string, reporter: Reporter): EntryVisibility | undefined {
  const { defaultVisibility, policies = [], applyToSidecars = false } = spec;
  const read = policies.flatMap(({ visibility, matchingRules = [] }, i) => {
    const at = joinPath(joinPath(joinPath(path, "policies"), i), "matchingRules");
    const selectors = selectorsOf(matchingRules, at, reporter);
    // A rule that says nothing applies to nobody, and its policy with it (Istio's compileVisibilityRule).
    return selectors.length < matchingRules.length ? [] : [{ scope: scopeOf(visibility), selectors }];
  });
  if (applyToSidecars) return { byDefault: scopeOf(defaultVisibility), policies: read, labels: NO_LABELS };
  reporter.report(path, visibilityOfAmbient());
  return undefined;
}

function selectorsOf(rules: Rules, path: string, reporter: Reporter) {
  return rules.flatMap(({ namespaceSelector }, i) =>
    namespaceSelector ? readDiscovery([namespaceSelector], joinPath(path, i), reporter) : [],
  );
}
