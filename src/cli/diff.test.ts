import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadMesh } from "../dialect/load.ts";
import type { SourceObject } from "../dialect/object.ts";
import type { ObservedCaller } from "../explain/caller-difference.ts";
import { type MeshState, meshDifference } from "../explain/mesh-difference.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { objectsOfFiles } from "./analysis-input.ts";
import { diffText, isEmpty } from "./diff-output.ts";
import { findingsDifference } from "./findings-difference.ts";
import { styleOf } from "./terminal.ts";

const WORLD = readFileSync(join(import.meta.dir, "../../test/golden/compile/world.yaml"), "utf8");
const HOST = "golden-signal.default.svc.cluster.local";
const CALLER: ObservedCaller = { namespace: "default", workload: "client", service: HOST, protocol: "http" };

function stateOf(...documents: readonly string[]): MeshState {
  const files = [WORLD, ...documents].map((content, i) => ({ name: `${i === 0 ? "world" : "change"}.yaml`, content }));
  return loadMesh(files, DEFAULT_SETTINGS);
}

const SUBSETS = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-signal, namespace: default}
spec: {host: golden-signal, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}`;

const split = (v1: number, extra = "") => `${SUBSETS}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec:
  hosts: [golden-signal]
  http:
  - name: split
    ${extra}
    route: [{destination: {host: golden-signal, subset: v1}, weight: ${v1}}, {destination: {host: golden-signal, subset: v2}, weight: ${100 - v1}}]`;

const policy = (spec: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: default}
spec: ${spec}`;

function between(before: readonly string[], after: readonly string[], callers: readonly ObservedCaller[] = [CALLER]) {
  const findings = findingsDifference(objectsIn(before), objectsIn(after), DEFAULT_SETTINGS);
  return { ...meshDifference(stateOf(...before), stateOf(...after), callers), findings };
}

function objectsIn(documents: readonly string[]): readonly SourceObject[] {
  const files = [WORLD, ...documents].map((content, i) => ({ name: `${i === 0 ? "world" : "change"}.yaml`, content }));
  return objectsOfFiles(files, "default").objects;
}

function effects({ callers }: ReturnType<typeof between>): readonly string[] {
  return callers.flatMap(({ requests }) =>
    requests.map(({ effect, method, url }) => `${effect}: ${method} ${new URL(url).pathname}`),
  );
}

describe("the difference of two meshes", () => {
  test("is nothing for the same objects, and for what says the same in other words", () => {
    expect(isEmpty(between([split(80)], [split(80)]))).toBe(true);
    const inOtherWords = split(80).replace("hosts: [golden-signal]", `hosts: [${HOST}]`);
    expect(isEmpty(between([split(80)], [inOtherWords]))).toBe(true);
  });

  test("names the routes, and sends the callers elsewhere", () => {
    const difference = between([split(80)], [split(50)]);
    expect(difference.proxies.flatMap(({ proxies }) => proxies)).toContain("default/client");
    expect(difference.proxies[0]!.changes.every(({ kind }) => kind === "routes")).toBe(true);
    expect(effects(difference)).toEqual(["goes elsewhere: GET /"]);
  });

  test("asks with a request of each kind that routes and policies tell apart", () => {
    const guard = policy("{action: DENY, rules: [{to: [{operation: {paths: [/admin*], methods: [GET, POST]}}]}]}");
    const difference = between([], [guard]);
    expect(effects(difference)).toEqual(["loses access: GET /admin", "loses access: POST /admin"]);
    const [{ changes } = { changes: [] }] = difference.proxies;
    expect(changes.map(({ kind }) => kind)).toContain("policies");
    expect(effects(between([guard], []))).toEqual(["works again: GET /admin", "works again: POST /admin"]);
    const byHeader = split(
      100,
      "match: [{headers: {x-user: {exact: alice}}, uri: {prefix: /vip}, method: {exact: PUT}}]",
    );
    expect(effects(between([split(100)], [byHeader]))).toEqual(["fails: GET /"]);
  });

  test("tells a change that words do not say: a time-out, a header, a rewrite", () => {
    const { proxies, callers } = between([split(80)], [split(80, "headers: {request: {set: {x-a: b}}}")]);
    expect(proxies[0]!.changes[0]!.changed).toHaveLength(1);
    expect(callers[0]!.requests.map(({ effect }) => effect)).toEqual(["is sent otherwise"]);
    const slow = between([split(80)], [split(80, "timeout: 3s")]);
    expect([slow.proxies[0]!.changes[0]!.changed.length, slow.callers]).toEqual([1, []]);
    expect(Object.values(slow.proxies[0]!.changes[0]!.fields)).toEqual([
      ['route.timeout: "0s" → "3s"', 'route.max_grpc_timeout: "0s" → "3s"'],
    ]);
  });

  test("says that a new route is aborted", () => {
    const fault = "match: [{uri: {prefix: /x}}]\n    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}";
    const changes = between([split(80)], [split(80, fault)]).proxies.flatMap((one) => one.changes);
    expect(JSON.stringify(changes.map(({ fields }) => fields))).toContain("418");
  });

  test("has endpoints that come and go, and proxies", () => {
    const pod = `
apiVersion: v1
kind: Pod
metadata:
  name: golden-signal-v3
  namespace: default
  labels: {app: golden-signal, version: v3}
  annotations: {heddle.dev/proxy: heddle, heddle.dev/mesh-port: "15308", heddle.dev/bind-address: 127.0.0.1}
spec: {serviceAccountName: golden-signal, containers: [{name: app, ports: [{name: http, containerPort: 8082}]}]}
status: {podIP: 127.0.0.1, conditions: [{type: Ready, status: "True"}]}`;
    const difference = between([], [pod]);
    expect(difference.proxies.find(({ change }) => change === "added")?.proxies).toEqual(["default/golden-signal-v3"]);
    const changes = difference.proxies.flatMap((one) => one.changes.filter(({ kind }) => kind === "endpoints"));
    const added = ["127.0.0.1:15308"];
    expect(changes[0]).toEqual({
      kind: "endpoints",
      name: `outbound|80||${HOST}/http2`,
      removed: [],
      added,
      changed: [],
      fields: {},
    });
    expect(difference.callers).toEqual([]);
  });

  test("has endpoints whose place gets another share", () => {
    const placed = (us: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: placed, namespace: default}
spec:
  hosts: [placed.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 192.0.2.1, locality: us/a}, {address: 192.0.2.2, locality: eu/a}, {address: 192.0.2.3, locality: ap/a}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: placed, namespace: default}
spec: {host: placed.test, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: "*", to: {us: ${us}, eu: ${50 - us}, ap: 50}}]}}}}`;
    const changes = between([placed(20)], [placed(30)]).proxies.flatMap((one) => one.changes);
    expect(changes.find(({ kind }) => kind === "endpoints")?.changed).toEqual(["192.0.2.2:80", "192.0.2.1:80"]);
  });

  test("leaves out callers that the mesh does not know", () => {
    const { observed } = between([], [], [CALLER, { ...CALLER, workload: "nobody" }, { ...CALLER, service: "none" }]);
    expect(observed).toBe(1);
  });

  test("is written for people, with who decides, where", () => {
    const guard = policy("{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}");
    const text = diffText(between([], [guard]), "text", styleOf({ isTTY: false }));
    expect(text).toContain("default/golden-signal-v1");
    expect(text).toContain("+ DENY ns[default]-policy[guard]-rule[0]");
    expect(text).toContain("1 observed caller, of which for 1:");
    expect(text).toContain("loses access: GET http://127.0.0.1:9191/admin");
    expect(text).toContain("refused with 403, by AuthorizationPolicy default/guard spec.rules[0] (change.yaml:5)");
  });

  test("is written for programs", () => {
    const guard = policy("{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}");
    const shape = JSON.parse(diffText(between([], [guard]), "json", styleOf({ isTTY: false })));
    expect(shape.observedCallers).toBe(1);
    expect(shape.callers[0].requests[0]).toMatchObject({
      effect: "loses access",
      method: "GET",
      before: { outcome: "forward" },
      after: { outcome: "reject", status: 403, authz: { decision: "deny", policy: "default/guard", rule: 0 } },
    });
  });

  test("has what would be wrong then and was not before, and what would be no more", () => {
    const misspelt = split(80).replaceAll("subset: v2", "subset: v9").replace("weight: 80", "weight: 70");
    const { added, removed } = between([split(80)], [misspelt]).findings;
    expect(added.map(({ code, path }) => `${code} ${path}`)).toEqual([
      "IST0101 spec.http[0].route[1].destination.subset",
      "HED1202 spec.http[0].route",
    ]);
    expect(removed).toEqual([]);
    const mended = between([misspelt], [split(80)]).findings;
    expect(mended.removed.map(({ code }) => code)).toEqual(added.map(({ code }) => code));
    expect(mended.added).toEqual([]);
  });

  test("of findings alike has as many as there are more of, and none for a rule that moves", () => {
    const rule = (subset: string) => `{route: [{destination: {host: golden-signal, subset: ${subset}}}]}`;
    const rules = (...list: readonly string[]) =>
      `${SUBSETS}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w, namespace: default}\nspec: {hosts: [golden-signal], http: [${list.join(", ")}]}`;
    const first = `{match: [{uri: {prefix: /a}}], route: [{destination: {host: golden-signal, subset: v1}}]}`;
    expect(between([rules(rule("v9"))], [rules(first, rule("v9"))]).findings).toEqual({ added: [], removed: [] });
    const twice = between([rules(rule("v9"))], [rules(first.replace("v1", "v9"), rule("v9"))]).findings;
    expect(twice.added.map(({ code, path }) => `${code} ${path}`)).toEqual([
      "IST0101 spec.http[1].route[0].destination.subset",
    ]);
  });

  test("that is findings alone is a difference, told to people and programs", () => {
    const port =
      "apiVersion: v1\nkind: Service\nmetadata: {name: alone, namespace: default}\nspec: {ports: [{port: 9}], selector: {app: nobody}}";
    const before = `${port}`;
    const after = port.replace("port: 9", "port: 9, name: undeclared");
    const difference = { ...between([before], [after]), proxies: [], callers: [] };
    expect(isEmpty(difference)).toBe(false);
    const text = diffText(difference, "text", styleOf({ isTTY: false }));
    expect(text).toContain("1 finding more:\nInfo [IST0118] (Service default/alone change.yaml:4:");
    expect(text).toContain("1 finding less:\nInfo [IST0118] (Service default/alone) ");
    const shape = JSON.parse(diffText(difference, "json", styleOf({ isTTY: false })));
    expect(shape.findings).toMatchObject({
      added: [{ code: "IST0118", level: "Info", origin: "Service default/alone", file: "change.yaml" }],
      removed: [{ code: "IST0118" }],
    });
  });
});
