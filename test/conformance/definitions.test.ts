// The definitions of deploy/crds on a real API server, of the cluster that HEDDLE_CLUSTER (a kubeconfig) names: what the reader accepts
// is taken and kept whole, what it refuses for its shape is refused. Objects are created as dry runs; the definitions stay.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { BROKEN_RULES as BROKEN_SPECS } from "../../src/dialect/istio/definition-rules-fixture.ts";
import type { JsonObject, SourceObject } from "../../src/dialect/object.ts";
import { REFERENCE_KINDS } from "../../src/reference/kinds.ts";
import { BROKEN_RULES, goldenObjects } from "./definition-cases.ts";

const KUBECONFIG = process.env.HEDDLE_CLUSTER;
const KUBECTL = findComponent("kubectl") ?? "";
const ROOT = join(import.meta.dir, "../..");
setDefaultTimeout(60_000);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function kubectl(args: readonly string[], input = ""): Promise<Outcome> {
  const child = Bun.spawn([KUBECTL, ...args], {
    env: { ...process.env, KUBECONFIG },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

function inDefault({ value, origin }: SourceObject): JsonObject {
  return { ...value, metadata: { ...(value.metadata as object), name: origin.name, namespace: "default" } };
}

const suite = KUBECONFIG === undefined || KUBECTL === "" ? describe.skip : describe;

suite("definitions on an API server", () => {
  beforeAll(async () => {
    const files = readdirSync(join(ROOT, "deploy/crds")).map((name) => ["-f", join(ROOT, "deploy/crds", name)]);
    const { code, err } = await kubectl(["apply", "--server-side", "--force-conflicts", ...files.flat()]);
    if (code !== 0) throw new Error(err);
    const established = ["--for=condition=Established", "crd", "--all", "--timeout=30s"];
    await kubectl(["wait", ...established]);
  });

  for (const [kind, field, message, spec] of BROKEN_RULES) {
    test(`${kind} at ${field}: ${message}`, async () => {
      const { type } = REFERENCE_KINDS.find((one) => one.type.kind === kind)!;
      const apiVersion = `${type.group}/${type.versions[0]}`;
      const object = { apiVersion, kind, metadata: { name: "broken", namespace: "default" }, spec };
      const { code, err } = await kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object));
      const said = err.split("\n").filter((line) => line.includes(`${field}: `) && line.includes(message));
      expect([code, said.length, err]).toEqual([1, 1, err]);
    });
  }

  for (const { kind, rule, spec } of BROKEN_SPECS)
    test(`${kind} is refused as by Istio's: ${rule}`, async () => {
      const { type } = REFERENCE_KINDS.find((one) => one.type.kind === kind)!;
      const apiVersion = `${type.group}/${type.versions[0]}`;
      const object = { apiVersion, kind, metadata: { name: "broken", namespace: "default" }, spec };
      const { code, err } = await kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object));
      expect([code, /is invalid|unknown field|Required value/.test(err)]).toEqual([1, true]);
    });

  for (const { file, object, wrong } of goldenObjects()) {
    const { kind, name } = object.origin;
    const create = () =>
      kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], JSON.stringify(inDefault(object)));

    if (wrong.length === 0)
      test(`${file}: ${kind} ${name} is kept whole`, async () => {
        const { code, out, err } = await create();
        expect([code, err.replaceAll(/^Warning.*\n/gm, "")]).toEqual([0, ""]);
        expect(JSON.parse(out).spec).toEqual(JSON.parse(JSON.stringify(object.value.spec ?? null)) ?? undefined);
      });
    else
      test(`${file}: ${kind} ${name} is refused (${wrong[0]})`, async () => {
        const { code, err } = await create();
        if (process.env.TEST_LOG === "debug") console.log(err);
        expect([wrong, code]).toEqual([wrong, 1]);
      });
  }
});
