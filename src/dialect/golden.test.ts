// Goldens of the dialects: one file a case in test/golden/<dialect>/, with the input, the model's parts and the findings between
// rulers. UPDATE_GOLDENS=1 writes what comes out. `world.yaml` beside them is there for every case of the folder.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderDiagnostic } from "../base/diagnostic.ts";
import type { Origin } from "../model/origin.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { loadMesh } from "./load.ts";

const ROOT = join(import.meta.dir, "../../test/golden");
const MODEL = "\n=== model ===\n";
const FINDINGS = "\n=== findings ===\n";
const UPDATE = process.env.UPDATE_GOLDENS === "1";
/** A golden is read by people. */
const MAX_LINES = 80;

for (const dialect of ["istio", "kubernetes"]) {
  const folder = join(ROOT, dialect);
  const world = readFileSync(join(folder, "world.yaml"), "utf8");
  describe(`goldens of ${dialect}`, () => {
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith(".golden"))
      .sort()) {
      test(file.replace(/\.golden$/, "").replaceAll("-", " "), () => {
        const path = join(folder, file);
        const before = readFileSync(path, "utf8");
        const [input = ""] = before.split(MODEL);
        const after = outcome(input, world);
        if (UPDATE) writeFileSync(path, after);
        else expect(before).toBe(after);
        expect(after.split("\n").length).toBeLessThanOrEqual(MAX_LINES);
      });
    }

    test("the folder holds goldens and the world alone", () => {
      const others = readdirSync(folder).filter((name) => !name.endsWith(".golden") && name !== "world.yaml");
      expect(others).toEqual([]);
    });
  });
}

/** The whole golden for an input. What the world contributes is left out of the model. */
function outcome(input: string, world: string): string {
  const files = [
    { name: "world.yaml", content: world },
    { name: "case.yaml", content: input },
  ];
  const { mesh, parts, diagnostics, results } = loadMesh(files, DEFAULT_SETTINGS);
  const mine = new Set(
    results
      .filter((result) => result.object.spans?.("")?.file === "case.yaml")
      .map((result) => nameOf(result.object.origin)),
  );
  const model = Object.entries(parts)
    .map(
      ([part, items]: [string, readonly object[]]) =>
        [part, items.filter((item) => !("origin" in item) || mine.has(nameOf(item.origin as Origin)))] as const,
    )
    .filter(([part, items]) => items.length > 0 && part !== "namespaces")
    .map(([part, items]) => `${part}:\n${items.map((item) => `- ${afterDash(item, 2)}`).join("\n")}`);
  const settings = changedSettings(mesh.settings);
  const said = settings.length > 0 ? [`settings:${settings.join("")}`] : [];
  const findings = diagnostics.filter((diagnostic) => diagnostic.span?.file !== "world.yaml").map(renderDiagnostic);
  return `${input}${MODEL}${[...said, ...model].join("\n")}${FINDINGS}${findings.join("\n")}\n`;
}

/** What a case makes of the mesh's settings. */
function changedSettings(settings: MeshSettings): readonly string[] {
  const { defaults, ...rest } = settings;
  const changes = (value: object, before: object, prefix: string) =>
    Object.entries(value)
      .filter(([key, field]) => !Bun.deepEquals(field, before[key as keyof typeof before]))
      .map(([key, field]) => `\n  ${prefix}${key}:${write(field, 4)}`);
  const { defaults: usual, ...before } = DEFAULT_SETTINGS;
  return [...changes(rest, before, ""), ...changes(defaults, usual, "defaults.")];
}

function nameOf({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace}/${name}`;
}

/** Left out, so that a case shows what it is about: values that are as good as unset, and what every object has. */
function isPlain(key: string, value: unknown): boolean {
  if (value === undefined || key === "createdAt" || (key === "path" && typeof value === "string")) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null)
    return Object.entries(value).every(([name, field]) => isPlain(name, field));
  return value === "" || (value === false && PLAIN_WHEN_FALSE.has(key));
}

const PLAIN_WHEN_FALSE = new Set(["missingIsEmpty", "ignoreCase", "invert"]);

/** YAML with everything that fits on one line there: what follows a `key:` or a dash. */
function write(value: unknown, indent: number): string {
  const flow = inline(value);
  if (indent + flow.length <= 140 || typeof value !== "object" || value === null) return ` ${flow}`;
  const pad = `\n${" ".repeat(indent)}`;
  if (Array.isArray(value)) return value.map((item) => `${pad}- ${afterDash(item, indent + 2)}`).join("");
  return entriesOf(value)
    .map(([key, field]) => `${pad}${key}:${write(field, indent + 2)}`)
    .join("");
}

/** After a dash the first field stands on its line. */
function afterDash(value: unknown, indent: number): string {
  return write(value, indent).trimStart();
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([key, field]) => !isPlain(key, field));
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "string") return /^[\w./-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if ("group" in value && "kind" in value && "name" in value) return nameOf(value as Origin);
  const fields = entriesOf(value).map(([key, field]) => `${key}: ${inline(field)}`);
  return `{${fields.join(", ")}}`;
}
