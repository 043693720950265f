import { expect, test } from "bun:test";
import type { Authorizer } from "../model/authorizer.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { resourceJson } from "../xds/resource-json.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { type AuthorizationRow, authorizationRows } from "./authorization-rules.ts";
import { compileOffline } from "./offline-compilation.ts";

const policy = (name: string, spec: string, annotations = "") => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop${annotations}}
spec: ${spec}`;

const WEB = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {serviceAccountName: web, containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}`;

const HOST = "web.shop.svc.cluster.local";
const ASK: Authorizer = {
  name: "ask",
  protocol: "grpc",
  host: HOST,
  port: 80,
  timeoutMs: 1_000,
  failOpen: false,
  clearRouteCache: false,
};

function rows(
  proxy: "heddle" | "envoy",
  settings: typeof DEFAULT_SETTINGS,
  ...policies: readonly string[]
): readonly AuthorizationRow[] {
  const { objects } = objectsOfFiles([{ name: "a.yaml", content: [WEB, ...policies].join("\n---\n") }], "shop");
  const result = compileOffline(objects, { workload: "shop/web", proxy }, settings);
  if (result.kind === "rejected") throw new Error(JSON.stringify(result.diagnostics));
  return authorizationRows(
    [...resourcesOf(result.compilation.snapshot, "lds").values()].map((one) => resourceJson(one)),
  );
}

test.each(["heddle", "envoy"] as const)(
  "the policies of a %s have istioctl's columns, in the order in which they are asked",
  (proxy) => {
    const found = rows(
      proxy,
      DEFAULT_SETTINGS,
      policy(
        "let-in",
        "{action: ALLOW, rules: [{to: [{operation: {methods: [GET]}}]}, {to: [{operation: {paths: [/open]}}]}]}",
      ),
      policy("keep-out", "{action: DENY, rules: [{to: [{operation: {paths: [/secret]}}]}]}"),
      policy("elsewhere", "{selector: {matchLabels: {app: other}}, action: DENY, rules: [{}]}"),
      policy(
        "trial",
        "{action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]}",
        ', annotations: {istio.io/dry-run: "true"}',
      ),
    );
    expect(found).toEqual([
      { action: "DENY", policy: "keep-out.shop", rules: 1 },
      { action: "DENY (dry-run)", policy: "trial.shop", rules: 1 },
      { action: "ALLOW", policy: "let-in.shop", rules: 2 },
    ]);
  },
);

test("whom an authorizer is asked about is told first", () => {
  const custom = policy(
    "asked",
    "{action: CUSTOM, provider: {name: ask}, rules: [{to: [{operation: {paths: [/ask]}}]}]}",
  );
  const denied = policy("keep-out", "{action: DENY, rules: [{to: [{operation: {paths: [/secret]}}]}]}");
  expect(rows("envoy", { ...DEFAULT_SETTINGS, authorizers: [ASK] }, denied, custom)).toEqual([
    { action: "CUSTOM", policy: "asked.shop", rules: 1 },
    { action: "DENY", policy: "keep-out.shop", rules: 1 },
  ]);
});

test("an ALLOW policy without rules has istioctl's name; without policies there is nothing", () => {
  expect(rows("envoy", DEFAULT_SETTINGS, policy("nothing", "{}"))).toEqual([
    { action: "ALLOW", policy: "_anonymous_match_nothing_", rules: 1 },
  ]);
  expect(rows("envoy", DEFAULT_SETTINGS)).toEqual([]);
});
