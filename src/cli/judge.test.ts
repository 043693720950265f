import { describe, expect, test } from "bun:test";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { judgeAlone, judgeEach, judgeTogether } from "./judge.ts";
import { readWritten } from "./written-objects.ts";

const VIRTUAL_SERVICE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.shop.svc.cluster.local]
  http:
    - route:
        - destination: {host: web, subset: v1}
`;

function read(text: string, namespace = "shop") {
  return readWritten([{ name: "f.yaml", content: text }], namespace, judgeAlone);
}

function inForce(value: unknown): SourceObject {
  const result = sourceObject(value);
  if (result.kind === "invalid") throw new Error("not an object");
  return result.object;
}

const service = (name: string) =>
  inForce({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "shop" },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
  });
const rule = (subset: string) =>
  inForce({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "web", namespace: "shop" },
    spec: { host: "web", subsets: [{ name: subset, labels: { version: subset } }] },
  });

describe("files", () => {
  test("objects get the namespace that they do not name, those of the whole cluster get none", () => {
    const text = `${VIRTUAL_SERVICE}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n`;
    const { objects, diagnostics } = read(text);
    expect(diagnostics).toEqual([]);
    expect(objects.map(({ type, source }) => [type.kind, source.value.metadata])).toEqual([
      ["VirtualService", { name: "web", namespace: "shop" }],
      ["Namespace", { name: "team" }],
    ]);
    expect(objects[0]!.source.origin.namespace).toBe("shop");
    expect(
      read(VIRTUAL_SERVICE.replace("{name: web}", "{name: web, namespace: own}")).objects[0]!.source.origin.namespace,
    ).toBe("own");
  });

  test("kinds that the API does not store are errors with a place, those without a meaning for the mesh are not", () => {
    const { objects, diagnostics } = read("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n");
    expect(objects).toEqual([]);
    expect(diagnostics).toMatchObject([
      { code: "HED1021", severity: "error", span: { file: "f.yaml", line: 2, column: 7 } },
    ]);
    const account = read("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n");
    expect(account.diagnostics).toEqual([]);
    expect(judgeEach(account.objects, DEFAULT_SETTINGS)).toEqual([]);
  });

  test("weights that do not add up are refused, and an object that is written twice", () => {
    const weights = VIRTUAL_SERVICE.replace(
      "- destination: {host: web, subset: v1}",
      "- {destination: {host: web}, weight: 80}\n        - {destination: {host: other}, weight: 30}",
    );
    expect(judgeEach(read(weights).objects, DEFAULT_SETTINGS)).toMatchObject([{ code: "HED1202", severity: "error" }]);
    const twice = judgeEach(read(`${VIRTUAL_SERVICE}---\n${VIRTUAL_SERVICE}`).objects, DEFAULT_SETTINGS);
    expect(twice).toMatchObject([{ code: "HED1026", severity: "error" }]);
  });
});

describe("files beside what is in force", () => {
  const judge = (text: string, ...objects: SourceObject[]) =>
    judgeTogether(read(text).objects, objects, DEFAULT_SETTINGS).map(({ code, severity }) => `${code} ${severity}`);

  test("a subset that nobody defines is a warning, until it is defined in force or in the files: its rule may come later", () => {
    expect(judge(VIRTUAL_SERVICE, service("web"))).toContain("HED2002 warning");
    expect(judge(VIRTUAL_SERVICE, service("web"), rule("v1"))).toEqual([]);
  });

  test("where others are defined it is an error, unless it was missing before: it is mostly misspelt", () => {
    expect(judge(VIRTUAL_SERVICE, service("web"), rule("v2"))).toContain("HED2002 error");
    const before = read(VIRTUAL_SERVICE).objects[0]!.source;
    const changed = VIRTUAL_SERVICE.replace("  http:", "  exportTo: [shop]\n  http:");
    expect(judge(changed, before, service("web"), rule("v2"))).toContain("HED2002 warning");
    const other = VIRTUAL_SERVICE.replace("subset: v1", "subset: v3");
    expect(judge(other, before, service("web"), rule("v2"))).toContain("HED2002 error");
  });

  test("what is written replaces what is in force", () => {
    const written = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
`;
    expect(judge(`${VIRTUAL_SERVICE}---\n${written}`, service("web"), rule("v2"))).not.toContain("HED2002 error");
  });

  test("a service may come later than its routes", () => {
    const found = judge(VIRTUAL_SERVICE);
    expect(found).toContain("HED2001 warning");
    expect(found.filter((finding) => finding.endsWith("error"))).toEqual([]);
  });

  test("what another kind contradicts is an error, unless it was so before, or the files put it right", () => {
    const callers = (action: string) => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers}
spec: {action: ${action}, rules: [{from: [{source: {namespaces: [shop]}}]}]}
`;
    const peers = (mode: string) => ({
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "m", namespace: "shop" },
      spec: { mtls: { mode } },
    });
    expect(judge(callers("ALLOW"), inForce(peers("DISABLE")))).toEqual(["KIA0105 error"]);
    const before = read(callers("ALLOW")).objects[0]!.source;
    expect(judge(callers("DENY"), before, inForce(peers("DISABLE")))).toEqual([]);
    expect(judge(`${callers("ALLOW")}---\n${JSON.stringify(peers("STRICT"))}`, inForce(peers("DISABLE")))).toEqual([]);
  });

  test("what is wrong elsewhere is not told", () => {
    const broken = inForce({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "old", namespace: "shop" },
      spec: { hosts: ["old"], http: [{ route: [{ destination: { host: "gone" } }] }] },
    });
    expect(judge(VIRTUAL_SERVICE, broken, service("web"), rule("v1"))).toEqual([]);
  });
});

describe("age", () => {
  const route = (name: string, created?: string) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "shop", ...(created === undefined ? {} : { creationTimestamp: created }) },
    spec: { hosts: ["web"], http: [{ route: [{ destination: { host: "web" } }] }] },
  });
  const codes = (text: string, held: readonly SourceObject[]) =>
    judgeTogether(read(text).objects, held, DEFAULT_SETTINGS).map(({ code }) => code);

  test("what is new is younger than what is in force", () => {
    const held = [service("web"), inForce(route("zebra", "2020-01-01T00:00:00Z"))];
    expect(codes(JSON.stringify(route("ant")), held)).toEqual(["IST0109"]);
  });

  test("what replaces an object keeps its age", () => {
    const held = [
      service("web"),
      inForce(route("ant", "2020-01-01T00:00:00Z")),
      inForce(route("bee", "2021-01-01T00:00:00Z")),
    ];
    expect(codes(JSON.stringify(route("ant")), held)).toEqual(["HED2013"]);
    expect(codes(JSON.stringify(route("bee")), held)).toEqual(["HED2005"]);
  });
});
