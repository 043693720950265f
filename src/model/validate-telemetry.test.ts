import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { telemetryFindings } from "./validate-telemetry.ts";

function pod(name: string, proxy: string): string {
  return `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}, annotations: {heddle.dev/proxy: ${proxy}, heddle.dev/capture: "true"}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.0.0.8, conditions: [{type: Ready, status: "True"}]}`;
}

function found(metrics: string, ...pods: readonly string[]): readonly string[] {
  const telemetry = `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [${metrics}]}`;
  const files = [{ name: "case.yaml", content: [telemetry, ...pods].join("") }];
  const { mesh } = loadMesh(files, DEFAULT_SETTINGS);
  return telemetryFindings(mesh).map(({ origin, path, message }) => `${origin.name} ${path} ${message.code}`);
}

const OFF = "{overrides: [{disabled: true}]}";

test("overrides of metrics do not act on Envoys, which is told once", () => {
  expect(found(OFF, pod("a", "envoy"), pod("b", "envoy"))).toEqual(["shop spec.metrics HED2038"]);
  expect(found(OFF, pod("a", "heddle"))).toEqual([]);
  expect(found("{providers: [{name: prometheus}]}", pod("a", "envoy"))).toEqual([]);
  expect(found(`{providers: [{name: stackdriver}], ${OFF.slice(1)}`, pod("a", "envoy"))).toEqual([]);
});
