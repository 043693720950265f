import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { securityFindings } from "./validate-security.ts";

function pod(name: string, role: string, address: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: edge, labels: {app: ${name}}, annotations: {heddle.dev/proxy: heddle, ${role}: "true"}}
spec: {containers: [{name: app}]}
status: {podIP: ${address}, conditions: [{type: Ready, status: "True"}]}`;
}

function object(kind: string, name: string, spec: string): string {
  return `apiVersion: security.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: edge}\nspec: ${spec}`;
}

test("what holds for a gateway is told to have no effect there, and nothing else of it", () => {
  const content = [
    pod("door", "heddle.dev/gateway", "10.0.0.1"),
    pod("web", "heddle.dev/capture", "10.0.0.2"),
    object(
      "AuthorizationPolicy",
      "door",
      '{selector: {matchLabels: {app: door}}, action: DENY, rules: [{from: [{source: {ipBlocks: ["192.0.2.1"]}}]}]}',
    ),
    object("AuthorizationPolicy", "web", "{selector: {matchLabels: {app: web}}, rules: [{}]}"),
    object(
      "RequestAuthentication",
      "tokens",
      "{selector: {matchLabels: {app: door}}, jwtRules: [{issuer: a, jwksUri: https://a.test/keys}]}",
    ),
  ].join("\n---\n");
  const { mesh } = loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS);
  expect(securityFindings(mesh).map(({ origin, message }) => `${origin.kind} ${origin.name} ${message.code}`)).toEqual([
    "AuthorizationPolicy door HED1791",
    "RequestAuthentication tokens HED1791",
  ]);
});
