// Objects of the folder that the control plane watches, which its API does not hold: shown, followed and waited for like all others.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/cli/object-digest.ts";
import { readObjects } from "../../src/dialect/object.ts";
import { EXAMPLE, Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const folder = join(heddle.folder, "config");
const file = join(folder, "virtualservice.yaml");
const good = readFileSync(join(EXAMPLE, "virtualservice.yaml"), "utf8");

beforeAll(async () => {
  mkdirSync(folder);
  await heddle.up(["--config", folder]);
}, LIMIT_MS);

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

test("an empty folder has nothing, and nothing fails", async () => {
  expect(await heddle.call(["get", "vs"])).toMatchObject({
    code: 0,
    stderr: "no virtualservices found in namespace default\n",
  });
});

test(
  "wait knows them, says why one was rejected, and is not content with what was said of the file before",
  async () => {
    cpSync(join(EXAMPLE, "virtualservice.yaml"), file);
    const met = { code: 0, stdout: "virtualservice.networking.istio.io/golden-signal condition met\n" };
    await until(async () => (await heddle.call(["get", "vs"])).stdout.includes("golden-signal"));
    expect(await heddle.call(["wait", "vs/golden-signal"])).toMatchObject(met);
    expect(await heddle.call(["wait", "vs", "golden-signal"])).toMatchObject(met);
    expect(await heddle.call(["wait", "-f", file])).toMatchObject(met);
    const distribution = ["x", "wait", "--for=distribution", "VirtualService", "golden-signal.default"];
    expect(await heddle.call(distribution)).toMatchObject({ code: 0 });
    for (const weights of [70, 60, 50]) {
      writeFileSync(file, good.replace("weight: 80", `weight: ${weights}`));
      expect(await heddle.call(["wait", "vs/golden-signal"])).toMatchObject(met);
      const [said] = (await (await fetch(`${heddle.note.dashboard}/api/v1/conditions`)).json()) as { digest: string }[];
      const [written] = readObjects(file, readFileSync(file)).objects;
      expect(said?.digest).toBe(digestOf(written!.value)!);
    }
    writeFileSync(file, good.replace("weight: 80", "weight: eighty"));
    const { code, stderr } = await heddle.call(["wait", "vs/golden-signal"]);
    expect(stderr).toContain("was rejected: HED1102");
    expect(code).toBe(65);
    rmSync(file);
    expect(await heddle.call(["wait", "vs/golden-signal"])).toMatchObject({ code: 1 });
  },
  LIMIT_MS,
);

test(
  "get -w shows one, its change and its end",
  async () => {
    const table = heddle.start(["get", "vs", "-w"]);
    const names = heddle.start(["get", "vs", "golden-signal", "-w", "-o", "name"]);
    cpSync(join(EXAMPLE, "virtualservice.yaml"), file);
    const rows = () => table.stdout().match(/^golden-signal /gm)?.length ?? 0;
    await until(() => rows() > 0 && names.stdout() !== "");
    await heddle.call(["wait", "vs/golden-signal"]);
    const before = rows();
    writeFileSync(file, good.replaceAll("golden-signal", "another"));
    await until(() => table.stdout().includes("\nanother ") && rows() > before);
    expect(names.stdout()).not.toContain("another");
    expect(table.stdout().match(/^NAME/gm)?.length).toBe(1);
    for (const running of [table, names]) running.signal("SIGTERM");
    await Promise.all([table.exited, names.exited]);
  },
  LIMIT_MS,
);

test(
  "several kinds and several names, as kubectl's",
  async () => {
    cpSync(join(EXAMPLE, "virtualservice.yaml"), file);
    await heddle.call(["apply", "-f", join(EXAMPLE, "destinationrule.yaml")]);
    const names = [
      "virtualservice.networking.istio.io/golden-signal",
      "destinationrule.networking.istio.io/golden-signal",
    ];
    const { stdout } = await heddle.call(["get", "vs,dr,gw"]);
    const [virtualServices = "", destinationRules = "", ...rest] = stdout.trimEnd().split("\n\n");
    expect(rest).toEqual([]);
    expect(virtualServices).toMatch(new RegExp(`^NAME +GATEWAYS .*\n${names[0]} `));
    expect(destinationRules).toMatch(new RegExp(`^NAME +HOST .*\n${names[1]} `));
    const listed = await heddle.call(["get", "vs/golden-signal", "dr/golden-signal", "-o", "name"]);
    expect(listed.stdout).toBe(`${names.join("\n")}\n`);
    const list = JSON.parse((await heddle.call(["get", "vs,dr", "-A", "-o", "json"])).stdout) as { items: unknown[] };
    expect(list.items.length).toBe(2);
    const missing = await heddle.call(["get", "dr", "golden-signal", "nope", "none"]);
    expect(missing.code).toBe(1);
    expect(missing.stdout).toMatch(/^NAME.*\ngolden-signal .*\n$/);
    expect(missing.stderr).toContain('"nope" not found\n');
    expect(missing.stderr).toContain('"none" not found\n');
    expect(await heddle.call(["get", "gw,se"])).toMatchObject({
      code: 0,
      stderr: "no gateways and no serviceentries found in namespace default\n",
    });
    expect(await heddle.call(["get", "vs,dr", "-w"])).toMatchObject({ code: 64 });
  },
  LIMIT_MS,
);
