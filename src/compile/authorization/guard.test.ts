// What stands before an application follows the policies and the keys, change by change.

import { expect, test } from "bun:test";
import { loadMesh } from "../../dialect/load.ts";
import { buildMesh } from "../../model/build.ts";
import type { Mesh } from "../../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { CompileCache } from "../cache.ts";
import { compileProxy, compileShared } from "../compile.ts";

const WORLD = `
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}, annotations: {heddle.dev/proxy: envoy, heddle.dev/capture: "true"}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.0.0.8, conditions: [{type: Ready, status: "True"}]}`;

const DENY = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec: {action: DENY, rules: [{to: [{operation: {paths: [/closed]}}]}]}`;

const TOKENS = `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {jwtRules: [{issuer: "https://a.org", jwksUri: "https://a.org/keys"}]}`;

test("a policy that comes or goes, and keys that come, are in the listeners of the next compilation", () => {
  const cache = new CompileCache();
  let last: Mesh | undefined;
  const listeners = (documents: string, jwks?: string): string => {
    const { parts } = loadMesh([{ name: "f.yaml", content: WORLD + documents }], DEFAULT_SETTINGS);
    const keySets = jwks === undefined ? [] : [{ uri: "https://a.org/keys", jwks }];
    const mesh = buildMesh(DEFAULT_SETTINGS, { ...parts, keySets }, last);
    last = mesh;
    const snapshot = compileProxy(compileShared(mesh, new Map(), cache), mesh.workloads.at(0)!)!;
    return [...(snapshot.resources.lds?.values() ?? [])].map(({ version }) => version).join();
  };
  const open = listeners("");
  const closed = listeners(DENY);
  const verified = listeners(TOKENS);
  const keyed = listeners(TOKENS, '{"keys":[1]}');
  expect(new Set([open, closed, verified, keyed]).size).toBe(4);
  expect(listeners(DENY)).toBe(closed);
  expect(listeners("")).toBe(open);
});
