import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { securityFindings } from "./validate-security.ts";

const PROVIDERS = `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
    - {name: asked, envoyExtAuthzGrpc: {service: authorizer.shop.svc.cluster.local, port: 9000}}`;

function pod(name: string, proxy: string, more = ""): string {
  return `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}, annotations: {heddle.dev/proxy: ${proxy}${more}}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.0.0.8, conditions: [{type: Ready, status: "True"}]}`;
}

const gateway = (proxy: string) => pod("edge", proxy, ', heddle.dev/gateway: "true"');
const sidecar = (proxy: string) => pod("web", proxy, ', heddle.dev/capture: "true"');

function found(provider: string, ...pods: readonly string[]): readonly string[] {
  const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: shop, namespace: shop}
spec: {action: CUSTOM, provider: {name: ${provider}}, rules: [{to: [{operation: {paths: [/asked]}}]}]}`;
  const files = [{ name: "case.yaml", content: [policy, PROVIDERS, ...pods].join("") }];
  const { mesh } = loadMesh(files, DEFAULT_SETTINGS);
  return securityFindings(mesh).map(
    ({ path, message }) => `${path} ${message.code} ${/shop\/\w+/.exec(message.message)}`,
  );
}

test("Heddle's proxy asks no authorizer, beside a program or as a gateway, which is told once", () => {
  expect(found("asked", gateway("heddle"))).toEqual(["spec.provider.name HED2030 shop/edge"]);
  expect(found("asked", sidecar("heddle"))).toEqual(["spec.provider.name HED2030 shop/web"]);
  expect(found("asked", gateway("heddle"), sidecar("heddle"))).toHaveLength(1);
  expect(found("asked", gateway("envoy"), sidecar("envoy"))).toEqual([]);
});

test("an authorizer that the mesh does not have is told, whoever would ask it", () => {
  expect(found("askde", gateway("envoy"))).toEqual(["spec.provider.name HED2031 null"]);
});
