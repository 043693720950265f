import { afterEach, expect, test } from "bun:test";
import { until } from "../base/until-fixture.ts";
import { readObjects } from "../dialect/object.ts";
import { originKey } from "../model/origin.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type Compilation, Pipeline } from "./pipeline.ts";

const published: Compilation[] = [];
const pipeline = (quietMs: number) =>
  new Pipeline(DEFAULT_SETTINGS, { quietMs, maxMs: 1_000 }, ["the test"], (compilation) => published.push(compilation));
afterEach(() => {
  published.length = 0;
});

function route(timeout: string) {
  return readObjects(
    "routes.yaml",
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: default }
spec:
  hosts: [a]
  http:
    - timeout: ${timeout}
      route: [{ destination: { host: a } }]
`,
  ).objects[0]!;
}

test("a rejected object keeps its last good version in force, says where it is wrong, and correcting it clears that", async () => {
  const tested = pipeline(1);
  tested.listener(0).onObject(route("1s"));
  tested.onSynced();
  const good = published.at(-1)!;
  const verdict = () => published.at(-1)!.verdicts.get(originKey(route("1s").origin));
  expect(verdict()).toMatchObject({ accepted: true, diagnostics: [] });

  tested.listener(0).onObject(route("soon"));
  await until("the rejection", () => published.length === 2);
  expect(verdict()).toMatchObject({ accepted: false, servesEarlier: true });
  expect(verdict()?.diagnostics[0]).toMatchObject({ span: { file: "routes.yaml", line: 7, column: 16 } });
  expect(published.at(-1)!.mesh.routes).toEqual(good.mesh.routes);

  tested.listener(0).onObject(route("2s"));
  await until("the correction", () => published.length === 3);
  expect(verdict()).toMatchObject({ accepted: true, servesEarlier: false, diagnostics: [] });
  expect(published.at(-1)!.mesh.routes).not.toEqual(good.mesh.routes);
});

test("an object that was never good serves nothing, and a deleted one nothing of before", async () => {
  const tested = pipeline(1);
  tested.listener(0).onObject(route("1s"));
  tested.onSynced();
  tested.listener(0).onDeleted(originKey(route("1s").origin));
  tested.listener(0).onObject(route("soon"));
  await until("the rejection", () => published.length === 2);
  expect([...published.at(-1)!.verdicts.values()]).toMatchObject([{ accepted: false, servesEarlier: false }]);
  expect(published.at(-1)!.mesh.routes).toEqual([]);
});

test("nothing is published before everything was told, and a burst after that once", async () => {
  const tested = pipeline(20);
  tested.listener(0).onObject(route("1s"));
  expect(published).toEqual([]);
  tested.onSynced();
  expect(published.length).toBe(1);
  for (let i = 2; i < 200; i++) tested.listener(0).onObject(route(`${i}s`));
  expect(published.length).toBe(1);
  await until("the burst", () => published.length === 2);
  tested.listener(0).onUnreadable("x.yaml", []); // was in order before: nothing changed
  tested.listener(0).onUnreadable("x.yaml", [{ code: "HED1001", severity: "error", message: "too large" }]);
  await until("the finding", () => published.length === 3);
  expect(published.at(-1)!.findings[0]).toMatchObject({ code: "HED1001" });
  tested.stop();
});

function meshConfig(mesh: string) {
  const lines = mesh.split("\n").map((line) => `    ${line}`);
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |-\n${lines.join("\n")}\n`;
  return readObjects("istio.yaml", text).objects[0]!;
}

test("the mesh's settings change while it runs; wrong ones leave the last good in force, and without them the first are back", async () => {
  const tested = pipeline(1);
  tested.listener(0).onObject(route("1s"));
  tested.listener(0).onObject(meshConfig("rootNamespace: one"));
  tested.onSynced();
  const last = () => published.at(-1)!;
  const key = meshConfig("").key;
  expect(last().mesh.settings).toEqual({ ...DEFAULT_SETTINGS, rootNamespaces: ["heddle-system", "one"] });

  tested.listener(0).onObject(route("2s"));
  await until("the route", () => published.length === 2);
  expect(last().mesh.settings).toBe(published[0]!.mesh.settings);

  tested.listener(0).onObject(meshConfig("rootNamespace: two\ntrustDomain: other.example.com"));
  await until("the rejection", () => published.length === 3);
  expect(last().verdicts.get(key)).toMatchObject({ accepted: false, servesEarlier: true });
  expect(last().verdicts.get(key)!.diagnostics).toMatchObject([
    { code: "HED1406", span: { file: "istio.yaml", line: 7, column: 18 } },
  ]);
  expect(last().mesh.settings).toBe(published[0]!.mesh.settings);

  // What was said before and is left out now does not stay.
  tested.listener(0).onObject(meshConfig("connectTimeout: 1s"));
  await until("the correction", () => published.length === 4);
  expect(last().mesh.settings.rootNamespaces).toEqual(DEFAULT_SETTINGS.rootNamespaces);
  expect(last().mesh.settings.defaults.client.connectionPool?.connectTimeoutMs).toBe(1_000);

  tested.listener(0).onDeleted(key);
  await until("the removal", () => published.length === 5);
  expect(last().mesh.settings).toBe(DEFAULT_SETTINGS);
});
