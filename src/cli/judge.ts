// What is wrong with files that are to be applied: by themselves, and together with what is in force.

import { analyzeAlone } from "../analyze/analyze.ts";
import { newErrors } from "../analyze/brought.ts";
import { equivalent } from "../analyze/equivalent.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { check, translate } from "../dialect/dialects.ts";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { DIALECTS } from "../dialect/readers.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { resourceByKind } from "../kube/resources.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import { writtenTargets } from "../model/written-targets.ts";
import { aged } from "./written-age.ts";
import type { WrittenObject } from "./written-objects.ts";

/** What the dialects say of an object. */
export function judgeAlone(source: SourceObject): readonly Diagnostic[] {
  return check(source, DEFAULT_SETTINGS);
}

/** Meaning to the mesh: of other kinds (ServiceAccount) there is nothing to say. */
const NO_EFFECT = "HED1025";
/** Weights that do not add up: Istio takes them as shares, and so does the API; but who writes 80 and 30 has made a mistake. */
const SURELY_WRONG = "HED1202";

/** What is wrong with the objects one by one, and that some are written twice. */
export function judgeEach(
  written: readonly Pick<WrittenObject, "source">[],
  base: MeshSettings,
): readonly Diagnostic[] {
  const { results, settings } = translate(
    written.map(({ source }) => source),
    base,
  );
  const alone = written.flatMap(({ source }) => analyzeAlone(source, settings));
  return [...results.flatMap(({ diagnostics }) => diagnostics), ...alone.filter(({ severity }) => severity !== "info")]
    .filter(({ code }) => code !== NO_EFFECT)
    .map((diagnostic) => (diagnostic.code === SURELY_WRONG ? { ...diagnostic, severity: "error" } : diagnostic));
}

/** A subset that no DestinationRule defines. */
const NO_SUBSET = "HED2002";

/**
 * What is wrong with `written` once it stands beside the objects in force: findings about other objects are left out. What refers to something
 * that may come later is a warning, and so is what was wrong before: it is judged again when that changes. But a subset that a host with others
 * does not have is an error here, where both can be changed at once: it is mostly misspelt.
 */
export function judgeTogether(
  written: readonly WrittenObject[],
  inForce: readonly SourceObject[],
  base: MeshSettings,
): readonly Diagnostic[] {
  const replaced = new Set(written.map(({ source }) => source.key));
  const kept = inForce.filter((object) => !replaced.has(object.key));
  const added = aged(
    written.map(({ source }) => source),
    inForce,
  );
  const { parts, sources, settings } = translate([...kept, ...added], base);
  const brought = newErrors([...kept, ...added], inForce, base);
  const told = new Set(brought.map(placeOf));
  const mesh = buildMesh(settings, parts);
  const missing = new Set(missingSubsets(mesh, inForce, base));
  const found = validateMesh(mesh, parts, sources)
    .filter((each) => !told.has(placeOf(each)) && !told.has(placeOf(equivalent(each, undefined))))
    .map((each): Diagnostic => {
      if (each.severity !== "error" || missing.has(placeOf(each))) return each;
      return { ...each, severity: "warning" };
    });
  return [...found, ...brought].filter(({ span }) => span !== undefined); // only what was written has places
}

/** Places of destinations whose host has subsets, but not theirs, and had the same ones before. */
function missingSubsets(mesh: Mesh, inForce: readonly SourceObject[], base: MeshSettings): readonly string[] {
  const before = translate(inForce, base);
  const known = subsetsMissedIn(buildMesh(before.settings, before.parts));
  return [...subsetsMissedIn(mesh)].filter(([place, subset]) => known.get(place) !== subset).map(([place]) => place);
}

/** Subsets by the place that names them. */
function subsetsMissedIn(mesh: Mesh): ReadonlyMap<string, string> {
  const missed = new Map<string, string>();
  const defined = subsetsByHost(mesh);
  for (const { origin, target } of writtenTargets(mesh)) {
    const { host, subset, path } = target;
    const subsets = defined.get(host);
    if (subset === undefined || !subsets || subsets.has(subset)) continue;
    missed.set(placeOf({ code: NO_SUBSET, object: origin, path: `${path}.subset` }), subset);
  }
  return missed;
}

function subsetsByHost({ clientPolicies }: Mesh): ReadonlyMap<string, ReadonlySet<string>> {
  const defined = new Map<string, Set<string>>();
  for (const { host, subsets } of clientPolicies) {
    if (subsets.length === 0) continue;
    const names = defined.get(host) ?? new Set<string>();
    for (const { name } of subsets) names.add(name);
    defined.set(host, names);
  }
  return defined;
}

function placeOf({ code, object, path }: Pick<Diagnostic, "code" | "object" | "path">): string {
  return JSON.stringify([code, object?.kind, object?.namespace, object?.name, path]);
}

/** The objects that the API holds, of the kinds that dialects read. */
export async function objectsInForce(client: KubeClient): Promise<readonly SourceObject[]> {
  const types = DIALECTS.flatMap(({ kinds }) => kinds.flatMap(({ group, kind }) => resourceByKind(group, kind) ?? []));
  const lists = await Promise.all(types.map((type) => client.list(type)));
  return lists
    .flatMap(({ objects }) => objects)
    .flatMap((object) => {
      const read = sourceObject(object);
      return read.kind === "object" ? [read.object] : [];
    });
}
