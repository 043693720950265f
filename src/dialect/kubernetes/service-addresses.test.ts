import { describe, expect, test } from "bun:test";
import { readObjects } from "../object.ts";
import { addressedServices, STAND_IN as RANGE, WATCHED } from "./service-addresses.ts";

function service(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n---\n`;
}

function addresses(text: string): Readonly<Record<string, unknown>> {
  const read = addressedServices(readObjects("f.yaml", text).objects, RANGE);
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

  test("is the same object again while its address is, in each range", () => {
    const { objects } = readObjects("f.yaml", service("db", `{${PORTS}}`));
    const [watched] = addressedServices(objects, WATCHED);
    expect(addressedServices(objects, WATCHED)[0]).toBe(watched!);
    expect(watched?.value.spec).toMatchObject({ clusterIP: expect.stringMatching(/^240\.241\.\d+\.\d+$/) });
  });

  test("that stands there twice has one address", () => {
    const { objects } = readObjects("f.yaml", service("db", `{${PORTS}}`) + service("db", "{ports: []}"));
    const [first, second] = addressedServices(objects, RANGE).map(
      ({ value }) => (value.spec as { clusterIP?: string }).clusterIP,
    );
    expect(second).toBe(first!);
  });

  test("has the same one whoever stands beside it, unless somebody wrote it", () => {
    const db = service("db", `{${PORTS}}`);
    const alone = addresses(db).db;
    const many = Array.from({ length: 200 }, (_, i) => service(`s${i}`, `{${PORTS}}`)).join("");
    expect(addresses(many + db).db).toBe(alone);
    expect(new Set(Object.values(addresses(many + db))).size).toBe(201);
    expect(addresses(db + service("first", `{${PORTS}, clusterIP: ${alone}}`)).db).not.toBe(alone);
  });
});
