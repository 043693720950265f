// Of the mesh's settings, too, what is wrong beside a wrong field is told in one pass, and nothing that only follows from it.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { readObjects } from "../object.ts";
import { judgeMeshConfigMap } from "./mesh-config-map.ts";

function told(mesh: string): readonly string[] {
  const indented = mesh.replaceAll(/^/gm, "    ");
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n${indented}\n`;
  const [object] = readObjects("f.yaml", text).objects;
  const { settings, diagnostics } = judgeMeshConfigMap(object!, DEFAULT_SETTINGS);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  expect(settings === undefined).toBe(errors.length > 0);
  return errors.map(({ code, span }) => `${code} ${span?.line}:${span?.column}`);
}

const PROVIDERS = `extensionProviders:
- {name: a, zipkin: {service: zipkin.example.com, port: 9411}}
- {name: a, opentelemetry: {service: otel.example.com, port: 4317}}`;

test("a wrong field hides nothing of the others", () => {
  expect(told(PROVIDERS)).toEqual(["HED1412 8:14"]);
  expect(told(`accesLogFile: /dev/stdout\n${PROVIDERS}`)).toEqual(["HED1101 6:5", "HED1412 9:14"]);
  expect(told(`connectTimeout: 5\ntrustDomain: "not a domain!"`)).toEqual(["HED1102 6:21", "HED1405 7:18"]);
});

test("what follows from the wrong field is not told", () => {
  expect(told("extensionProviders:\n- {nam: a, zipkin: {service: zipkin.example.com, port: 9411}}")).toEqual([
    "HED1101 7:8",
  ]);
  expect(told("extensionProvider: []\ndefaultProviders: {accessLogging: [mine]}")).toEqual(["HED1101 6:5"]);
});
