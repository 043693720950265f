import { describe, expect, test } from "bun:test";
import type { KubeApi } from "./api.ts";
import { CONFIG_MAPS, configMap, MERGE, newApi, send, VIRTUAL_SERVICES, virtualService } from "./harness.ts";

async function exists(api: KubeApi, path: string): Promise<boolean> {
  return (await send(api, "GET", path)).status === 200;
}

async function create(
  api: KubeApi,
  name: string,
  owners: readonly string[] = [],
  metadata: object = {},
): Promise<string> {
  const ownerReferences = owners.map((uid) => ({ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }));
  const { body } = await send(api, "POST", CONFIG_MAPS, configMap(name, {}, { ownerReferences, ...metadata }));
  return body.metadata.uid;
}

describe("delete", () => {
  test("answers with what was deleted; a second time it is 404", async () => {
    const { api } = newApi();
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    const { status, body } = await send(api, "DELETE", `${VIRTUAL_SERVICES}/a`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "a", group: "networking.istio.io", kind: "virtualservices" },
    });
    expect((await send(api, "DELETE", `${VIRTUAL_SERVICES}/a`)).status).toBe(404);
  });

  test("keeps its preconditions and its dry run", async () => {
    const { api } = newApi();
    const uid = await create(api, "a");
    const wrong = await send(api, "DELETE", `${CONFIG_MAPS}/a`, { preconditions: { uid: "other" } });
    expect(wrong.status).toBe(409);
    expect(wrong.body.message).toContain("Precondition failed: UID in precondition: other");
    await send(api, "DELETE", `${CONFIG_MAPS}/a`, { dryRun: ["All"] });
    expect(await exists(api, `${CONFIG_MAPS}/a`)).toBe(true);
    expect((await send(api, "DELETE", `${CONFIG_MAPS}/a`, { preconditions: { uid } })).status).toBe(200);
    expect((await send(api, "DELETE", `${CONFIG_MAPS}/a`, { propagationPolicy: "Never" })).status).toBe(422);
  });

  test("waits for finalizers: the last one removed ends the object", async () => {
    const { api } = newApi();
    await create(api, "a", [], { finalizers: ["example.com/one", "example.com/two"] });
    const { body } = await send(api, "DELETE", `${CONFIG_MAPS}/a`);
    expect(body).toMatchObject({ kind: "ConfigMap", metadata: { deletionGracePeriodSeconds: 0 } });
    expect(body.metadata.deletionTimestamp).toMatch(/Z$/);
    const patch = (finalizers: readonly string[] | null) =>
      send(api, "PATCH", `${CONFIG_MAPS}/a`, { metadata: { finalizers } }, MERGE);
    const added = await patch(["example.com/one", "example.com/two", "example.com/three"]);
    expect(added.status).toBe(422);
    expect(added.body.message).toContain(
      'no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/three"}',
    );
    expect((await patch(["example.com/two"])).status).toBe(200);
    const again = await send(api, "DELETE", `${CONFIG_MAPS}/a`);
    expect(again.status).toBe(200);
    expect((await patch(null)).status).toBe(200);
    expect(await exists(api, `${CONFIG_MAPS}/a`)).toBe(false);
  });

  test("of an owner removes what only it owned, along chains of any length", async () => {
    const { api } = newApi();
    const owner = await create(api, "owner");
    const other = await create(api, "other");
    let parent = await create(api, "child", [owner]);
    await create(api, "shared", [owner, other]);
    for (let n = 0; n < 60; n++) parent = await create(api, `chain-${n}`, [parent]);
    await send(api, "DELETE", `${CONFIG_MAPS}/owner`);
    const { items } = (await send(api, "GET", CONFIG_MAPS)).body;
    expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(["other", "shared"]);
    expect(items[1].metadata.ownerReferences.map(({ uid }: { uid: string }) => uid)).toEqual([other]);
  });

  test("with Orphan leaves what it owned", async () => {
    const { api } = newApi();
    await create(api, "child", [await create(api, "owner")]);
    await send(api, "DELETE", `${CONFIG_MAPS}/owner`, { propagationPolicy: "Orphan" });
    const { metadata } = (await send(api, "GET", `${CONFIG_MAPS}/child`)).body;
    expect(metadata.ownerReferences).toEqual([]);
  });

  test("of a collection takes what the selector names", async () => {
    const { api } = newApi();
    for (const name of ["a", "b", "c"]) await create(api, name, [], { labels: { keep: String(name === "b") } });
    const { body } = await send(api, "DELETE", `${CONFIG_MAPS}?labelSelector=keep=false`);
    expect(body.items).toHaveLength(2);
    expect(await exists(api, `${CONFIG_MAPS}/b`)).toBe(true);
    expect(await exists(api, `${CONFIG_MAPS}/a`)).toBe(false);
  });
});

describe("namespaces", () => {
  const NAMESPACES = "/api/v1/namespaces";

  test("go with all that is in them", async () => {
    const { api } = newApi();
    await send(api, "POST", NAMESPACES, { metadata: { name: "team" } });
    await send(api, "POST", `${NAMESPACES}/team/configmaps`, configMap("a"));
    await send(api, "DELETE", `${NAMESPACES}/team`);
    expect(await exists(api, `${NAMESPACES}/team`)).toBe(false);
    await send(api, "POST", NAMESPACES, { metadata: { name: "team" } });
    expect((await send(api, "GET", `${NAMESPACES}/team/configmaps`)).body.items).toEqual([]);
  });

  test("terminate while something in them waits, and take nothing new", async () => {
    const { api } = newApi();
    await send(api, "POST", NAMESPACES, { metadata: { name: "team" } });
    await send(api, "POST", `${NAMESPACES}/team/configmaps`, configMap("a", {}, { finalizers: ["example.com/x"] }));
    await send(api, "POST", `${NAMESPACES}/team/configmaps`, configMap("b"));
    const { body } = await send(api, "DELETE", `${NAMESPACES}/team`);
    expect(body.status.phase).toBe("Terminating");
    expect(await exists(api, `${NAMESPACES}/team/configmaps/b`)).toBe(false);
    const refused = await send(api, "POST", `${NAMESPACES}/team/configmaps`, configMap("c"));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain("because it is being terminated");
    await send(api, "PATCH", `${NAMESPACES}/team/configmaps/a`, { metadata: { finalizers: null } }, MERGE);
    expect(await exists(api, `${NAMESPACES}/team`)).toBe(false);
  });

  test("that the mesh needs exist from the start and stay", async () => {
    const { api } = newApi();
    for (const name of ["default", "heddle-system", "istio-system"]) {
      const { body } = await send(api, "GET", `${NAMESPACES}/${name}`);
      expect(body).toMatchObject({
        status: { phase: "Active" },
        metadata: { labels: { "kubernetes.io/metadata.name": name } },
      });
      expect((await send(api, "DELETE", `${NAMESPACES}/${name}`)).status).toBe(403);
    }
  });
});
