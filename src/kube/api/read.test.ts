import { describe, expect, test } from "bun:test";
import { CONFIG_MAPS, configMap, MERGE, newApi, SERVICES, send, VIRTUAL_SERVICES, virtualService } from "./harness.ts";
import { humanDuration } from "./human-duration.ts";

const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

async function filled(names: readonly string[]) {
  const made = newApi();
  for (const name of names) await send(made.api, "POST", CONFIG_MAPS, configMap(name, {}, { labels: { n: name } }));
  return made;
}

function namesOf(body: {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}): readonly string[] {
  return body.items.map(({ metadata }) => metadata.name);
}

describe("list", () => {
  test("is sorted, selected by labels and fields, and over all namespaces where none is named", async () => {
    const { api } = await filled(["b", "a", "c"]);
    const system = "/api/v1/namespaces/heddle-system/configmaps";
    await send(api, "POST", system, configMap("z"));
    expect(namesOf((await send(api, "GET", CONFIG_MAPS)).body)).toEqual(["a", "b", "c"]);
    expect(namesOf((await send(api, "GET", `${CONFIG_MAPS}?labelSelector=n+in+(a,c)`)).body)).toEqual(["a", "c"]);
    expect(namesOf((await send(api, "GET", `${CONFIG_MAPS}?fieldSelector=metadata.name!=b`)).body)).toEqual(["a", "c"]);
    const all = (await send(api, "GET", "/api/v1/configmaps")).body;
    expect(namesOf(all)).toEqual(["a", "b", "c", "z"]);
    expect(all).toMatchObject({ kind: "ConfigMapList", apiVersion: "v1" });
  });

  test("in pages shows one state, whatever is written between them", async () => {
    const { api } = await filled(["a", "b", "c", "d", "e"]);
    const first = (await send(api, "GET", `${CONFIG_MAPS}?limit=2`)).body;
    expect(namesOf(first)).toEqual(["a", "b"]);
    expect(first.metadata.remainingItemCount).toBe(3);
    await send(api, "DELETE", `${CONFIG_MAPS}/c`);
    await send(api, "POST", CONFIG_MAPS, configMap("bb"));
    await send(api, "PATCH", `${CONFIG_MAPS}/d`, { data: { k: "v" } }, MERGE);
    const second = (await send(api, "GET", `${CONFIG_MAPS}?limit=2&continue=${first.metadata.continue}`)).body;
    expect(namesOf(second)).toEqual(["c", "d"]);
    expect(second.items[1].data).toEqual({});
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const third = (await send(api, "GET", `${CONFIG_MAPS}?limit=2&continue=${second.metadata.continue}`)).body;
    expect(namesOf(third)).toEqual(["e"]);
    expect(third.metadata.continue).toBeUndefined();
  });

  test("whose pages have expired is 410, with a token for those who accept a mixed list", async () => {
    const { api, store } = await filled(["a", "b", "c"]);
    const first = (await send(api, "GET", `${CONFIG_MAPS}?limit=1`)).body;
    await send(api, "POST", CONFIG_MAPS, configMap("d"));
    store.compact();
    const expired = await send(api, "GET", `${CONFIG_MAPS}?limit=1&continue=${first.metadata.continue}`);
    expect(expired.status).toBe(410);
    expect(expired.body.reason).toBe("Expired");
    const rest = await send(api, "GET", `${CONFIG_MAPS}?continue=${expired.body.metadata.continue}`);
    expect(namesOf(rest.body)).toEqual(["b", "c", "d"]);
  });

  test("at an exact version shows that version; a version of the future is told from a bad one", async () => {
    const { api, store } = await filled(["a"]);
    const { version } = store;
    await send(api, "DELETE", `${CONFIG_MAPS}/a`);
    const exact = await send(api, "GET", `${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(namesOf(exact.body)).toEqual(["a"]);
    expect(namesOf((await send(api, "GET", `${CONFIG_MAPS}?resourceVersion=${version}`)).body)).toEqual([]);
    const future = await send(api, "GET", `${CONFIG_MAPS}?resourceVersion=${version + 100}`);
    expect(future.status).toBe(504);
    expect(future.body.details.causes[0].reason).toBe("ResourceVersionTooLarge");
    for (const [query, code] of [
      ["resourceVersion=x", 400],
      ["limit=-1", 400],
      ["continue=nonsense", 400],
      ["resourceVersionMatch=Exact", 422],
      ["resourceVersion=1&resourceVersionMatch=Nearly", 422],
      ["resourceVersion=0&resourceVersionMatch=Exact", 422],
    ]) {
      expect((await send(api, "GET", `${CONFIG_MAPS}?${query}`)).status).toBe(Number(code));
    }
  });
});

describe("tables", () => {
  test("have the columns of the kind, and the metadata of each row", async () => {
    const { api } = newApi({ now: () => new Date("2026-01-01T00:00:00Z") });
    await send(api, "POST", VIRTUAL_SERVICES, virtualService("a", { hosts: ["x", "y"], gateways: ["mesh"] }));
    const { body } = await send(api, "GET", VIRTUAL_SERVICES, undefined, TABLE);
    expect(body).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual([
      "Name",
      "Gateways",
      "Hosts",
      "Age",
    ]);
    expect(body.rows[0].cells).toEqual(["a", '["mesh"]', '["x","y"]', "0s"]);
    expect(body.rows[0].object).toMatchObject({
      kind: "PartialObjectMetadata",
      metadata: { name: "a", namespace: "default" },
    });
    const whole = await send(api, "GET", `${VIRTUAL_SERVICES}/a?includeObject=Object`, undefined, TABLE);
    expect(whole.body.rows[0].object.spec.hosts).toEqual(["x", "y"]);
  });

  test("of a Service and a Pod are computed", async () => {
    const { api } = newApi();
    await send(api, "POST", SERVICES, {
      metadata: { name: "a" },
      spec: { selector: { app: "a" }, ports: [{ port: 80 }] },
    });
    const services = (await send(api, "GET", SERVICES, undefined, TABLE)).body;
    expect(services.rows[0].cells.slice(0, 5)).toEqual([
      "a",
      "ClusterIP",
      expect.stringMatching(/^240\.242\./),
      "<none>",
      "80/TCP",
    ]);
    const pods = "/api/v1/namespaces/default/pods";
    await send(api, "POST", pods, { metadata: { name: "a" }, spec: { containers: [{ name: "app" }] } });
    expect((await send(api, "GET", pods, undefined, TABLE)).body.rows[0].cells.slice(0, 3)).toEqual([
      "a",
      "0/1",
      "Pending",
    ]);
    const status = { phase: "Running", podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
    await send(api, "PATCH", `${pods}/a/status`, { status }, MERGE);
    const { cells } = (await send(api, "GET", pods, undefined, TABLE)).body.rows[0];
    expect(cells.slice(0, 4)).toEqual(["a", "1/1", "Running", 0]);
    expect(cells[5]).toBe("10.0.0.1");
  });

  test.each([
    [500, "0s"],
    [119_000, "119s"],
    [130_000, "2m10s"],
    [600_000, "10m"],
    [3 * 3_600_000, "3h"],
    [5.5 * 3_600_000, "5h30m"],
    [30 * 3_600_000, "30h"],
    [76 * 3_600_000, "3d4h"],
    [400 * 86_400_000, "400d"],
    [800 * 86_400_000, "2y70d"],
    [4_000 * 86_400_000, "10y"],
    [-5_000, "<invalid>"],
  ])("an age of %d ms reads %s", (ms, expected) => {
    expect(humanDuration(ms)).toBe(expected);
  });
});

describe("forms", () => {
  test("metadata alone, YAML, and JSON where the client prefers protobuf", async () => {
    const { api } = await filled(["a"]);
    const partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    const list = (await send(api, "GET", CONFIG_MAPS, undefined, { accept: partial })).body;
    expect(list.kind).toBe("PartialObjectMetadataList");
    expect(Object.keys(list.items[0]).sort()).toEqual(["apiVersion", "kind", "metadata"]);
    const yaml = await send(api, "GET", `${CONFIG_MAPS}/a`, undefined, { accept: "application/yaml" });
    expect(yaml.body).toContain("kind: ConfigMap\n");
    const both = await send(api, "GET", `${CONFIG_MAPS}/a`, undefined, {
      accept: "application/vnd.kubernetes.protobuf,application/json",
    });
    expect(both.body.kind).toBe("ConfigMap");
    const only = await send(api, "GET", `${CONFIG_MAPS}/a`, undefined, {
      accept: "application/vnd.kubernetes.protobuf",
    });
    expect(only.status).toBe(406);
    const weighed = await send(api, "GET", `${CONFIG_MAPS}/a`, undefined, {
      accept: "application/json;q=0.5, application/yaml",
    });
    expect(weighed.headers.get("content-type")).toBe("application/yaml");
  });
});

describe("paths", () => {
  test.each([
    ["GET", "/api/v1/foos", 404],
    ["GET", "/api/v2/pods", 404],
    ["GET", "/apis/nope.io/v1/pods", 404],
    ["GET", "/apis/networking.istio.io/v1beta1/envoyfilters", 404],
    ["GET", "/api/v1/namespaces/default/namespaces", 404],
    ["GET", "/api/v1/namespaces/default/pods/a/log", 404],
    ["GET", "/api/v1/pods/a", 404],
    ["GET", "/api/v1/namespaces/%ff/pods", 400],
    ["GET", "/nope", 404],
    ["GET", "/api/v1/namespaces/default", 200],
    ["GET", "/api/v1/namespaces/default/status", 200],
    ["GET", "/api/v1/namespaces/default/pods/", 200],
    ["POST", "/api/v1/namespaces/default/pods/a", 405],
    ["PUT", "/api/v1/namespaces/default/pods", 405],
    ["OPTIONS", "/api/v1/pods", 405],
    ["DELETE", "/api/v1/pods", 405],
    ["POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", 405],
    ["DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.networking.istio.io", 405],
    ["GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.networking.istio.io", 200],
    ["GET", "/healthz", 200],
    ["GET", "/version", 200],
    ["GET", "/", 200],
  ])("%s %s is %d", async (method, path, code) => {
    const { api } = newApi();
    const { status, body } = await send(api, method, path);
    expect(status).toBe(code);
    if (code >= 400) expect(body).toMatchObject({ kind: "Status", status: "Failure", code });
  });
});

describe("discovery", () => {
  test("is one list of everything where the client understands it, else lists of groups and resources", async () => {
    const { api } = newApi();
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const aggregated = await send(api, "GET", "/apis", undefined, { accept });
    expect(aggregated.headers.get("content-type")).toBe(
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    const group = aggregated.body.items.find(
      (item: { metadata: { name: string } }) => item.metadata.name === "networking.istio.io",
    );
    expect(group.versions.map(({ version }: { version: string }) => version)).toEqual(["v1", "v1beta1", "v1alpha3"]);
    const vs = group.versions[0].resources.find(({ resource }: { resource: string }) => resource === "virtualservices");
    expect(vs).toMatchObject({ scope: "Namespaced", shortNames: ["vs"], subresources: [{ subresource: "status" }] });

    const groups = (await send(api, "GET", "/apis")).body.groups;
    expect(groups.map(({ name }: { name: string }) => name)).toContain("security.istio.io");
    const resources = (await send(api, "GET", "/apis/networking.istio.io/v1beta1")).body.resources;
    expect(resources.map(({ name }: { name: string }) => name)).toContain("proxyconfigs");
    expect((await send(api, "GET", "/apis/heddle.dev/v1alpha1")).status).toBe(404);
  });

  test("documents are confirmed and not sent again", async () => {
    const { api } = newApi();
    const index = (await send(api, "GET", "/openapi/v3")).body;
    const { serverRelativeURL } = index.paths["apis/networking.istio.io/v1"];
    const first = await send(api, "GET", serverRelativeURL);
    expect(first.headers.get("cache-control")).toContain("immutable");
    expect(first.body.components.schemas["io.istio.networking.v1.VirtualService"]).toBeDefined();
    const etag = first.headers.get("etag")!;
    const again = await send(api, "GET", serverRelativeURL, undefined, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });
});
