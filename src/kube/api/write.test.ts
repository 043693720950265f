import { describe, expect, test } from "bun:test";
import { resource } from "../resources.ts";
import { object, text, whole } from "../schema.ts";
import {
  APPLY,
  CONFIG_MAPS,
  configMap,
  JSON_PATCH,
  MERGE,
  newApi,
  SERVICES,
  STRATEGIC,
  send,
  VIRTUAL_SERVICES,
  virtualService,
} from "./harness.ts";

describe("create", () => {
  test("gives the object its identity", async () => {
    const { api } = newApi({ now: () => new Date("2026-01-02T03:04:05.678Z") });
    const { status, body } = await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    expect(status).toBe(201);
    expect(body.metadata).toMatchObject({
      name: "a",
      namespace: "default",
      generation: 1,
      creationTimestamp: "2026-01-02T03:04:05Z",
    });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  test("what the server owns cannot be given", async () => {
    const { api } = newApi();
    const metadata = {
      uid: "mine",
      generation: 9,
      creationTimestamp: "2000-01-01T00:00:00Z",
      deletionTimestamp: "2000-01-01T00:00:00Z",
    };
    const { body } = await send(api, "POST", VIRTUAL_SERVICES, {
      ...virtualService("a", {}, metadata),
      status: { fake: true },
    });
    expect(body.metadata.uid).not.toBe("mine");
    expect(body.metadata.generation).toBe(1);
    expect(body.metadata.deletionTimestamp).toBeUndefined();
    expect(body.status).toBeUndefined();
  });

  test("makes a name from generateName", async () => {
    const { api } = newApi();
    const { body } = await send(api, "POST", CONFIG_MAPS, { metadata: { generateName: "web-" } });
    expect(body.metadata.name).toMatch(/^web-[b-z2-9]{5}$/);
    const { status } = await send(api, "POST", CONFIG_MAPS, { metadata: {} });
    expect(status).toBe(422);
  });

  test.each([
    ["a name that is taken", configMap("taken"), 409, "AlreadyExists", 'configmaps "taken" already exists'],
    [
      "another kind",
      { ...configMap("a"), kind: "Secret" },
      400,
      "BadRequest",
      "does not match the expected kind (ConfigMap)",
    ],
    [
      "another version",
      { ...configMap("a"), apiVersion: "v2" },
      400,
      "BadRequest",
      "does not match the expected API version (v1)",
    ],
    [
      "another namespace",
      configMap("a", {}, { namespace: "other" }),
      400,
      "BadRequest",
      "does not match the namespace sent",
    ],
    ["a bad name", configMap("A_b"), 422, "Invalid", "a lowercase RFC 1123 subdomain must consist of"],
    ["a name that is a path", configMap("../x"), 422, "Invalid", "a lowercase RFC 1123 subdomain must consist of"],
    ["a bad label", configMap("a", {}, { labels: { "a b": "c" } }), 422, "Invalid", "metadata.labels: Invalid value"],
    ["a label that is no text", configMap("a", {}, { labels: { a: 1 } }), 422, "Invalid", "must be of type string"],
    ["metadata that is a list", { ...configMap("a"), metadata: [] }, 400, "BadRequest", "metadata must be an object"],
    ["a name that is a number", configMap("a", {}, { name: 7 }), 400, "BadRequest", "metadata.name must be a string"],
    [
      "managedFields that are nonsense",
      configMap("a", {}, { managedFields: [null, { fieldsV1: 3 }] }),
      201,
      undefined,
      undefined,
    ],
    [
      "a resourceVersion",
      configMap("a", {}, { resourceVersion: "1" }),
      400,
      "BadRequest",
      "resourceVersion should not be set",
    ],
    ["a bad data key", configMap("a", { "a b": "c" }), 422, "Invalid", "a valid config key must consist of"],
    ["a list", [], 400, "BadRequest", "the body must be an object"],
    ["text that is not JSON", "{nope", 400, "BadRequest", "the object provided is unrecognized"],
    ["an empty body", "", 400, "BadRequest", "the request has no body"],
    [
      "large annotations",
      configMap("a", {}, { annotations: { k: "x".repeat(300_000) } }),
      422,
      "Invalid",
      "metadata.annotations: Too long",
    ],
    [
      "an object of 1.6 MB",
      configMap("a", { k: "x".repeat(1_600_000) }),
      413,
      "RequestEntityTooLarge",
      "at most 1572864",
    ],
    ["a body of 4 MB", configMap("a", { k: "x".repeat(4_000_000) }), 413, "RequestEntityTooLarge", "limit is 3145728"],
  ])("with %s is answered in Kubernetes' words", async (_, body, code, reason, message) => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("taken"));
    const answer = await send(api, "POST", CONFIG_MAPS, body);
    expect(answer.status).toBe(code);
    if (reason === undefined) return;
    expect(answer.body).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", reason, code });
    expect(answer.body.message).toContain(message!);
  });

  test("in a namespace that does not exist is 404", async () => {
    const { api } = newApi();
    const { status, body } = await send(api, "POST", "/api/v1/namespaces/nope/configmaps", configMap("a"));
    expect(status).toBe(404);
    expect(body.message).toBe('namespaces "nope" not found');
  });

  test("of a media type nobody knows is 415 and names those that are", async () => {
    const { api } = newApi();
    const { status, body } = await send(api, "POST", VIRTUAL_SERVICES, "x", {
      type: "application/vnd.kubernetes.protobuf",
    });
    expect(status).toBe(415);
    expect(body.message).toContain("accepted media types include: application/json, application/yaml");
  });

  test("takes YAML", async () => {
    const { api } = newApi();
    const yaml = "metadata:\n  name: a\ndata:\n  x: &v hello\n  y: *v\n";
    const { status, body } = await send(api, "POST", CONFIG_MAPS, yaml, { type: "application/yaml" });
    expect(status).toBe(201);
    expect(body.data).toEqual({ x: "hello", y: "hello" });
  });

  test.each([
    [
      "aliases that explode",
      `a: &a [${"x,".repeat(50)}]\nb: &b [${"*a,".repeat(50)}]\nc: &c [${"*b,".repeat(50)}]\nd: [${"*c,".repeat(50)}]`,
    ],
    ["an alias of itself", "a: &a\n  b: *a\n"],
    ["keys that are collections", `${"? ".repeat(3_000)}a`],
    ["deep nesting", "a: ".repeat(10) + "[".repeat(50_000)],
    ["a number that cannot be kept", "metadata: {name: a}\nn: 12345678901234567890\n"],
    ["bad indentation", "a:\n b: 1\n  c: 2\n"],
  ])("YAML with %s is refused in bounded time", async (_, yaml) => {
    const { api } = newApi();
    const { status } = await send(api, "POST", CONFIG_MAPS, yaml, { type: "application/yaml" });
    expect(status).toBe(400);
  });
});

describe("versions", () => {
  test("an object written as v1alpha3 reads as v1 and back, with everything that nobody knows", async () => {
    const { api } = newApi();
    const spec = {
      hosts: ["a"],
      http: [{ route: [{ destination: { host: "a" }, weight: 80 }], unheardOf: [1, { x: null }] }],
    };
    const alpha = "/apis/networking.istio.io/v1alpha3/namespaces/default/virtualservices";
    const annotations = { "example.com/note": "ü\n" };
    const written = {
      ...virtualService("a", spec, { annotations }),
      apiVersion: "networking.istio.io/v1alpha3",
      extra: { deep: [{}] },
    };
    expect((await send(api, "POST", alpha, written)).body.apiVersion).toBe("networking.istio.io/v1alpha3");
    const read = (await send(api, "GET", `${VIRTUAL_SERVICES}/a`)).body;
    expect(read.apiVersion).toBe("networking.istio.io/v1");
    expect(read.spec).toEqual(spec);
    expect(read.extra).toEqual({ deep: [{}] });
    expect(read.metadata.annotations).toEqual(annotations);
    const again = (await send(api, "GET", `${alpha}/a`)).body;
    expect({ ...again, apiVersion: "" }).toEqual({ ...read, apiVersion: "" });
  });
});

describe("update", () => {
  test("with the version that was read replaces; with an older one is a conflict", async () => {
    const { api } = newApi();
    const first = (await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"))).body;
    const second = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, { ...first, spec: { hosts: ["b"] } });
    expect(second.status).toBe(200);
    const third = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, { ...first, spec: { hosts: ["c"] } });
    expect(third.status).toBe(409);
    expect(third.body).toMatchObject({
      reason: "Conflict",
      details: { name: "a", group: "networking.istio.io", kind: "virtualservices" },
    });
    expect(third.body.message).toBe(
      'Operation cannot be fulfilled on virtualservices.networking.istio.io "a": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  test("without a version is refused for custom resources and taken for Kubernetes' own", async () => {
    const { api } = newApi();
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    const custom = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, virtualService("a"));
    expect(custom.status).toBe(422);
    expect(custom.body.details.causes[0].field).toBe("metadata.resourceVersion");
    expect((await send(api, "PUT", `${CONFIG_MAPS}/a`, configMap("a", { k: "v" }))).status).toBe(200);
  });

  test("raises the generation when the desired state changes, and only then", async () => {
    const { api } = newApi();
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    const labelled = await send(api, "PATCH", `${VIRTUAL_SERVICES}/a`, { metadata: { labels: { x: "y" } } }, MERGE);
    expect(labelled.body.metadata.generation).toBe(1);
    const status = await send(api, "PATCH", `${VIRTUAL_SERVICES}/a/status`, { status: { ok: true } }, MERGE);
    expect(status.body.metadata.generation).toBe(1);
    const changed = await send(api, "PATCH", `${VIRTUAL_SERVICES}/a`, { spec: { hosts: ["b"] } }, MERGE);
    expect(changed.body.metadata.generation).toBe(2);
  });

  test("that changes nothing keeps the version, and watchers hear nothing", async () => {
    const { api, store } = newApi();
    const first = (await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"))).body;
    const { version } = store;
    const again = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, first);
    expect(again.body).toEqual(first);
    expect(store.version).toBe(version);
  });

  test("of what does not exist is 404, of another name or UID is refused", async () => {
    const { api } = newApi();
    expect((await send(api, "PUT", `${CONFIG_MAPS}/a`, configMap("a"))).status).toBe(404);
    const { body } = await send(api, "POST", CONFIG_MAPS, configMap("a"));
    expect((await send(api, "PUT", `${CONFIG_MAPS}/a`, configMap("b"))).body.message).toContain(
      "does not match the name on the URL",
    );
    const other = { ...body, metadata: { ...body.metadata, uid: "other" } };
    expect((await send(api, "PUT", `${CONFIG_MAPS}/a`, other)).body.message).toContain("Precondition failed: UID");
  });

  test("writes of many clients at once lose nothing", async () => {
    const { api } = newApi({ admit: () => Promise.resolve({ kind: "allowed", warnings: [] }) });
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) => send(api, "PATCH", `${CONFIG_MAPS}/a`, { data: { [`k${n}`]: "v" } }, MERGE)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(Object.keys((await send(api, "GET", `${CONFIG_MAPS}/a`)).body.data)).toHaveLength(4);
  });
});

describe("status", () => {
  test("is written at its own path, which writes nothing else", async () => {
    const { api } = newApi();
    const created = (await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"))).body;
    const both = {
      ...created,
      spec: { hosts: ["changed"] },
      metadata: { ...created.metadata, labels: { x: "y" } },
      status: { ok: true },
    };
    const { body } = await send(api, "PUT", `${VIRTUAL_SERVICES}/a/status`, both);
    expect(body.status).toEqual({ ok: true });
    expect(body.spec).toEqual({ hosts: ["a"] });
    expect(body.metadata.labels).toBeUndefined();
    const main = await send(api, "PUT", `${VIRTUAL_SERVICES}/a`, {
      ...body,
      status: { ok: false },
      spec: { hosts: ["b"] },
    });
    expect(main.body.status).toEqual({ ok: true });
    expect(main.body.spec).toEqual({ hosts: ["b"] });
  });

  test("does not exist for kinds without one", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    expect((await send(api, "GET", `${CONFIG_MAPS}/a/status`)).status).toBe(404);
  });
});

describe("dry run", () => {
  test("does everything but storing", async () => {
    const asked: string[] = [];
    const { api, store } = newApi({
      admit: async (operation, { metadata }) => {
        asked.push(`${operation} ${metadata.name}`);
        return { kind: "allowed", warnings: ["careful"] };
      },
    });
    const { version } = store;
    const { status, body, warnings } = await send(api, "POST", `${CONFIG_MAPS}?dryRun=All`, configMap("a"));
    expect(status).toBe(201);
    expect(body.metadata.uid).toBeDefined();
    expect(warnings).toEqual(["careful"]);
    expect(asked).toEqual(["CREATE a"]);
    expect(store.version).toBe(version);
    expect((await send(api, "POST", `${CONFIG_MAPS}?dryRun=Some`, configMap("a"))).status).toBe(422);
  });
});

describe("field validation", () => {
  const specSchemas = new Map([
    [
      resource.virtualServices,
      object("routes", { hosts: { type: "array", items: text("") }, weight: whole("") } as const, ["hosts"]),
    ],
  ]);

  test.each([
    ["Strict", 400, []],
    ["Warn", 201, ['duplicate field "spec.hosts"', 'unknown field "spec.hosst"', 'unknown field "extra"']],
    ["Ignore", 201, []],
  ])("%s: an unknown and a duplicate field", async (mode, code, expected) => {
    const { api } = newApi({ specSchemas });
    const body = '{"metadata":{"name":"a"},"spec":{"hosts":["x"],"hosts":["a"],"hosst":["b"]},"extra":1}';
    const {
      status,
      body: answer,
      warnings,
    } = await send(api, "POST", `${VIRTUAL_SERVICES}?fieldValidation=${mode}`, body);
    expect(status).toBe(code);
    expect(warnings).toEqual(expected);
    if (code === 201) expect(answer.spec.hosst).toEqual(["b"]);
    else {
      expect(answer.message).toBe(
        'VirtualService in version "v1" cannot be handled as a VirtualService: strict decoding error: duplicate field "spec.hosts", ' +
          'unknown field "spec.hosst", unknown field "extra"',
      );
    }
  });

  test("an unknown field that is stored already does not stand in the way of a strict patch of another", async () => {
    const { api } = newApi({ specSchemas });
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a", { hosts: ["a"], old: 1 }));
    const patch = (body: object) => send(api, "PATCH", `${VIRTUAL_SERVICES}/a?fieldValidation=Strict`, body, MERGE);
    expect((await patch({ spec: { hosts: ["b"] } })).status).toBe(200);
    expect((await patch({ spec: { neww: 1 } })).body.message).toContain('unknown field "spec.neww"');
  });

  test("wrong types, missing fields and values out of range are 422 with a cause for each field", async () => {
    const { api } = newApi({ specSchemas });
    const { status, body } = await send(
      api,
      "POST",
      VIRTUAL_SERVICES,
      virtualService("a", { hosts: [1], weight: "eighty" }),
    );
    expect(status).toBe(422);
    expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual(["spec.hosts[0]", "spec.weight"]);
    expect(body.message).toContain('spec.weight in body must be of type integer: "string"');
    const service = { metadata: { name: "a" }, spec: { ports: [{ port: 99_999 }, { port: 80, protocol: "ICMP" }] } };
    const invalid = await send(api, "POST", SERVICES, service);
    expect(invalid.body.message).toContain("spec.ports[0].port in body should be less than or equal to 65535");
    expect(invalid.body.message).toContain('Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"');
  });
});

describe("admission", () => {
  test("a refusal is 422 with a cause for each field, and nothing is stored", async () => {
    const { api, store } = newApi({
      admit: async () => ({
        kind: "refused",
        reason: "Invalid",
        message: "no",
        causes: [{ field: "spec.http[0].weight", message: 'Invalid value: "eighty": must be a whole number' }],
        warnings: [],
      }),
    });
    const { version } = store;
    const { status, body } = await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    expect(status).toBe(422);
    expect(body.message).toBe(
      'VirtualService.networking.istio.io "a" is invalid: spec.http[0].weight: Invalid value: "eighty": must be a whole number',
    );
    expect(body.details.causes).toEqual([
      {
        reason: "FieldValueInvalid",
        field: "spec.http[0].weight",
        message: 'Invalid value: "eighty": must be a whole number',
      },
    ]);
    expect(store.version).toBe(version);
  });

  test.each([
    ["BadRequest", 400],
    ["Forbidden", 403],
  ] as const)("a refusal as %s is %d", async (reason, code) => {
    const { api } = newApi({
      admit: async () => ({ kind: "refused", reason, message: "because", causes: [], warnings: [] }),
    });
    const { status, body } = await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    expect(status).toBe(code);
    expect(body.message).toContain("because");
  });

  test("sees the storage version, the old object, and every verb but status", async () => {
    const seen: string[] = [];
    const { api } = newApi({
      admit: async (operation, next, old) => {
        seen.push(`${operation} ${next.apiVersion} ${old ? "old" : "new"}`);
        return { kind: "allowed", warnings: [] };
      },
    });
    const beta = VIRTUAL_SERVICES.replace("/v1/", "/v1beta1/");
    await send(api, "POST", beta, { ...virtualService("a"), apiVersion: "networking.istio.io/v1beta1" });
    await send(api, "PATCH", `${beta}/a`, { spec: { hosts: ["b"] } }, MERGE);
    await send(api, "PATCH", `${beta}/a/status`, { status: {} }, MERGE);
    await send(api, "DELETE", `${beta}/a`);
    expect(seen).toEqual([
      "CREATE networking.istio.io/v1 new",
      "UPDATE networking.istio.io/v1 old",
      "DELETE networking.istio.io/v1 old",
    ]);
  });

  test("that breaks is 500, and nothing is stored", async () => {
    const { api, store } = newApi({ admit: () => Promise.reject(new Error("boom")) });
    const { version } = store;
    expect((await send(api, "POST", CONFIG_MAPS, configMap("a"))).body.message).toContain("admission failed: boom");
    expect(store.version).toBe(version);
  });

  test("warnings of any wording reach the client as headers", async () => {
    const text = 'say "hi"\r\nX: injected — ü';
    const { api } = newApi({ admit: async () => ({ kind: "allowed", warnings: [text] }) });
    const { headers } = await send(api, "POST", CONFIG_MAPS, configMap("a"));
    const raw = Buffer.from(headers.get("warning")!, "latin1").toString("utf8");
    expect(raw).toBe('299 - "say \\"hi\\" X: injected — ü"');
  });
});

describe("patch by media type", () => {
  test("strategic merge patch is refused for custom resources with 415, as on Kubernetes", async () => {
    const { api } = newApi();
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    const { status, body } = await send(api, "PATCH", `${VIRTUAL_SERVICES}/a`, {}, STRATEGIC);
    expect(status).toBe(415);
    expect(body.message).toContain("application/merge-patch+json");
  });

  test("strategic merge patch of a Service merges its ports by number", async () => {
    const { api } = newApi();
    const spec = {
      ports: [
        { name: "http", port: 80 },
        { name: "grpc", port: 9_090 },
      ],
    };
    await send(api, "POST", SERVICES, { metadata: { name: "a" }, spec });
    const patch = {
      spec: {
        ports: [
          { port: 80, targetPort: "web" },
          { port: 9_090, $patch: "delete" },
        ],
      },
    };
    const { body } = await send(api, "PATCH", `${SERVICES}/a`, patch, STRATEGIC);
    expect(body.spec.ports).toEqual([{ name: "http", port: 80, protocol: "TCP", targetPort: "web" }]);
  });

  test("JSON patch: a failing test changes nothing", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("a", { k: "1" }));
    const operations = [
      { op: "replace", path: "/data/k", value: "2" },
      { op: "test", path: "/data/k", value: "3" },
    ];
    const { status, body } = await send(api, "PATCH", `${CONFIG_MAPS}/a`, operations, JSON_PATCH);
    expect(status).toBe(422);
    expect(body.message).toContain("operation 1 (test /data/k): testing the value failed");
    expect((await send(api, "GET", `${CONFIG_MAPS}/a`)).body.data).toEqual({ k: "1" });
  });

  test("a patch cannot make an object too deep, too large, or another one", async () => {
    const { api } = newApi();
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a"));
    const path = `${VIRTUAL_SERVICES}/a`;
    const deep = (levels: number): object => (levels === 0 ? {} : { d: deep(levels - 1) });
    await send(api, "PATCH", path, { spec: { x: deep(60) } }, MERGE);
    const pointer = `/spec/x${"/d".repeat(60)}/y`;
    expect(
      (await send(api, "PATCH", path, [{ op: "copy", from: "/spec/x", path: pointer }], JSON_PATCH)).body.message,
    ).toContain("nested too deeply");
    expect((await send(api, "PATCH", path, { metadata: { name: "b" } }, MERGE)).status).toBe(400);
    expect((await send(api, "PATCH", path, { kind: "Gateway" }, MERGE)).status).toBe(400);
    expect((await send(api, "PATCH", path, [], MERGE)).status).toBe(400);
    expect((await send(api, "PATCH", path, { metadata: null }, MERGE)).body.metadata.name).toBe("a");
  });

  test("force is for apply alone, and apply needs a field manager", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, configMap("a"));
    expect((await send(api, "PATCH", `${CONFIG_MAPS}/a?force=true`, {}, MERGE)).status).toBe(422);
    const { status, body } = await send(api, "PATCH", `${CONFIG_MAPS}/a`, configMap("a"), APPLY);
    expect(status).toBe(422);
    expect(body.message).toContain("fieldManager: Required value: is required for apply patch");
  });
});

describe("Kubernetes' own kinds", () => {
  test("a Service gets its defaults; mistakes in its ports are named", async () => {
    const { api } = newApi();
    const { body } = await send(api, "POST", SERVICES, { metadata: { name: "a" }, spec: { ports: [{ port: 80 }] } });
    expect(body.spec).toEqual({
      type: "ClusterIP",
      sessionAffinity: "None",
      clusterIP: expect.stringMatching(/^240\.242\./),
      clusterIPs: [body.spec.clusterIP],
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    });
    expect(body.status).toEqual({ loadBalancer: {} });
    const bad = { ports: [{ port: 80, name: "x" }, { port: 80 }, { port: 81, name: "x", targetPort: "Bad_Name" }] };
    const { body: status } = await send(api, "POST", SERVICES, { metadata: { name: "b" }, spec: bad });
    expect(
      status.details.causes.map(({ field, reason }: { field: string; reason: string }) => `${field} ${reason}`),
    ).toEqual([
      "spec.ports[1].name FieldValueRequired",
      "spec.ports[2].targetPort FieldValueInvalid",
      "spec.ports[2].name FieldValueDuplicate",
      "spec.ports[1] FieldValueDuplicate",
    ]);
    const { body: named } = await send(api, "POST", SERVICES, {
      metadata: { name: "1a" },
      spec: { ports: [{ port: 80 }] },
    });
    expect(named.message).toContain("a DNS-1035 label must consist of");
  });

  test("a Secret's stringData becomes data; bad base64 is refused without being shown", async () => {
    const { api } = newApi();
    const path = "/api/v1/namespaces/default/secrets";
    const { body } = await send(api, "POST", path, {
      metadata: { name: "a" },
      stringData: { p: "hunter2" },
      data: { q: "eA==" },
    });
    expect(body).toMatchObject({ type: "Opaque", data: { p: "aHVudGVyMg==", q: "eA==" } });
    expect(body.stringData).toBeUndefined();
    const refused = await send(api, "POST", path, { metadata: { name: "b" }, data: { p: "hunter2!" } });
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).not.toContain("hunter2");
  });

  test("immutable data stays", async () => {
    const { api } = newApi();
    await send(api, "POST", CONFIG_MAPS, { ...configMap("a", { k: "1" }), immutable: true });
    const { status, body } = await send(api, "PATCH", `${CONFIG_MAPS}/a`, { data: { k: "2" } }, MERGE);
    expect(status).toBe(422);
    expect(body.message).toContain("field is immutable when `immutable` is set");
  });

  test("null means not set", async () => {
    const { api } = newApi();
    const metadata = { name: "a", creationTimestamp: null, labels: null };
    const { status, body } = await send(api, "POST", CONFIG_MAPS, { metadata, data: null });
    expect(status).toBe(201);
    expect(body.data).toBeUndefined();
    expect(body.metadata.labels).toBeUndefined();
  });
});
