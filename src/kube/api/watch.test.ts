import { describe, expect, test } from "bun:test";
import { Store } from "../store/store.ts";
import { CONFIG_MAPS, configMap, Events, MERGE, newApi, send, VIRTUAL_SERVICES, virtualService } from "./harness.ts";

const WATCH = `${CONFIG_MAPS}?watch=true`;

describe("watch", () => {
  test("from a version tells every change after it, once", async () => {
    const { api, store } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("before"));
    const { version } = store;
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    const events = await Events.open(api, `${WATCH}&resourceVersion=${version}`);
    expect(await events.take(1)).toEqual(["ADDED a"]);
    await send(api, "PATCH", `${CONFIG_MAPS}/a`, { data: { k: "v" } }, MERGE);
    await send(api, "DELETE", `${CONFIG_MAPS}/a`);
    expect(await events.take(1)).toEqual(["MODIFIED a"]);
    const deleted = await events.next();
    expect(deleted.type).toBe("DELETED");
    expect(deleted.object.data).toEqual({ k: "v" });
    expect(Number(deleted.object.metadata.resourceVersion)).toBe(store.version);
    await events.close();
  });

  test("without a version begins with what there is", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("b"));
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    for (const version of ["", "&resourceVersion=0"]) {
      const events = await Events.open(api, WATCH + version);
      expect(await events.take(2)).toEqual(["ADDED a", "ADDED b"]);
      await events.close();
    }
  });

  test("is confined to its namespace, and objects come and go as they match its selector", async () => {
    const { api } = newApi();
    const events = await Events.open(api, `${WATCH}&labelSelector=app=web`);
    await send(
      api,
      "POST",
      "/api/v1/namespaces/istio-system/configmaps",
      configMap("elsewhere", {}, { labels: { app: "web" } }),
    );
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    await send(api, "PATCH", `${CONFIG_MAPS}/a`, { metadata: { labels: { app: "web" } } }, MERGE);
    await send(api, "PATCH", `${CONFIG_MAPS}/a`, { data: { k: "v" } }, MERGE);
    await send(api, "PATCH", `${CONFIG_MAPS}/a`, { metadata: { labels: { app: "api" } } }, MERGE);
    expect(await events.take(3)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
    await events.close();
  });

  test("of one name tells of that name only", async () => {
    const { api } = newApi();
    const events = await Events.open(api, `${CONFIG_MAPS}/b?watch=1`);
    for (const name of ["a", "b"]) await send(api, "POST", CONFIG_MAPS, configMap(name));
    expect(await events.take(1)).toEqual(["ADDED b"]);
    await events.close();
  });

  test("speaks the version that was asked for", async () => {
    const { api } = newApi();
    const events = await Events.open(api, `${VIRTUAL_SERVICES.replace("/v1/", "/v1alpha3/")}?watch=1`);
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    expect((await events.next()).object.apiVersion).toBe("networking.istio.io/v1alpha3");
    await events.close();
  });

  test("from a version that is compacted is an event with 410", async () => {
    const { api, store } = newApi();
    const { version } = store;
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    store.compact();
    const events = await Events.open(api, `${WATCH}&resourceVersion=${version}`);
    expect(await events.next()).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", code: 410, reason: "Expired" },
    });
    expect(await events.next()).toBeUndefined();
  });

  test("that falls behind the history ends with 410 and costs no memory", async () => {
    const store = Store.open(":memory:", { events: 50, characters: 1_000_000 });
    const { api } = newApi({ store });
    const response = await api.handle(new Request(`http://127.0.0.1${WATCH}&resourceVersion=${store.version}`));
    for (let n = 0; n < 200; n++) await send(api, "POST", CONFIG_MAPS, configMap(`c${n}`));
    const text = await response.text();
    expect(text).toContain('"code":410');
    expect(text.split("\n").length).toBeLessThan(10);
  });

  test("from a version of the future is 504, from nonsense 400", async () => {
    const { api, store } = newApi();
    expect((await send(api, "GET", `${WATCH}&resourceVersion=${store.version + 1}`)).status).toBe(504);
    for (const [query, code] of [
      ["resourceVersion=x", 400],
      ["timeoutSeconds=x", 400],
      ["fieldSelector=a.b=c", 400],
      ["resourceVersionMatch=Exact", 422],
      ["sendInitialEvents=true", 422],
      ["continue=x", 422],
    ]) {
      expect((await send(api, "GET", `${WATCH}&${query}`)).status).toBe(Number(code));
    }
  });

  test("with sendInitialEvents says where the initial events end", async () => {
    const { api, store } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const events = await Events.open(api, `${WATCH}&${query}`);
    expect(await events.take(1)).toEqual(["ADDED a"]);
    const bookmark = await events.next();
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        metadata: { resourceVersion: String(store.version), annotations: { "k8s.io/initial-events-end": "true" } },
      },
    });
    await events.close();
  });

  test("ends at its timeout, with a bookmark of the newest version for those who want one", async () => {
    const { api, store } = newApi();
    const start = store.version;
    const events = await Events.open(
      api,
      `${WATCH}&resourceVersion=${start}&timeoutSeconds=1&allowWatchBookmarks=true`,
    );
    await send(api, "POST", "/api/v1/namespaces/default/secrets", { metadata: { name: "other" } });
    const bookmark = await events.next();
    expect(bookmark.type).toBe("BOOKMARK");
    expect(Number(bookmark.object.metadata.resourceVersion)).toBe(store.version);
    expect(await events.next()).toBeUndefined();
  });

  test("as a table sends its columns once", async () => {
    const { api } = newApi();
    for (const name of ["a", "b"]) await send(api, "POST", CONFIG_MAPS, configMap(name));
    const events = await Events.open(api, WATCH, "application/json;as=Table;g=meta.k8s.io;v=v1");
    const first = await events.next();
    expect(first.object.columnDefinitions.length).toBeGreaterThan(0);
    expect(first.object.rows[0].cells[0]).toBe("a");
    const second = await events.next();
    expect(second.object.columnDefinitions).toEqual([]);
    await events.close();
  });

  test("is counted, bounded, and let go when the client leaves", async () => {
    const { api } = newApi({ maxWatches: 2 });
    const open = [await Events.open(api, WATCH), await Events.open(api, WATCH)];
    const refused = await send(api, "GET", WATCH);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("5");
    await open[0]!.close();
    expect(api.watches).toBe(1);
    await (await Events.open(api, WATCH)).close();
    api.close();
    expect(await open[1]!.next()).toBeUndefined();
    expect(api.watches).toBe(0);
    expect((await send(api, "GET", CONFIG_MAPS)).status).toBe(503);
  });

  test("tells hundreds of changes in order, whatever the batches", async () => {
    const { api, store } = newApi();
    const events = await Events.open(api, `${WATCH}&resourceVersion=${store.version}`);
    for (let n = 0; n < 350; n++) await send(api, "POST", CONFIG_MAPS, configMap(`c${n}`));
    const names = await events.take(350);
    expect(names).toEqual(Array.from({ length: 350 }, (_, n) => `ADDED c${n}`));
    await events.close();
  });
});
