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

const COLLECTOR = `
---
apiVersion: v1
kind: Service
metadata: {name: collector, namespace: shop}
spec: {ports: [{name: grpc, port: 4317}]}`;

const PROVIDERS = `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
    - {name: spans, opentelemetry: {service: collector.shop.svc.cluster.local, port: 4317}}
    - {name: logs, envoyOtelAls: {service: collector.shop.svc.cluster.local, port: 4317}}`;

function found(spec: string, ...others: readonly string[]): readonly string[] {
  const telemetry = `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {${spec}}`;
  const files = [{ name: "case.yaml", content: [telemetry, PROVIDERS, ...others].join("") }];
  const { mesh } = loadMesh(files, DEFAULT_SETTINGS);
  return telemetryFindings(mesh).map(({ origin, path, message }) => `${origin.name} ${path} ${message.code}`);
}

const OFF = "metrics: [{overrides: [{disabled: true}]}]";

test("overrides of metrics do not act on Envoys, which is told once", () => {
  expect(found(OFF, pod("a", "envoy"), pod("b", "envoy"))).toEqual(["shop spec.metrics HED2038"]);
  expect(found(OFF, pod("a", "heddle"))).toEqual([]);
  expect(found("metrics: [{providers: [{name: prometheus}]}]", pod("a", "envoy"))).toEqual([]);
  expect(
    found("metrics: [{providers: [{name: stackdriver}], overrides: [{disabled: true}]}]", pod("a", "envoy")),
  ).toEqual([]);
});

test("spans and logs for a service that the proxy does not see go nowhere, whichever proxy it is", () => {
  const spans = "tracing: [{providers: [{name: spans}]}]";
  for (const proxy of ["heddle", "envoy"]) {
    expect(found(spans, pod("a", proxy), pod("b", proxy))).toEqual(["shop spec.tracing HED2035"]);
    expect(found(spans, pod("a", proxy), COLLECTOR)).toEqual([]);
    const logs = "accessLogging: [{providers: [{name: logs}]}]";
    expect(found(logs, pod("a", proxy))).toEqual(["shop spec.accessLogging HED2037"]);
    expect(found(logs, pod("a", proxy), COLLECTOR)).toEqual([]);
  }
});
