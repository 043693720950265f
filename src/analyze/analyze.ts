// Objects → everything that is wrong with them, each finding once, under the code that most people know.

import type { Diagnostic } from "../base/diagnostic.ts";
import { check, translate } from "../dialect/dialects.ts";
import { unreadNamespaces } from "../dialect/discovery.ts";
import { READ_LIMITS } from "../dialect/limits.ts";
import type { SourceObject } from "../dialect/object.ts";
import { DIALECTS } from "../dialect/readers.ts";
import { buildMesh } from "../model/build.ts";
import { compareText } from "../model/origin.ts";
import type { MeshSettings } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import type { Analyzer } from "./analyzer.ts";
import type { Finding } from "./code.ts";
import { equivalent, withAliases } from "./equivalent.ts";
import { kinds } from "./kinds.ts";
import { ANALYZERS } from "./registry.ts";
import { findingsOf, reporter } from "./run.ts";
import { isSuppressedBy, suppressedCodes } from "./suppress.ts";
import { isOfKind, readView } from "./view.ts";
import { World } from "./world.ts";

/** Has no meaning to the mesh: worth a word for kinds that somebody may think have one. */
const FOREIGN_KIND = "HED1025";

/** Sorted by object, path and code. Never throws for what the objects say. */
export function analyze(
  objects: readonly SourceObject[],
  base: MeshSettings,
  analyzers: readonly Analyzer[] = ANALYZERS,
): readonly Finding[] {
  const { results, parts, sources, settings } = translate(objects, base);
  const unique = firstOfEach(objects);
  const mesh = buildMesh(settings, parts);
  const unread = unreadNamespaces(objects, settings);
  const found = findingsOf(analyzers, new World([...unique.values()], mesh, unread));
  const byName = new Map([...unique.values()].map((object) => [nameKey(object.origin), object]));
  const told = new Told(found);
  const add = (diagnostics: readonly Diagnostic[], object: SourceObject | undefined): void => {
    for (const each of diagnostics.map((diagnostic) => equivalent(diagnostic, object)))
      if (!told.has(each)) found.push(each);
  };
  for (const { object, diagnostics } of results) add([...diagnostics, ...unreadFields(object)], object);
  for (const diagnostic of validateMesh(mesh, parts, sources))
    add([diagnostic], diagnostic.object && byName.get(nameKey(diagnostic.object)));
  return finish(found, byName);
}

/** What analyzers say of one object by itself, beyond what the dialects do: what a write of it is judged by. */
export function analyzeAlone(object: SourceObject, settings: MeshSettings): readonly Finding[] {
  const found: Finding[] = [];
  const report = reporter(found);
  for (const analyzer of ANALYZERS) if (analyzer.scope === "object") analyzer.analyze(object, report, settings);
  const said = new Set(check(object, settings).map((diagnostic) => place(equivalent(diagnostic, object))));
  return finish(
    found.filter((each) => !said.has(place(each))),
    new Map([[nameKey(object.origin), object]]),
  );
}

function firstOfEach(objects: readonly SourceObject[]): ReadonlyMap<string, SourceObject> {
  const unique = new Map<string, SourceObject>();
  for (const object of objects) {
    if (!unique.has(object.key)) unique.set(object.key, object);
  }
  return unique;
}

/** Wrong fields of Istio's kinds that no dialect reads: only those that analyzers ask for are known. */
function unreadFields(object: SourceObject): readonly Diagnostic[] {
  const { group, kind } = object.origin;
  if (!group.endsWith(".istio.io")) return [];
  if (DIALECTS.some((dialect) => dialect.kinds.some((table) => table.group === group && table.kind === kind)))
    return [];
  const known = Object.values(kinds).find((candidate) => isOfKind(object, candidate));
  return known ? readView(known, object).diagnostics : [];
}

/** What analyzers have told: of a field, or of one in it. */
class Told {
  /** Each path, and whatever it is in. */
  readonly #paths = new Map<string, Set<string>>();

  constructor(findings: readonly Finding[]) {
    for (const each of findings) {
      const key = Told.#keyOf(each);
      const paths = this.#paths.get(key) ?? new Set<string>();
      this.#paths.set(key, paths);
      const { path = "" } = each;
      paths.add(path);
      for (const { index } of path.matchAll(/[.[]/g)) if (index > 0) paths.add(path.slice(0, index));
    }
  }

  static #keyOf({ code, object }: Finding): string {
    return `${code} ${object ? nameKey(object) : ""}`;
  }

  has(found: Finding): boolean {
    return this.#paths.get(Told.#keyOf(found))?.has(found.path ?? "") ?? false;
  }
}

function nameKey({ kind, namespace, name }: NonNullable<Diagnostic["object"]>): string {
  return `${kind} ${namespace}/${name}`;
}

function place({ code, object, path = "" }: Finding): string {
  return `${object ? nameKey(object) : ""} ${path} ${code}`;
}

/** Each once, without those that nobody wants; of one object and code as many as anybody reads. */
function finish(found: readonly Finding[], byName: ReadonlyMap<string, SourceObject>): readonly Finding[] {
  const kept = new Map<string, Finding>();
  const counts = new Map<string, number>();
  for (const each of found.map(withAliases)) {
    const object = each.object && byName.get(nameKey(each.object));
    if (isNoise(each, object) || (object && isSuppressedBy(suppressedCodes(object), each))) continue;
    const key = `${place(each)} ${each.message}`;
    if (kept.has(key)) continue;
    const group = `${each.severity} ${each.code} ${each.object ? nameKey(each.object) : ""}`;
    const count = counts.get(group) ?? 0;
    counts.set(group, count + 1);
    if (count < READ_LIMITS.findings) kept.set(key, each);
  }
  return [...kept].sort(([a], [b]) => compareText(a, b)).map(([, each]) => each);
}

/** Kubernetes' own kinds are there for Kubernetes. */
function isNoise({ code }: Finding, object: SourceObject | undefined): boolean {
  if (code !== FOREIGN_KIND) return false;
  const group = object?.origin.group ?? "";
  return !group.includes(".") || group.endsWith(".k8s.io");
}
