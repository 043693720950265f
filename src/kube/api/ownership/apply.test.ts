import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { KubeApi } from "../api.ts";
import { APPLY, CONFIG_MAPS, MERGE, newApi, SERVICES, send, VIRTUAL_SERVICES, virtualService } from "../harness.ts";
import {
  difference,
  equalSets,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  ITSELF,
  intersection,
  isEmpty,
  toFieldsV1,
  union,
} from "./field-set.ts";

function apply(api: KubeApi, path: string, manager: string, body: object, extra = "") {
  return send(api, "PATCH", `${path}?fieldManager=${manager}${extra}`, body, APPLY);
}

function service(ports: readonly object[], metadata: object = {}): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "a", ...metadata }, spec: { ports } };
}

const SERVICE = `${SERVICES}/a`;
const VIRTUAL = `${VIRTUAL_SERVICES}/a`;

describe("server-side apply", () => {
  test("creates what does not exist, and says again what it said without a new version", async () => {
    const { api, store } = newApi();
    const first = await apply(api, VIRTUAL, "me", virtualService("a"));
    expect(first.status).toBe(201);
    expect(first.body.metadata.managedFields).toEqual([
      {
        manager: "me",
        operation: "Apply",
        apiVersion: "networking.istio.io/v1",
        time: first.body.metadata.creationTimestamp,
        fieldsType: "FieldsV1",
        fieldsV1: { "f:spec": { "f:hosts": {} } },
      },
    ]);
    const { version } = store;
    const second = await apply(api, VIRTUAL, "me", virtualService("a"));
    expect(second.status).toBe(200);
    expect(store.version).toBe(version);
  });

  test("a field that another owns is a conflict that names both, and nothing changes", async () => {
    const { api, store } = newApi();
    await send(
      api,
      "POST",
      `${VIRTUAL_SERVICES}?fieldManager=alice`,
      virtualService("a", { hosts: ["a"], gateways: ["g"] }),
    );
    const { version } = store;
    const { status, body } = await apply(api, VIRTUAL, "bob", virtualService("a", { hosts: ["b"] }));
    expect(status).toBe(409);
    expect(body.message).toBe(
      'Apply failed with 1 conflict: conflict with "alice" using networking.istio.io/v1: .spec.hosts',
    );
    expect(body.details.causes).toEqual([
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "alice" using networking.istio.io/v1',
        field: ".spec.hosts",
      },
    ]);
    expect(store.version).toBe(version);
  });

  test("several conflicts are listed by manager", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "alice", virtualService("a", { hosts: ["a"], gateways: ["g"] }));
    const { body } = await apply(api, VIRTUAL, "bob", virtualService("a", { hosts: ["b"], gateways: ["h"] }));
    expect(body.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "alice":\n- .spec.gateways\n- .spec.hosts',
    );
  });

  test("with force the field changes hands", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "alice", virtualService("a", { hosts: ["a"], gateways: ["g"] }));
    const { body } = await apply(api, VIRTUAL, "bob", virtualService("a", { hosts: ["b"] }), "&force=true");
    expect(body.spec).toEqual({ hosts: ["b"], gateways: ["g"] });
    const fields = Object.fromEntries(
      body.metadata.managedFields.map((entry: { manager: string; fieldsV1: object }) => [
        entry.manager,
        entry.fieldsV1,
      ]),
    );
    expect(fields).toEqual({ alice: { "f:spec": { "f:gateways": {} } }, bob: { "f:spec": { "f:hosts": {} } } });
  });

  test("the same value from two appliers is shared; it stays until the last one drops it", async () => {
    const { api } = newApi();
    const labelled = virtualService("a", { hosts: ["a"] }, { labels: { team: "x" } });
    await apply(api, VIRTUAL, "alice", labelled);
    await apply(api, VIRTUAL, "bob", labelled);
    const one = await apply(api, VIRTUAL, "alice", virtualService("a", { hosts: ["a"] }));
    expect(one.body.metadata.labels).toEqual({ team: "x" });
    const none = await apply(api, VIRTUAL, "bob", virtualService("a", { hosts: ["a"] }));
    expect(none.body.metadata.labels).toBeUndefined();
    expect(none.body.metadata.name).toBe("a");
  });

  test("what an applier stops mentioning goes; what others set stays", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"], extra: { one: 1, two: 2 } }));
    await send(api, "PATCH", VIRTUAL, { spec: { extra: { three: 3 } } }, MERGE);
    const { body } = await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"], extra: { two: 2 } }));
    expect(body.spec).toEqual({ hosts: ["a"], extra: { two: 2, three: 3 } });
    const rest = await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"] }));
    expect(rest.body.spec).toEqual({ hosts: ["a"], extra: { three: 3 } });
  });

  test("a container that only the applier filled goes with its last field", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"], extra: { deep: { one: 1 } } }));
    const { body } = await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"] }));
    expect(body.spec).toEqual({ hosts: ["a"] });
  });

  test("keyed lists are shared item by item, in the order that was applied", async () => {
    const { api } = newApi();
    await apply(api, SERVICE, "alice", service([{ name: "http", port: 80 }]));
    const both = await apply(
      api,
      SERVICE,
      "bob",
      service([
        { name: "grpc", port: 9_090 },
        { port: 80, protocol: "TCP" },
      ]),
    );
    expect(both.body.spec.ports.map(({ port }: { port: number }) => port)).toEqual([9_090, 80]);
    const conflict = await apply(api, SERVICE, "bob", service([{ name: "web", port: 80 }]));
    expect(conflict.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "alice": .spec.ports[port=80,protocol="TCP"].name',
    );
    const dropped = await apply(api, SERVICE, "bob", service([]));
    expect(dropped.body.spec.ports).toEqual([{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }]);
  });

  test("lists of custom resources are one field each", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "alice", virtualService("a", { hosts: ["a"], http: [{ name: "one" }] }));
    const { status } = await apply(
      api,
      VIRTUAL,
      "bob",
      virtualService("a", { http: [{ name: "one" }, { name: "two" }] }),
    );
    expect(status).toBe(409);
  });

  test("status is applied at its own path and owned apart", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "me", { ...virtualService("a"), status: { ignored: true } });
    const { body } = await apply(api, `${VIRTUAL}/status`, "control", {
      ...virtualService("a", { hosts: ["no"] }),
      status: { ok: 1 },
    });
    expect(body.spec).toEqual({ hosts: ["a"] });
    expect(body.status).toEqual({ ok: 1 });
    const entry = body.metadata.managedFields.find(({ manager }: { manager: string }) => manager === "control");
    expect(entry).toMatchObject({ subresource: "status", fieldsV1: { "f:status": { "f:ok": {} } } });
    const again = await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["b"] }));
    expect(again.body.status).toEqual({ ok: 1 });
  });

  test("an update takes the fields that it changes from their appliers", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"] }));
    await send(api, "PATCH", `${VIRTUAL}?fieldManager=edit`, { spec: { hosts: ["b"] } }, MERGE);
    const { body } = await apply(api, VIRTUAL, "me", virtualService("a", { hosts: ["a"] }));
    expect(body.message).toContain('conflict with "edit" using networking.istio.io/v1: .spec.hosts');
  });

  test("a null in a configuration takes nothing from others", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "alice", virtualService("a", { hosts: ["a"] }, { labels: { team: "x" } }));
    const { body } = await apply(
      api,
      VIRTUAL,
      "bob",
      virtualService("a", { hosts: ["a"] }, { labels: null, creationTimestamp: null }),
    );
    expect(body.metadata.labels).toEqual({ team: "x" });
    expect(body.metadata.creationTimestamp).toBeDefined();
  });

  test("a configuration with managedFields, of another version or of another name is refused", async () => {
    const { api } = newApi();
    expect((await apply(api, VIRTUAL, "me", virtualService("a", {}, { managedFields: [] }))).body.message).toBe(
      "metadata.managedFields must be nil",
    );
    expect(
      (await apply(api, VIRTUAL, "me", { ...virtualService("a"), apiVersion: "networking.istio.io/v1beta1" })).status,
    ).toBe(400);
    expect((await apply(api, VIRTUAL, "me", virtualService("b"))).status).toBe(400);
    expect((await send(api, "PATCH", `${VIRTUAL}?fieldManager=me`, "spec:\n  hosts: [a]\n", APPLY)).status).toBe(201);
  });

  test("many updaters are merged into one, so that the list stays short", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, { metadata: { name: "a" } });
    for (let n = 0; n < 25; n++) {
      await send(api, "PATCH", `${CONFIG_MAPS}/a?fieldManager=m${n}`, { data: { [`k${n}`]: "v" } }, MERGE);
    }
    const { body } = await send(api, "GET", `${CONFIG_MAPS}/a`);
    const entries: readonly { manager: string; fieldsV1: Record<string, object> }[] = body.metadata.managedFields;
    expect(entries.length).toBeLessThanOrEqual(10);
    expect(entries.some(({ manager }) => manager === "ancient-changes")).toBe(true);
    const owned = entries.flatMap(({ fieldsV1 }) =>
      Object.keys(fieldsV1["f:data"] ?? {}).filter((field) => field !== "."),
    );
    expect(new Set(owned).size).toBe(25);
  });

  test("a client may rewrite managedFields or have them forgotten", async () => {
    const { api } = newApi();
    await apply(api, VIRTUAL, "me", virtualService("a"));
    const { body } = await send(api, "PATCH", VIRTUAL, { metadata: { managedFields: [{}] } }, MERGE);
    expect(body.metadata.managedFields).toBeUndefined();
  });
});

describe("field sets", () => {
  const set: fc.Arbitrary<FieldSet> = fc.letrec<{ set: FieldSet }>((tie) => ({
    set: fc.oneof(
      { maxDepth: 3 },
      fc.constant(ITSELF),
      fc
        .tuple(fc.boolean(), fc.dictionary(fc.constantFrom("f:a", "f:b", 'k:{"n":1}', "v:1"), tie("set")))
        .map(([member, children]) => fieldSet(member, Object.entries(children))),
    ),
  })).set;
  const root = set.map((value) => ({ ...value, member: false }));

  test("are written and read back", () => {
    fc.assert(fc.property(root, (value) => equalSets(fromFieldsV1(toFieldsV1(value))!, value)));
  });

  test("obey the laws of sets", () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const laws = [
          equalSets(union(a, b), union(b, a)),
          equalSets(union(difference(a, b), intersection(a, b)), a),
          isEmpty(intersection(difference(a, b), b)),
          equalSets(difference(union(a, b), b), difference(a, b)),
        ];
        return laws.every(Boolean);
      }),
    );
  });

  test("that are not well-formed are refused", () => {
    for (const bad of [null, [], { x: {} }, { "k:{": {} }, { "f:a": 1 }, { "v:": {} }])
      expect(fromFieldsV1(bad)).toBeUndefined();
  });
});
