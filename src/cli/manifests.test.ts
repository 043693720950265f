import { expect, test } from "bun:test";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { asRunning } from "./manifests.ts";
import { compileOffline } from "./offline-compilation.ts";

const running = (text: string, proxy?: "envoy") =>
  asRunning(readObjects("f.yaml", text).objects, proxy)
    .filter(({ origin }) => origin.kind === "Pod")
    .map(({ origin, annotations, value }) => {
      const { status } = value as { readonly status: { readonly podIP: string } };
      return `${origin.name} ${status.podIP} ${annotations["heddle.dev/proxy"] ?? "none"}`;
    });

function namespace(labels: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {${labels}}}\n---\n`;
}

function pod(name: string, metadata = "", more = ""): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop${metadata}}\nspec: {containers: []}\n${more}---\n`;
}

const INJECT = (value: string) => `, labels: {sidecar.istio.io/inject: "${value}"}`;

test("a Pod without an address has one, and no proxy that nobody speaks of", () => {
  expect(running(pod("a") + pod("b", "", "status: {podIP: 10.0.0.1}\n"))).toEqual([
    "a 192.0.2.1 none",
    "b 10.0.0.1 none",
  ]);
});

test.each([
  ["istio-injection: enabled", ["a 192.0.2.1 heddle", "with 192.0.2.2 heddle", "without 192.0.2.3 none"]],
  ["istio.io/rev: stable", ["a 192.0.2.1 heddle", "with 192.0.2.2 heddle", "without 192.0.2.3 none"]],
  [
    "istio-injection: disabled, istio.io/rev: stable",
    ["a 192.0.2.1 none", "with 192.0.2.2 heddle", "without 192.0.2.3 none"],
  ],
  ["team: a", ["a 192.0.2.1 none", "with 192.0.2.2 heddle", "without 192.0.2.3 none"]],
])("a proxy stands where Istio would inject it: %s", (labels, expected) => {
  expect(running(namespace(labels) + pod("a") + pod("with", INJECT("true")) + pod("without", INJECT("false")))).toEqual(
    expected,
  );
});

test("what runs has the proxy that it says, wherever it is", () => {
  const status = "status: {podIP: 10.0.0.1}\n";
  expect(running(namespace("istio-injection: enabled") + pod("a", "", status))).toEqual(["a 10.0.0.1 none"]);
});

test("one may be put beside all that say nothing of it", () => {
  const own = ", annotations: {heddle.dev/proxy: heddle}";
  expect(running(pod("a") + pod("b", own) + pod("c", INJECT("false")), "envoy")).toEqual([
    "a 192.0.2.1 envoy",
    "b 192.0.2.2 heddle",
    "c 192.0.2.3 none",
  ]);
});

test("a gateway is what Istio's template or its own arguments make one", () => {
  const roles = (text: string) =>
    asRunning(readObjects("f.yaml", text).objects).map(({ annotations }) =>
      ["heddle.dev/proxy", "heddle.dev/gateway", "heddle.dev/capture"].map((key) => annotations[key] ?? "-").join(" "),
    );
  const template = ", annotations: {inject.istio.io/templates: gateway}";
  const router = (inject: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: r, namespace: shop${INJECT(inject)}}\nspec: {containers: [{name: istio-proxy, args: [proxy, router]}]}\n---\n`;
  expect(roles(pod("a", `${INJECT("true")}${template}`))).toEqual(["heddle true -"]);
  expect(roles(pod("a", template))).toEqual(["- - -"]);
  expect(roles(router("false"))).toEqual(["heddle true -"]);
  expect(roles(router("false").replace("router", "sidecar"))).toEqual(["- - -"]);
});

test("a Service without an address takes the bytes of captured clients at one that stands in", () => {
  const db =
    "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {ports: [{name: tcp, port: 5432}]}\n---\n";
  const objects = asRunning(readObjects("f.yaml", db + pod("web", INJECT("true"))).objects);
  const result = compileOffline(objects, { workload: "shop/web" }, DEFAULT_SETTINGS);
  if (result.kind === "rejected") throw new Error("rejected");
  const listeners = [...resourcesOf(result.compilation.snapshot, "lds").keys()];
  expect(listeners).toContainEqual(expect.stringMatching(/^198\.1[89]\.\d+\.\d+_5432$/));
});
