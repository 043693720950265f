import { describe, expect, test } from "bun:test";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { newApi, send, VIRTUAL_SERVICES } from "../kube/api/harness.ts";
import { DEFAULT_HISTORY } from "../kube/store/history.ts";
import { Store } from "../kube/store/store.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { admission } from "./admission.ts";
import { heldObjects } from "./held-objects.ts";

function virtualService(weight: unknown) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "a", namespace: "default" },
    spec: { hosts: ["a"], http: [{ route: [{ destination: { host: "a" }, weight }] }] },
  };
}

test("a write that a dialect calls an error is refused with its field, and the stored object stays", async () => {
  const { api } = newApi({
    admit: admission(
      () => DEFAULT_SETTINGS,
      () => undefined,
    ),
  });
  expect((await send(api, "POST", VIRTUAL_SERVICES, virtualService(100))).status).toBe(201);
  const stored = await send(api, "GET", `${VIRTUAL_SERVICES}/a`);
  const refused = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, {
    ...virtualService(-1),
    metadata: stored.body.metadata,
  });
  expect(refused.status).toBe(422);
  expect(refused.body.details.causes[0].field).toContain("spec.http[0].route[0].weight");
  expect((await send(api, "GET", `${VIRTUAL_SERVICES}/a`)).body.spec).toEqual(stored.body.spec);
  expect((await send(api, "DELETE", `${VIRTUAL_SERVICES}/a`)).status).toBe(200);
});

test("what an analyzer says of the object alone is judged, too: warnings are shown, errors refuse", async () => {
  const { api } = newApi({
    admit: admission(
      () => DEFAULT_SETTINGS,
      () => undefined,
    ),
  });
  const repeated = virtualService(100);
  const [route] = repeated.spec.http;
  const allowed = await send(api, "POST", VIRTUAL_SERVICES, {
    ...repeated,
    spec: { hosts: ["a"], http: [route, { match: [{ uri: { prefix: "/a" } }], ...route }] },
  });
  expect(allowed.status).toBe(201);
  const judged = await admission(
    () => DEFAULT_SETTINGS,
    () => undefined,
  )(
    "CREATE",
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "a", namespace: "default" },
      spec: { configPatches: [{ applyTo: "CLUSTER", patch: { operation: "REPLACE" } }] },
    },
    undefined,
  );
  expect(judged.kind).toBe("refused");
  expect(judged.kind === "refused" && judged.causes.map(({ message }) => message).join()).toContain("[IST0152]");
});

test("a warning of an analyzer goes to the writer", async () => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "a",
      namespace: "default",
      annotations: { "traffic.sidecar.istio.io/excludeInboundPort": "80" },
    },
    spec: { ports: [{ name: "http", port: 80 }] },
  };
  const judged = await admission(
    () => DEFAULT_SETTINGS,
    () => undefined,
  )("CREATE", service, undefined);
  expect(judged.kind).toBe("allowed");
  expect(judged.warnings.join()).toContain("Unknown annotation: traffic.sidecar.istio.io/excludeInboundPort");
  expect(judged.warnings.join()).toContain("[IST0108]");
});

describe("beside the objects that are there", () => {
  function withRivals(folder: readonly SourceObject[] = []) {
    const store = Store.open(":memory:", DEFAULT_HISTORY);
    const { api } = newApi({
      store,
      admit: admission(
        () => DEFAULT_SETTINGS,
        () => undefined,
        heldObjects(store, () => folder),
      ),
    });
    return api;
  }
  const named = (name: string, host: string) => {
    const object = virtualService(100);
    return { ...object, metadata: { name, namespace: "default" }, spec: { ...object.spec, hosts: [host] } };
  };

  test("a host that another has is refused with its field and the other's name, at once", async () => {
    const api = withRivals();
    expect((await send(api, "POST", VIRTUAL_SERVICES, named("a", "web"))).status).toBe(201);
    const refused = await send(api, "POST", VIRTUAL_SERVICES, named("b", "web"));
    expect(refused.status).toBe(422);
    const [cause] = refused.body.details.causes;
    expect(cause.field).toBe("spec.hosts[0]");
    expect(cause.message).toContain("default/a");
    expect(cause.message).toContain("[IST0109]");
    expect((await send(api, "GET", `${VIRTUAL_SERVICES}/b`)).status).toBe(404);
    // In the order in which the one gives it up it is fine.
    const applied = { type: "application/apply-patch+yaml" };
    const path = (name: string) => `${VIRTUAL_SERVICES}/${name}?fieldManager=t&force=true`;
    expect((await send(api, "PATCH", path("a"), named("a", "other"), applied)).status).toBe(200);
    expect((await send(api, "POST", VIRTUAL_SERVICES, named("b", "web"))).status).toBe(201);
  });

  test("who changes both at once says so, and hosts can change places", async () => {
    const api = withRivals();
    for (const object of [named("a", "web"), named("b", "other")])
      expect((await send(api, "POST", VIRTUAL_SERVICES, object)).status).toBe(201);
    const key = (name: string) => encodeURIComponent(`networking.istio.io/VirtualService/default/${name}`);
    const write = (name: string, host: string, other: string) =>
      send(
        api,
        "PATCH",
        `${VIRTUAL_SERVICES}/${name}?fieldManager=t&force=true&together=${key(other)}`,
        named(name, host),
        { type: "application/apply-patch+yaml" },
      );
    expect((await write("a", "other", "b")).status).toBe(200);
    expect((await write("b", "web", "a")).status).toBe(200);
  });

  test("of many that claim one host at the same moment one gets it", async () => {
    const api = withRivals();
    const names = Array.from({ length: 20 }, (_, i) => `v${i}`);
    const answers = await Promise.all(names.map((name) => send(api, "POST", VIRTUAL_SERVICES, named(name, "web"))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 422)]);
    const { body } = await send(api, "GET", VIRTUAL_SERVICES);
    expect(body.items).toHaveLength(1);
  });

  test("of two that change at once into what the other claims neither is judged by what was there before", async () => {
    const api = withRivals();
    for (const object of [named("a", "one"), named("b", "two")])
      expect((await send(api, "POST", VIRTUAL_SERVICES, object)).status).toBe(201);
    const applied = { type: "application/apply-patch+yaml" };
    const change = (name: string) =>
      send(api, "PATCH", `${VIRTUAL_SERVICES}/${name}?fieldManager=t&force=true`, named(name, "three"), applied);
    const answers = await Promise.all([change("a"), change("b")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  });

  test("what a folder holds counts as well", async () => {
    const read = sourceObject(named("a", "web"));
    const api = withRivals(read.kind === "object" ? [read.object] : []);
    expect((await send(api, "POST", VIRTUAL_SERVICES, named("b", "web"))).status).toBe(422);
    expect((await send(api, "POST", VIRTUAL_SERVICES, named("b", "other"))).status).toBe(201);
  });
});
