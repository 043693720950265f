import { describe, expect, test } from "bun:test";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { addressedServices } from "./manifest-services.ts";
import { asRunning } from "./manifests.ts";
import { compileOffline } from "./offline-compilation.ts";

function service(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n---\n`;
}

function addresses(text: string): Readonly<Record<string, unknown>> {
  const read = addressedServices(readObjects("f.yaml", text).objects);
  return Object.fromEntries(
    read.map(({ origin, value }) => {
      const { spec } = value as { readonly spec?: { readonly clusterIP?: string } };
      return [origin.name, spec?.clusterIP ?? spec];
    }),
  );
}

const PORTS = "ports: [{name: tcp, port: 5432}]";
const STAND_IN = expect.stringMatching(/^198\.1[89]\.\d+\.\d+$/);

describe("a Service of files", () => {
  test("without an address has one that is nobody's, and its own", () => {
    const given = addresses(service("db", `{${PORTS}}`) + service("cache", `{${PORTS}, clusterIP: ""}`));
    expect(given).toEqual({ db: STAND_IN, cache: STAND_IN });
    expect(given.db).not.toBe(given.cache);
  });

  test.each([
    ["its own address", `{${PORTS}, clusterIP: 10.0.0.7}`, "10.0.0.7"],
    ["none, as a headless one", `{${PORTS}, clusterIP: None}`, "None"],
    ["none, as a name of another", "{type: ExternalName, externalName: db.test}", expect.objectContaining({})],
    ["several", "{clusterIPs: [10.0.0.7]}", { clusterIPs: ["10.0.0.7"] }],
    ["what it has, be it wrong", "{clusterIP: 5}", 5],
    ["no specification that it lacks", "[]", []],
  ])("keeps %s", (_, spec, expected) => {
    expect(addresses(service("db", spec)).db).toEqual(expected);
  });

  test("has the same one whoever stands beside it, unless somebody wrote it", () => {
    const db = service("db", `{${PORTS}}`);
    const alone = addresses(db).db;
    const many = Array.from({ length: 200 }, (_, i) => service(`s${i}`, `{${PORTS}}`)).join("");
    expect(addresses(many + db).db).toBe(alone);
    expect(new Set(Object.values(addresses(many + db))).size).toBe(201);
    expect(addresses(db + service("first", `{${PORTS}, clusterIP: ${alone}}`)).db).not.toBe(alone);
  });

  test("takes the bytes of captured clients at it, in heddle compile", () => {
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {sidecar.istio.io/inject: "true"}}\nspec: {containers: []}\n`;
    const objects = readObjects("f.yaml", service("db", `{${PORTS}}`) + pod).objects;
    const result = compileOffline(asRunning(objects), { workload: "shop/web" }, DEFAULT_SETTINGS);
    if (result.kind === "rejected") throw new Error("rejected");
    const address = addresses(service("db", `{${PORTS}}`)).db;
    expect([...resourcesOf(result.compilation.snapshot, "lds").keys()]).toContain(`${address}_5432`);
  });
});
