import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { openedPorts } from "../model/gateway-ports.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { commonHosts, planHosts } from "./gateway-routes.ts";
import { clientSelectors, viewOf } from "./visibility.ts";

test("of a server's and a route's hosts the narrower is left, in the namespaces that the server names", () => {
  const server = [{ host: "*.a.test" }, { namespace: "prod", host: "b.test" }];
  expect(commonHosts(server, ["x.a.test", "*.y.a.test", "a.test", "b.test"], "dev")).toEqual([
    "x.a.test",
    "*.y.a.test",
  ]);
  expect(commonHosts(server, ["*"], "prod")).toEqual(["*.a.test", "b.test"]);
  expect(commonHosts([{ host: "*" }], ["b.test"], "dev")).toEqual(["b.test"]);
});

const WORLD = `
apiVersion: v1
kind: Pod
metadata: {name: edge, namespace: default, labels: {app: edge}, annotations: {heddle.dev/proxy: heddle, heddle.dev/gateway: "true"}}
spec: {serviceAccountName: edge, containers: [{name: app}]}
status: {podIP: 127.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  selector: {app: edge}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.test"]}]
`;

function virtualService(name: string, created: string, spec: string): string {
  const metadata = `{name: ${name}, namespace: default, creationTimestamp: "${created}"}`;
  return `---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: ${metadata}\nspec: ${spec}\n`;
}

/** Virtual hosts with the paths of their rules: of each match, or `*`. */
function hosts(...virtualServices: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const { mesh } = loadMesh([{ name: "case.yaml", content: WORLD + virtualServices.join("") }], DEFAULT_SETTINGS);
  const workload = mesh.workloads.at(0)!;
  const view = viewOf(workload, workload.proxy!, clientSelectors(mesh));
  const planned = planHosts(mesh, view, openedPorts(mesh, workload).ports[0]!.servers, "http");
  const pathOf = (path: { readonly value: string } | undefined) => path?.value ?? "*";
  return Object.fromEntries(
    planned.map(({ host, rules }) => [host, rules.map(({ selected }) => pathOf(selected.match?.path))]),
  );
}

const OLD = "2026-01-01T00:00:00Z";
const YOUNG = "2026-02-01T00:00:00Z";
const redirect = (path: string) => `{match: [{uri: {prefix: ${path}}}], redirect: {uri: /x}}`;

test("routes of one host are joined by age, and what matches everything goes to the end", () => {
  const first = virtualService(
    "b",
    OLD,
    `{hosts: [a.test], gateways: [edge], http: [${redirect("/old")}, {redirect: {uri: /all}}]}`,
  );
  const second = virtualService("a", YOUNG, `{hosts: [a.test], gateways: [edge], http: [${redirect("/young")}]}`);
  expect(hosts(second, first)).toEqual({ "a.test": ["/old", "/young", "*"] });
});

test("a route holds at the Gateways that it names, for clients that it names, and for its own port", () => {
  const elsewhere = virtualService("a", OLD, `{hosts: [a.test], gateways: [other], http: [${redirect("/a")}]}`);
  const mesh = virtualService("b", OLD, `{hosts: [b.test], http: [${redirect("/b")}]}`);
  const labels = virtualService(
    "c",
    OLD,
    "{hosts: [c.test], gateways: [edge], http: [{match: [{uri: {prefix: /no}, sourceLabels: {app: x}}, {uri: {prefix: /yes}, sourceLabels: {app: edge}}, {uri: {prefix: /port}, port: 81}], redirect: {uri: /x}}]}",
  );
  const kept = virtualService(
    "d",
    OLD,
    `{hosts: [d.test], gateways: [edge], exportTo: ["elsewhere"], http: [${redirect("/d")}]}`,
  );
  expect(hosts(elsewhere, mesh, labels, kept)).toEqual({ "c.test": ["/yes"] });
});
