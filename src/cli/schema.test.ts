// `heddle schema` as it is run: what it prints is what the checkout holds.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { REFERENCE_KINDS } from "../reference/kinds.ts";

const ROOT = join(import.meta.dir, "../..");

setDefaultTimeout(30_000);

async function schema(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, join(ROOT, "src/main.ts"), "schema", ...args], {
    env: { ...process.env, NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

const held = (name: string) => JSON.parse(readFileSync(join(ROOT, "deploy/schemas", name), "utf8"));

test("the schema of a kind by any of its names, of the mesh's settings, and of all kinds", async () => {
  expect(JSON.parse((await schema("vs")).out)).toEqual(held("virtualservice.json"));
  expect(JSON.parse((await schema("MeshConfig")).out)).toEqual(held("meshconfig.json"));
  expect(JSON.parse((await schema()).out)).toEqual(held("all.json"));
  const [document] = parseAllDocuments((await schema("peerauthentications", "-o", "yaml")).out);
  expect(document!.toJS()).toEqual(held("peerauthentication.json"));
});

test("definitions, all of them in one stream", async () => {
  const { out } = await schema("--crd");
  const documents = parseAllDocuments(out).map((document) => document.toJS());
  expect(documents.map(({ metadata }) => metadata.name)).toEqual(
    REFERENCE_KINDS.map(({ type }) => `${type.plural}.${type.group}`),
  );
  const { kind, items } = JSON.parse((await schema("--crd", "-o", "json")).out);
  expect([kind, items]).toEqual(["List", documents]);
});

test("kinds of Kubernetes' own and unknown ones are wrong usage", async () => {
  const own = await schema("pods");
  expect([own.code, own.err]).toEqual([64, expect.stringContaining("one of Kubernetes' own kinds")]);
  const unknown = await schema("virtualservise");
  expect([unknown.code, unknown.err]).toEqual([64, expect.stringContaining("virtualservice")]);
  const far = await schema("quark");
  expect([far.code, far.err]).toEqual([64, expect.stringContaining("telemetry, meshconfig\n")]);
  expect(far.err).not.toContain("lease");
  const settings = await schema("meshconfig", "--crd");
  expect([settings.code, settings.err]).toEqual([64, expect.stringContaining("the mesh's settings")]);
});
