// Writes deploy/crds, deploy/schemas and docs/reference from the tables of the dialects. `--check` compares instead.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { definitionName, definitionYaml } from "../src/reference/definition.ts";
import { jsonSchema, jsonSchemaOfAll, jsonSchemaOfSettings } from "../src/reference/json-schema.ts";
import { REFERENCE_KINDS } from "../src/reference/kinds.ts";
import { index, page, pageName, settingsPage } from "../src/reference/page.ts";

const root = dirname(import.meta.dir);
const MARK = "# Written by npm run generate from the tables of src/dialect.\n";

const json = (value: object) => `${JSON.stringify(value, undefined, 1)}\n`;

const FOLDERS: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  "deploy/crds": new Map(
    REFERENCE_KINDS.map((kind) => [`${definitionName(kind)}.yaml`, `${MARK}${definitionYaml(kind)}`]),
  ),
  "deploy/schemas": new Map([
    ["all.json", json(jsonSchemaOfAll(REFERENCE_KINDS))],
    ["meshconfig.json", json(jsonSchemaOfSettings())],
    ...REFERENCE_KINDS.map((kind) => [`${kind.type.kind.toLowerCase()}.json`, json(jsonSchema(kind))] as const),
  ]),
  "docs/reference": new Map([
    ["README.md", index(REFERENCE_KINDS)],
    ["meshconfig.md", settingsPage()],
    ...REFERENCE_KINDS.map((kind) => [pageName(kind), page(kind)] as const),
  ]),
};

const wrong: string[] = [];
for (const [folder, files] of Object.entries(FOLDERS)) {
  const path = join(root, folder);
  const present = existsSync(path) ? readdirSync(path) : [];
  const surplus = present.filter((name) => !files.has(name));
  const stale = [...files].filter(
    ([name, text]) => !present.includes(name) || readFileSync(join(path, name), "utf8") !== text,
  );
  wrong.push(...[...stale.map(([name]) => name), ...surplus].map((name) => `${folder}/${name}`));
  if (process.argv.includes("--check")) continue;
  mkdirSync(path, { recursive: true });
  for (const [name, text] of stale) writeFileSync(join(path, name), text);
  for (const name of surplus) rmSync(join(path, name));
}
if (process.argv.includes("--check") && wrong.length > 0) {
  console.error(`not what the tables say: ${wrong.join(", ")}: npm run generate`);
  process.exit(1);
}
