// Files and ConfigMaps with the mesh's settings, and the places of what is wrong in them.

import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { loadMesh } from "../load.ts";
import { readObjects } from "../object.ts";
import type { TrustDomainChoice } from "./mesh-config.ts";
import { readMeshConfigFile, settingsOf, trustDomainOf } from "./mesh-config-map.ts";

function read(content: string, choice: TrustDomainChoice = "open") {
  return readMeshConfigFile("mesh.yaml", content, DEFAULT_SETTINGS, choice);
}

/** Code, line and column of each finding. */
function places(content: string): readonly string[] {
  return read(content).diagnostics.map(({ code, span }) => `${code} ${span?.line}:${span?.column}`);
}

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n";

describe("a file", () => {
  test("is the MeshConfig itself, or the ConfigMap that holds it among others", () => {
    const expected = { ...DEFAULT_SETTINGS, trustDomain: "prod.example.com" };
    expect(read("trustDomain: prod.example.com").settings).toEqual(expected);
    const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {a: b}\n";
    expect(read(`${other}---\n${CONFIG_MAP}data: {mesh: "trustDomain: prod.example.com"}`).settings).toEqual(expected);
  });

  test("is what Istio was installed by: an IstioOperator, or values of its chart", () => {
    const expected = { ...DEFAULT_SETTINGS, trustDomain: "prod.example.com" };
    const operator = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n";
    expect(read(`${operator}  meshConfig:\n    trustDomain: prod.example.com`).settings).toEqual(expected);
    expect(read(`${operator}  values:\n    meshConfig: {trustDomain: prod.example.com}`).settings).toEqual(expected);
    expect(read("pilot: {replicaCount: 2}\nmeshConfig:\n  trustDomain: prod.example.com").settings).toEqual(expected);
    expect(places(`${operator}  meshConfig:\n    rootNamespace: A\n`)).toEqual(["HED1407 5:20"]);
    expect(places(`${operator}  profile: default\n`)).toEqual(["HED1402 1:1"]);
  });

  test("takes names in protojson's other form, and says nothing where it is empty", () => {
    expect(read("trust_domain: prod.example.com").settings?.trustDomain).toBe("prod.example.com");
    expect(read(`${CONFIG_MAP}data: {mesh: ""}`).settings).toEqual(DEFAULT_SETTINGS);
  });

  test("chooses no trust domain when another is chosen already", () => {
    expect(read("trustDomain: prod.example.com", "made").diagnostics).toMatchObject([{ code: "HED1406" }]);
    expect(read("trustDomain: cluster.local", "made").settings).toEqual(DEFAULT_SETTINGS);
  });

  test("without settings, or with two of them, is refused", () => {
    expect(places("")).toEqual(["HED1402 1:1"]);
    expect(places("apiVersion: v1\nkind: Service\nmetadata: {name: a}")).toEqual(["HED1402 1:1"]);
    expect(places("trustDomain: a\n---\ntrustDomain: b")).toEqual(["HED1401 1:1"]);
  });
});

describe("a finding in a text of YAML", () => {
  test("has the file's line and column, whatever the block's indentation", () => {
    expect(places(`${CONFIG_MAP}data:\n  mesh: |\n    rootNamespace: A\n`)).toEqual(["HED1407 6:20"]);
    expect(places(`${CONFIG_MAP}data:\n  mesh: |2-\n\n        # c\n        rootNamespace: A\n`)).toEqual([
      "HED1407 8:24",
    ]);
    expect(places(`${CONFIG_MAP}data:\n  mesh: |\n\n      rootNamespace: A\n`)).toEqual(["HED1407 7:22"]);
  });

  test("is at the field where its text's lines are not the file's", () => {
    expect(places(`${CONFIG_MAP}data:\n  mesh: "rootNamespace: A"\n`)).toEqual(["HED1407 5:3"]);
    expect(places(`${CONFIG_MAP}data:\n  mesh: >\n    rootNamespace: A\n`)).toEqual(["HED1407 5:3"]);
  });

  test("of its syntax as well", () => {
    expect(places(`${CONFIG_MAP}data:\n  mesh: |\n    trustDomain: a\n    a: "b\n`)[0]).toStartWith("HED1400 7:");
  });
});

describe("settings among objects", () => {
  const objects = readObjects("all.yaml", `${CONFIG_MAP}data: {mesh: "connectTimeout: 1s"}`).objects;

  test("are the same object as long as they are what they were, so that nothing is read anew", () => {
    expect(settingsOf(objects, DEFAULT_SETTINGS)).toBe(settingsOf(objects, DEFAULT_SETTINGS));
    expect(settingsOf([], DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS);
  });

  test("of another namespace are the applications' own", () => {
    const elsewhere = readObjects(
      "f.yaml",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata: {mesh: x}",
    );
    expect(settingsOf(elsewhere.objects, DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS);
  });

  test("say who sees what does not say it, each kind by its own field", () => {
    const mesh =
      "{defaultServiceExportTo: ['.'], defaultVirtualServiceExportTo: ['~'], defaultDestinationRuleExportTo: ['.', b]}";
    const content = [
      `${CONFIG_MAP}data: {mesh: "${mesh}"}`,
      "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: a}, spec: {ports: [{port: 80}]}}",
      "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web, namespace: a}, spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}}",
      "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web, namespace: a}, spec: {host: web}}",
      "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: zoo, namespace: a}, spec: {host: zoo, exportTo: ['*']}}",
    ].join("\n---\n");
    const { services, routes, clientPolicies } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS).parts;
    const visibilities = [...services, ...routes, ...clientPolicies].map(({ visibility }) => visibility);
    expect(visibilities).toEqual([
      { kind: "namespaces", namespaces: ["a"] },
      { kind: "nobody" },
      { kind: "namespaces", namespaces: ["a", "b"] },
      { kind: "public" },
    ]);
  });

  test("choose the trust domain where no mesh runs yet", () => {
    const prod = readObjects("all.yaml", `${CONFIG_MAP}data: {mesh: "trustDomain: prod.example.com"}`).objects;
    expect(trustDomainOf(prod)).toBe("prod.example.com");
    expect(settingsOf(prod, DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS);
  });
});
