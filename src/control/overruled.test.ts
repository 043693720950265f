// A folder and the API that hold the same object: the folder's counts, whoever came or changed last, and both are told.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-fixture.ts";
import { newApi, send, VIRTUAL_SERVICES } from "../kube/api/harness.ts";
import { KubeClient } from "../kube/client/client.ts";
import { embeddedConnection } from "../kube/client/connection.ts";
import type { KubeObject } from "../kube/object.ts";
import { resource } from "../kube/resources.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { admission } from "./admission.ts";
import { ControlPlane } from "./control-plane.ts";
import { OverruledStatus } from "./overruled.ts";
import type { Compilation } from "./pipeline.ts";
import { ApiSource } from "./source/api.ts";
import { DirectorySource } from "./source/directory.ts";

const ROUTE = { namespace: "default", name: "a" };
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0).reverse()) stop();
});

function route(timeout: string): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { ...ROUTE },
    spec: { hosts: ["a"], http: [{ timeout, route: [{ destination: { host: "a" } }] }] },
  };
}

async function world() {
  const path = mkdtempSync(join(tmpdir(), "heddle-overruled-"));
  stops.push(() => rmSync(path, { recursive: true, force: true }));
  const folder = new DirectorySource(path);
  const { api } = newApi({
    admit: admission(
      () => DEFAULT_SETTINGS,
      (key) => (folder.holds(key) ? folder.name : undefined),
    ),
  });
  const client = new KubeClient(embeddedConnection(api), "test");
  const source = new ApiSource(client);
  const status = new OverruledStatus(client);
  const compiled: Compilation[] = [];
  const control = new ControlPlane({
    settings: DEFAULT_SETTINGS,
    debounce: { quietMs: 5, maxMs: 100 },
    sources: [folder, source],
    onConnected() {},
    onDisconnected() {},
    onCompiled(compilation) {
      compiled.push(compilation);
      status.update(source.held, compilation.overruled);
    },
  });
  const last = () => compiled.at(-1)!;
  return {
    api,
    client,
    compiled,
    last,
    folderName: folder.name,
    /** Resolves with the control plane running. */
    async start() {
      stops.push(() => control.stop());
      await control.start();
    },
    write: (timeout: string) => writeFileSync(join(path, "a.json"), JSON.stringify(route(timeout))),
    remove: () => rmSync(join(path, "a.json")),
    /** Time-out of the route in force, in milliseconds; of every compilation that had one. */
    timeouts: () =>
      compiled.flatMap(({ mesh }) => mesh.routes.map((found) => JSON.stringify(found).match(/"timeoutMs":(\d+)/)?.[1])),
    conditions: async () => {
      const found = (await client.get(resource.virtualServices, ROUTE))?.status as
        | { conditions?: readonly object[] }
        | undefined;
      return found?.conditions ?? [];
    },
    findings: () => last().findings.filter(({ code }) => code === "HED1027"),
  };
}

test("the folder counts whatever comes last; the API's takes over when the file goes, and nothing is without a route meanwhile", async () => {
  const { client, compiled, write, remove, start, timeouts, findings, conditions } = await world();
  await client.create(resource.virtualServices, route("1s"));
  await start();
  expect(timeouts()).toEqual(["1000"]);
  write("2s");
  await until("the file's", () => timeouts().at(-1) === "2000");
  await client.apply(resource.virtualServices, route("3s"), { force: true });
  await until("the condition", async () => (await conditions()).length === 1);
  write("4s");
  await until("the file's", () => timeouts().at(-1) === "4000");
  expect(findings().length).toBe(1);
  remove();
  await until("the API's", () => timeouts().at(-1) === "3000");
  await until("no condition", async () => (await conditions()).length === 0);
  expect(findings()).toEqual([]);
  // Neither an interval without it, nor one with the other's.
  expect(timeouts().length).toBe(compiled.length);
  expect(timeouts().filter((timeout, i, all) => timeout !== all[i - 1])).toEqual(["1000", "2000", "4000", "3000"]);
});

test("both are told: the file by a finding in its place, the API's writer by a warning and the object's status", async () => {
  const { api, client, write, start, findings, conditions, folderName } = await world();
  write("2s");
  await start();
  const { status, warnings } = await send(api, "POST", VIRTUAL_SERVICES, route("1s"));
  expect(status).toBe(201);
  expect(warnings).toEqual([
    `${folderName} holds an object of this name, which counts: this one has no effect, however it is changed [HED1027]`,
  ]);
  await until("the condition", async () => (await conditions()).length === 1);
  expect(await conditions()).toMatchObject([
    { type: "heddle.dev/InForce", status: "False", reason: "Overruled", message: expect.stringContaining(folderName) },
  ]);
  const [finding] = findings();
  expect(finding).toMatchObject({
    severity: "warning",
    object: { kind: "VirtualService", namespace: "default", name: "a" },
    span: { file: join(folderName.replace("the folder ", ""), "a.json"), line: 1 },
  });
  expect((await send(api, "DELETE", `${VIRTUAL_SERVICES}/a`)).warnings.length).toBe(1);
  await until("no finding", () => findings().length === 0);
  expect(await client.get(resource.virtualServices, ROUTE)).toBeUndefined();
});

test("writing the status starts nothing over: what was told once is not told again", async () => {
  const { client, compiled, write, start, conditions } = await world();
  write("2s");
  await client.create(resource.virtualServices, route("1s"));
  await start();
  await until("the condition", async () => (await conditions()).length === 1);
  const version = (await client.get(resource.virtualServices, ROUTE))?.metadata.resourceVersion;
  write("3s");
  const before = compiled.length;
  await until("another compilation", () => compiled.length > before);
  write("4s");
  await until("and another", () => compiled.length > before + 1);
  expect((await client.get(resource.virtualServices, ROUTE))?.metadata.resourceVersion).toBe(version);
});

test("a wrong file keeps its own last good version; without one, the API's does not stand in for it", async () => {
  const { client, write, start, timeouts, last, remove } = await world();
  await client.create(resource.virtualServices, route("1s"));
  write("soon");
  await start();
  expect(last().mesh.routes).toEqual([]);
  write("2s");
  await until("the file's", () => timeouts().at(-1) === "2000");
  write("soon");
  await until("the rejection", () => [...last().verdicts.values()].some(({ servesEarlier }) => servesEarlier));
  expect(timeouts().at(-1)).toBe("2000");
  remove();
  await until("the API's", () => timeouts().at(-1) === "1000");
});

test("what a registration made for want of another is overruled without a warning", async () => {
  const { client, write, start, findings } = await world();
  const made = route("1s");
  const metadata = { ...made.metadata, annotations: { "heddle.dev/registered-by": "heddle run" } };
  await client.create(resource.virtualServices, { ...made, metadata });
  write("2s");
  await start();
  expect(findings()).toMatchObject([{ severity: "info" }]);
});
